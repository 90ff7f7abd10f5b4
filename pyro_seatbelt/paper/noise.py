"""Figure 8: what noise does to the likelihood, and what less of it does."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from pyro_seatbelt.errors import InputError
from pyro_seatbelt.paper.claims import Claim, above
from pyro_seatbelt.paper.item import Drawn, Item
from pyro_seatbelt.paper.members import CHAIN, DEEP, FLAT, jobs, members
from pyro_seatbelt.paper.results import Results, named, spelled
from pyro_seatbelt.paper.scales import Scale
from pyro_seatbelt.plots import Band, BandPanel, band_panels, density_panels
from pyro_seatbelt.runs.evaluation import EvaluationFolder
from pyro_seatbelt.sweeps.job import Job
from pyro_seatbelt.training.config import TrainConfig

RISES = {FLAT: True, DEEP: True, CHAIN: False}
"""Whether robustness to noise grows with beta, in the paper."""

XLABEL = "log p(x | z*) of the clean image [nats]"


def noise_jobs(scale: Scale) -> list[Job]:
    """The three models of CelebA at the betas of Figure 8."""
    return jobs(scale, [config for configs in _rows(scale).values() for config in configs])


def draw_noise(results: Results) -> Drawn:
    """Draws Figure 8: a row a model, a column a beta, a line a magnitude of noise."""
    rows: dict[str, list[dict[str, NDArray[np.float64]]]] = {}
    records = []
    for (model, depth), configs in _rows(results.scale).items():
        name = named(model, layers=depth if depth > 1 else None)
        rows[name] = []
        for config in configs:
            values = _likelihoods(results, config)
            rows[name].append({f"noise x {scale:g}": each for scale, each in values.items()})
            records += [
                {
                    "dataset": config.dataset,
                    "model": model,
                    "layers": depth,
                    "beta": config.beta,
                    "noise": scale,
                    "mean": float(each.mean()),
                    "std": float(each.std()),
                    "images": len(each),
                }
                for scale, each in values.items()
            ]
    dataset = results.scale.subjects["celeba"].dataset
    figure = density_panels(
        rows,
        columns=[f"β = {beta:g}" for beta in results.scale.noise_betas],
        xlabel=XLABEL,
        title=dataset,
    )
    return Drawn({"noise": figure}, {"noise": pd.DataFrame(records)})


def _likelihoods(results: Results, config: TrainConfig) -> dict[float, NDArray[np.float64]]:
    """What is known of a run as it is now: an evaluation of an earlier checkpoint is not."""
    folder = results.run_folder(config)
    if folder is None or math.isnan(results.number(config, _column(0.0))):
        return {}
    return noise_likelihoods(folder)


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
    path = EvaluationFolder(folder / "evaluation").tree
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


def claim_noise(results: Results) -> list[Claim]:
    """Beta-TCVAEs and Seatbelt-VAEs get more robust to noise with beta, beta-TCDLGMs less."""
    return [
        _claim(results, model, depth, noise=1.0, item="fig8", source="Section 5.3, Figure 8")
        for model, depth in _rows(results.scale)
    ]


def draw_small(results: Results) -> Drawn:
    """Draws the mean likelihood against the magnitude of the noise: a panel a model."""
    panels, records = [], []
    for (model, depth), configs in _rows(results.scale).items():
        lines = {}
        for config in configs:
            known = {
                scale: mean
                for scale in results.scale.evaluation.scales
                if not math.isnan(mean := results.number(config, _column(scale)))
            }
            if not known:
                continue
            levels, means = list(known), list(known.values())
            unknown = [float("nan")] * len(levels)
            lines[f"β = {config.beta:g}"] = Band(levels, means, unknown, unknown)
            records += [
                {
                    "dataset": config.dataset,
                    "model": model,
                    "layers": depth,
                    "beta": config.beta,
                    "noise": scale,
                    "mean": mean,
                }
                for scale, mean in zip(levels, means, strict=True)
            ]
        name = named(model, layers=depth if depth > 1 else None)
        panels.append(BandPanel(name, "log p(x | z*) [nats]", lines))
    figure = band_panels(
        panels,
        xlabel="noise (data from -1 to 1)",
        columns=3,
        title=results.scale.subjects["celeba"].dataset,
    )
    return Drawn({"small-noise": figure}, {"small-noise": pd.DataFrame(records)})


def claim_small(results: Results) -> list[Claim]:
    """The same at smaller magnitudes of noise."""
    levels = [scale for scale in results.scale.evaluation.noise_scales if 0 < scale < 1]
    return [
        _claim(
            results,
            model,
            depth,
            noise=scale,
            item="small-noise",
            source="Section 5.3, Appendix",
        )
        for scale in levels
        for model, depth in _rows(results.scale)
    ]


def _claim(
    results: Results, model: str, depth: int, *, noise: float, item: str, source: str
) -> Claim:
    configs = _rows(results.scale)[model, depth]
    clean, noisy = (
        [results.number(config, _column(scale)) for config in (configs[0], configs[-1])]
        for scale in (0.0, noise)
    )
    drop = [clear - less for clear, less in zip(clean, noisy, strict=True)]
    rises = RISES[model]
    sign = 1 if rises else -1
    gain = noisy[1] - noisy[0]
    higher, sturdier = above(sign * gain, 0), above(sign * (drop[0] - drop[1]), 0)
    return Claim(
        claim=f"noise-{noise:g}-{model}",
        item=item,
        text=f"{spelled(named(model))}s become "
        f"{'more' if rises else 'less'} robust to noise with increasing beta",
        source=source,
        paper="higher, with a smaller drop" if rises else "lower, with a larger drop",
        measured={
            "beta_low": configs[0].beta,
            "beta_high": configs[-1].beta,
            "noisy at low beta": noisy[0],
            "noisy at high beta": noisy[1],
            "gain": gain,
            "clean at low beta": clean[0],
            "clean at high beta": clean[1],
            "drop at low beta": drop[0],
            "drop at high beta": drop[1],
            "noise": noise,
            "layers": depth,
            "models": sum(not math.isnan(value) for value in noisy),
            "dataset": configs[0].dataset,
        },
        holds=higher if higher is sturdier else None,
        note="log p(x | z*) of the clean image from its noisy version, nats per image, one model "
        "a beta. Its level and the drop from the clean level must both say so; where they "
        f"disagree, nothing is decided.{_stand_in(results)}",
    )


def _stand_in(results: Results) -> str:
    dataset = results.scale.subjects["celeba"].dataset
    return "" if dataset == "celeba" else f" {dataset} stands for CelebA."


def _rows(scale: Scale) -> dict[tuple[str, int], list[TrainConfig]]:
    """Configs at every beta by model and depth."""
    subject = scale.subjects["celeba"]
    deepest = {FLAT: (1,), CHAIN: subject.chain_layers[-1:], DEEP: subject.layers[-1:]}
    return {
        (model, layers[0]): members(scale, subject, model, betas=scale.noise_betas, layers=layers)
        for model, layers in deepest.items()
        if layers
    }


def _column(scale: float) -> str:
    return f"noise.{scale:g}"


FIG8 = Item(
    title="Robustness to noise",
    source="Section 5.3, Figure 8",
    jobs=noise_jobs,
    draw=draw_noise,
    claims=claim_noise,
)

SMALL_NOISE = Item(
    title="Robustness to smaller noise",
    source="Section 5.3, Appendix",
    jobs=noise_jobs,
    draw=draw_small,
    claims=claim_small,
)
