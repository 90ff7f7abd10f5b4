"""From a trained run and the attacks on it to the numbers of its robustness."""

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from pyro_seatbelt.attacks.folding import folded
from pyro_seatbelt.attacks.groups import processes_for_groups
from pyro_seatbelt.data import to_pixels
from pyro_seatbelt.data.subset import evenly_spaced
from pyro_seatbelt.evaluation import attack_health as health
from pyro_seatbelt.evaluation import importance_weighted_bound, reconstruct
from pyro_seatbelt.evaluation.auddc import curves
from pyro_seatbelt.evaluation.certificate import certified_resistance
from pyro_seatbelt.evaluation.coverage import LEAST_ROOM, l2_norms
from pyro_seatbelt.evaluation.distortion_lines import DistortionLines, distortion_lines
from pyro_seatbelt.evaluation.medians import median_over_runs
from pyro_seatbelt.evaluation.r_robustness import r_robustness
from pyro_seatbelt.evaluation.reconstruction_bound import constructed_bound
from pyro_seatbelt.evaluation.resistance import best_covered, resistance
from pyro_seatbelt.evaluation.square_search import square_search
from pyro_seatbelt.executors.processors import num_workers
from pyro_seatbelt.progress import Progress, under
from pyro_seatbelt.runs.attack import check_options
from pyro_seatbelt.runs.folder import package_versions
from pyro_seatbelt.runs.images import open_same_data
from pyro_seatbelt.runs.maximum_damage import maximum_damage
from pyro_seatbelt.runs.open import Run
from pyro_seatbelt.runs.robustness_attacks import AttackedPairs, attack_options, layers_of
from pyro_seatbelt.runs.robustness_numbers import (
    MEDIANS,
    Damage,
    HealthCheck,
    MedianInterval,
    Robustness,
    mean_of,
)
from pyro_seatbelt.runs.robustness_options import RobustnessOptions

GRID = np.linspace(0, 1, 101)
"""Relative distortions of the curves."""

_BLEND_POINTS = 64
_NOISES = 8


class Measured(NamedTuple):
    """What is kept of a measurement.

    Attributes:
        numbers: The numbers.
        pairs: A row for each pair.
        curves: A row for each pair and each of :data:`GRID`: the most that is `covered` there by
            attacks, and by the `blend`.
    """

    numbers: Robustness
    pairs: pd.DataFrame
    curves: pd.DataFrame


class _Quality(NamedTuple):
    mse: float
    rate: float
    elbo: float
    num_images: int


def measure_robustness(
    run: Run, found: AttackedPairs, options: RobustnessOptions, progress: Progress
) -> Measured:
    """Measures the robustness of a trained run.

    Args:
        run: The run.
        found: The attacks on it.
        options: What to measure.
        progress: Is told how far each stage is.

    Returns:
        The numbers, and what is known of single pairs.

    Raises:
        InputError: If the data are absent or others.
    """
    device = next(run.guide.parameters()).device
    x, target = found.x.to(device), found.target.to(device)
    with folded(run.model, run.guide):
        lines = _lines(run, x, target, found.distortions, found.table, under(progress, "attacks"))
        blend = distortion_lines(
            run.model, run.guide, x, target, target - x, range(len(x)), num_points=_BLEND_POINTS
        )
        noise = _noise_lines(run, x, target, options.seed)
        pairs = _pair_table(run, x, target, found.table, lines, blend, noise)
        damage, robust_clean = _damage(run, x, pairs, options, under(progress, "damage"))
        quality = _quality(run, options, under(progress, "quality"))
    checks = _checks(run, x, target, found, lines, pairs, options, progress)
    medians: dict[str, Any] = {
        name: MedianInterval.of(median_over_runs([pairs[name].to_numpy()]))
        for name in (*MEDIANS, *CERTIFIED)
        if name in pairs
    }
    numbers = Robustness(
        step=run.step,
        fingerprint=run.record.fingerprint,
        protocol=options.protocol,
        versions=package_versions(),
        attacks=found.folders,
        num_pairs=len(pairs),
        num_undefined=int(pairs["r50"].isna().sum()),
        **medians,
        damage=damage,
        robust_clean=robust_clean,
        **quality._asdict(),
        checks=[HealthCheck(**check._asdict()) for check in checks],
    )
    return Measured(numbers, pairs, _curve_table(lines, blend, len(x)))


CERTIFIED = ("certified50", "certified90")
"""Columns that the table of pairs has as well where the networks have a bound."""


