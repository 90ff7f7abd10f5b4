"""Figure 8: what noise does to the likelihood, and what less of it does."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from pyro_seatbelt.errors import InputError
from pyro_seatbelt.experiments.jobs import Job
from pyro_seatbelt.experiments.paper.claims import Claim, above
from pyro_seatbelt.experiments.paper.item import Drawn, Item
from pyro_seatbelt.experiments.paper.members import CHAIN, DEEP, FLAT, jobs, members
from pyro_seatbelt.experiments.paper.results import Results, named, pick
from pyro_seatbelt.experiments.paper.scales import Scale
from pyro_seatbelt.plots import Band, BandPanel, band_panels, density_panels
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
            folder = results.run_folder(config)
            values = {} if folder is None else noise_likelihoods(folder)
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


def noise_likelihoods(folder: Path) -> dict[float, NDArray[np.float64]]:
    """Reads the log-likelihood of every image under noise.

    Args:
        folder: Of an evaluated run.

    Returns:
        By the magnitude of the noise, nats, shape `(images,)` each.

    Raises:
        InputError: If the run was not evaluated, or the file is damaged.
    """
    path = folder / "evaluation" / "evaluation.nc"
    try:
        with xr.open_dataset(path, group="noise", engine="h5netcdf") as noise:
            values: Any = noise["log_likelihood"].load()
    except (OSError, ValueError, KeyError) as error:
        raise InputError(
            f"{path}: the file is absent or damaged: `seatbelt evaluate {folder} --force` makes it"
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
            run = _run(results, config)
            levels = [scale for scale in _levels(results) if not run.empty]
            if not levels:
                continue
            means = [float(run[_column(scale)].iloc[0]) for scale in levels]
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
    low, high = (_run(results, config) for config in (configs[0], configs[-1]))
    known = not (low.empty or high.empty) and _column(noise) in results.runs
    clean, noisy = (
        [float(run[_column(scale)].iloc[0]) if known else float("nan") for run in (low, high)]
        for scale in (0.0, noise)
    )
    rises = RISES[model]
    gain = noisy[1] - noisy[0]
    return Claim(
        claim=f"noise-{noise:g}-{model}",
        item=item,
        text=f"{named(model).replace('β', 'beta')}s become "
        f"{'more' if rises else 'less'} robust to noise with increasing beta",
        source=source,
        paper="higher" if rises else "lower",
        measured={
            "beta_low": configs[0].beta,
            "beta_high": configs[-1].beta,
            "noisy at low beta": noisy[0],
            "noisy at high beta": noisy[1],
            "gain": gain,
            "clean at low beta": clean[0],
            "clean at high beta": clean[1],
            "drop at low beta": clean[0] - noisy[0],
            "drop at high beta": clean[1] - noisy[1],
            "noise": noise,
            "layers": depth,
            "models": 2 if known else 0,
            "dataset": configs[0].dataset,
        },
        holds=above(gain if rises else -gain, 0),
        note="log p(x | z*) of the clean image from its noisy version, nats per image, one model "
        f"a beta; the clean level and the drop from it are given, too.{_stand_in(results)}",
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


def _run(results: Results, config: TrainConfig) -> pd.DataFrame:
    return pick(
        results.runs,
        dataset=config.dataset,
        model=config.model,
        layers=config.layers,
        beta=config.beta,
        latent_dim=config.latent_dim,
    )


def _levels(results: Results) -> Sequence[float]:
    return [
        scale for scale in results.scale.evaluation.noise_scales if _column(scale) in results.runs
    ]


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
