"""Figure 8: what noise does to the likelihood."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from pyro_seatbelt.errors import InputError
from pyro_seatbelt.paper.item import Drawn, Item
from pyro_seatbelt.paper.noise import (
    all_noisy_models,
    log_likelihood,
    noisy_models,
    robustness_claims,
)
from pyro_seatbelt.paper.results import Results
from pyro_seatbelt.plots import density_panels
from pyro_seatbelt.runs.evaluation import EvaluationFolder
from pyro_seatbelt.runs.folder import RunFolder


def draw(results: Results) -> Drawn:
    """Draws a row per model, a column per beta, a line per magnitude of noise."""
    rows: dict[str, list[dict[str, NDArray[np.float64]]]] = {}
    records = []
    for name, configs in noisy_models(results.scale).items():
        rows[name] = []
        for config in configs:
            folder = results.run_folder(config)
            # an evaluation of an earlier checkpoint has no number in the table
            measured = not math.isnan(log_likelihood(results, config, 0.0))
            values = noise_likelihoods(folder) if folder is not None and measured else {}
            rows[name].append({f"noise x {scale:g}": each for scale, each in values.items()})
            records += [
                {
                    "dataset": config.dataset,
                    "model": config.model,
                    "layers": config.layers,
                    "beta": config.beta,
                    "noise": scale,
                    "mean": float(each.mean()),
                    "std": float(each.std()),
                    "images": len(each),
                }
                for scale, each in values.items()
            ]
    figure = density_panels(
        rows,
        columns=[f"β = {beta:g}" for beta in results.scale.noise_betas],
        xlabel="log p(x | z*) of the clean image [nats]",
        title=results.scale.subjects["celeba"].dataset,
    )
    return Drawn({"noise": figure}, {"noise": pd.DataFrame(records)})


def noise_likelihoods(folder: Path) -> dict[float, NDArray[np.float64]]:
    """Reads the log-likelihood of every image under noise.

    Args:
        folder: Of a run.

    Returns:
        By the magnitude of the noise, nats, shape `(images,)` each; nothing if it was not
        evaluated.

    Raises:
        InputError: If the file is damaged.
    """
    path = EvaluationFolder(RunFolder(folder).evaluation).tree
    if not path.is_file():
        return {}
    try:
        with xr.open_dataset(path, group="noise", engine="h5netcdf") as noise:
            values: Any = noise["log_likelihood"].load()
    except (OSError, ValueError, KeyError) as error:
        raise InputError(
            f"{path}: the file is damaged: `seatbelt evaluate {folder} --force` makes it again"
        ) from error
    return {
        float(scale): values.sel(scale=scale).to_numpy().ravel()
        for scale in values["scale"].to_numpy()
    }


ITEM = Item(
    name="fig8",
    roles=("celeba",),
    configs=all_noisy_models,
    draw=draw,
    claims=lambda results: robustness_claims(results, noise=1.0),
)