def _lines(
    run: Run,
    x: Tensor,
    target: Tensor,
    distortions: Tensor,
    table: pd.DataFrame,
    progress: Progress,
) -> DistortionLines:
    return distortion_lines(
        run.model,
        run.guide,
        x,
        target,
        distortions.to(x),
        table["pair"].to_numpy(dtype=np.int64),
        progress=progress,
    )


def _noise_lines(run: Run, x: Tensor, target: Tensor, seed: int) -> DistortionLines:
    """Gaussian noise, kept in the data's range, as strong as the pairs are far apart."""
    generator = torch.Generator().manual_seed(seed)
    scale = (target - x).flatten(1).square().mean(1).sqrt().view(-1, *[1] * (x.ndim - 1))
    noise = [
        (x + scale * torch.randn(x.shape, generator=generator).to(x)).clamp(0, 1) - x
        for _ in range(_NOISES)
    ]
    pair = np.tile(np.arange(len(x)), _NOISES)
    return distortion_lines(run.model, run.guide, x, target, torch.cat(noise), pair)


def _pair_table(
    run: Run,
    x: Tensor,
    target: Tensor,
    table: pd.DataFrame,
    lines: DistortionLines,
    blend: DistortionLines,
    noise: DistortionLines,
) -> pd.DataFrame:
    clean, aim = (reconstruct(run.model, run.guide, images) for images in (x, target))
    apart, room = l2_norms(target - x), l2_norms(aim - clean)
    pairs = pd.DataFrame(
        {
            "pair": range(len(x)),
            "l2_input_to_target": apart,
            "l2_between_reconstructions": room,
        }
    )
    for name in ("input_image", "target_image"):
        if name in table:
            pairs[name] = table.groupby("pair")[name].first().reindex(range(len(x))).to_numpy()
    for name, some in (("r", lines), ("blend", blend), ("noise", noise)):
        for share in (50, 90):
            pairs[f"{name}{share}"] = [
                resistance(*some.of(pair), share / 100) for pair in range(len(x))
            ]
    pairs.loc[room <= LEAST_ROOM * apart, ["r50", "r90", "noise50", "noise90"]] = np.nan
    if (bound := constructed_bound(run.model, run.guide)) is not None:
        for share in (50, 90):
            pairs[f"certified{share}"] = certified_resistance(bound, room, apart, share / 100)
    pairs["r50_over_blend50"] = pairs["r50"] / pairs["blend50"]
    areas = [
        pd.Series({pair: curve.area for pair, curve in curves(rows).items()})
        for _, rows in table.groupby("attack", sort=False)
    ]
    least = pd.concat(areas, axis=1).min(axis=1).reindex(range(len(x)))
    pairs["auddc"] = least.where(pairs["r50"].notna()).to_numpy()
    pairs["best_attack"] = _best_attack(lines, table, len(x))
    return pairs


def _best_attack(lines: DistortionLines, table: pd.DataFrame, num_pairs: int) -> list[str | None]:
    """Which attack has the least distortion that covers half of the way; None if none does."""
    best: list[str | None] = []
    for pair in range(num_pairs):
        least, name = 1.0, None
        for attack in table["attack"].unique():
            own = (lines.pair == pair) & (table["attack"] == attack).to_numpy()
            size = resistance(lines.distortion[own], lines.covered[own], 0.5)
            if size < least:
                least, name = size, str(attack)
        best.append(name)
    return best


def _damage(
    run: Run, x: Tensor, pairs: pd.DataFrame, options: RobustnessOptions, progress: Progress
) -> tuple[list[Damage], float | None]:
    """What can be done without a target; the table gets a column for each size."""
    apart = pairs["l2_input_to_target"].to_numpy()
    room = pairs["l2_between_reconstructions"].where(pairs["r50"].notna()).to_numpy()
    radius, defined = 0.5 * room, np.isfinite(room)

    def robust(images: Tensor) -> NDArray[np.float64]:
        share = np.full(len(x), np.nan)
        if defined.any():
            own = torch.from_numpy(defined).to(x.device)
            share[defined] = r_robustness(
                run.model, run.guide, x[own], images[own], radius[defined],
                draws=options.draws, seed=options.seed,
            )  # fmt: skip
        return share

    found = []
    layers = layers_of(run, options.modes)
    for norm in options.protocol["norms"]:
        adversarial, distance = maximum_damage(
            run,
            x,
            norm * float(apart.mean()),
            layers,
            seed=options.seed,
            progress=under(progress, f"{norm:g}"),
        )
        moved, at_draws = distance / room, robust(adversarial)
        pairs[f"damage_{norm:g}"], pairs[f"robust_{norm:g}"] = moved, at_draws
        found.append(
            Damage(
                norm=norm,
                moved=MedianInterval.of(median_over_runs([moved])),
                robust_at_mean=mean_of(np.where(defined, moved <= 0.5, np.nan).tolist()),
                robust_at_draws=mean_of(at_draws.tolist()),
            )
        )
    return found, mean_of(robust(x).tolist())


def _quality(run: Run, options: RobustnessOptions, progress: Progress) -> _Quality:
    dataset, split = open_same_data(run.folder, run.config, run.record, progress)
    device = next(run.guide.parameters()).device
    images = dataset.images.to(device)
    rows = evenly_spaced(split.heldout, min(options.images, len(split.heldout)))
    bound = importance_weighted_bound(
        run.model, run.posterior, images, rows, num_samples=1, seed=options.seed, progress=progress
    )
    errors = []
    for some in rows.split(256):
        pixels = to_pixels(images.gather(some))
        error = (reconstruct(run.model, run.guide, pixels) - pixels).flatten(1).square().mean(1)
        errors.append(error.double().cpu())
    rate = torch.stack(list(bound.kl.values())).sum(0)
    return _Quality(
        torch.cat(errors).mean().item(), rate.mean().item(), bound.elbo.mean().item(), len(rows)
    )


def _checks(
    run: Run,
    x: Tensor,
    target: Tensor,
    found: AttackedPairs,
    lines: DistortionLines,
    pairs: pd.DataFrame,
    options: RobustnessOptions,
    progress: Progress,
) -> list[health.Check]:
    r50 = pairs["r50"].to_numpy()
    free = found.table["weight"].to_numpy() == found.table["weight"].min()
    ends = [lines.covered[free & (lines.pair == pair), -1] for pair in range(len(x))]
    unlimited = np.array([each.max() if np.isfinite(each).all() else np.nan for each in ends])
    checks = [
        health.check_blend(r50, pairs["blend50"].to_numpy()),
        health.check_noise(r50, pairs["noise50"].to_numpy()),
        health.check_unlimited(unlimited),
        health.check_planted(found.table),
    ]
    if "certified50" in pairs:
        checks.append(health.check_certificate(*lines, pairs["certified50"].to_numpy()))
    if not options.health:
        return [
            *checks,
            *(health.unchecked(name) for name in ("iterations", "gradient-free search")),
        ]
    twice = _twice(run, x, target, options, under(progress, "twice"))
    with folded(run.model, run.guide):
        squares = square_search(
            run.model, run.guide, x, target, np.nan_to_num(r50, nan=1.0),
            seed=options.seed, progress=under(progress, "squares"),
        )  # fmt: skip
        searched = distortion_lines(run.model, run.guide, x, target, squares, range(len(x)))
    half = np.array([resistance(*searched.of(pair), 0.5) for pair in range(len(x))])
    return [
        *checks,
        health.check_iterations(*(median_over_runs([each]).median for each in (r50, twice))),
        health.check_gradient_free(r50, half),
    ]


def _twice(
    run: Run, x: Tensor, target: Tensor, options: RobustnessOptions, progress: Progress
) -> NDArray[np.float64]:
    """What each pair needs after twice the iterations, shape `(B,)`."""
    processes = options.processes or (num_workers() if x.device.type == "cpu" else 1)
    executor = processes_for_groups(processes, device=x.device.type)
    distortions, tables = [], []
    for mode, layers in layers_of(run, options.modes).items():
        wanted = attack_options(options, [mode], times=2)
        if mode != "output":
            wanted = wanted.model_copy(update={"layers": layers})
        bound = check_options(wanted)[mode].bind(run.model, run.guide, x, target)
        parts = [part for _, part in bound.run(executor=executor, progress=under(progress, mode))]
        for part in parts:
            distortions.append(part.distortion)
            tables.append(pd.DataFrame({"pair": part.pair.tolist()}))
    with folded(run.model, run.guide):
        table = pd.concat(tables, ignore_index=True)
        lines = _lines(run, x, target, torch.cat(distortions), table, progress)
    return np.array([resistance(*lines.of(pair), 0.5) for pair in range(len(x))])


def _curve_table(lines: DistortionLines, blend: DistortionLines, num_pairs: int) -> pd.DataFrame:
    return pd.concat(
        [
            pd.DataFrame(
                {
                    "pair": pair,
                    "distortion": GRID,
                    "covered": best_covered(*lines.of(pair), GRID),
                    "blend": best_covered(*blend.of(pair), GRID),
                }
            )
            for pair in range(num_pairs)
        ],
        ignore_index=True,
    )
