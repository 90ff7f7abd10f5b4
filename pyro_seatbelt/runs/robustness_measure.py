"""From a trained run and the attacks on it to the numbers of its robustness."""

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from pyro_seatbelt.attacks.folding import folded
from pyro_seatbelt.data import to_pixels
from pyro_seatbelt.data.subset import evenly_spaced
from pyro_seatbelt.evaluation import importance_weighted_bound, reconstruct
from pyro_seatbelt.evaluation.auddc import curves
from pyro_seatbelt.evaluation.certificate import certified_resistance
from pyro_seatbelt.evaluation.distortion_lines import DistortionLines, distortion_lines
from pyro_seatbelt.evaluation.medians import median_over_runs
from pyro_seatbelt.evaluation.r_robustness import r_robustness
from pyro_seatbelt.evaluation.reconstruction_bound import constructed_bound
from pyro_seatbelt.evaluation.resistance import PLANTED, best_covered, resistance
from pyro_seatbelt.progress import Progress, under
from pyro_seatbelt.runs.folder import package_versions
from pyro_seatbelt.runs.images import open_same_data
from pyro_seatbelt.runs.least_distortion import MINIMUM, least_distortions
from pyro_seatbelt.runs.maximum_damage import maximum_damage
from pyro_seatbelt.runs.open import Run
from pyro_seatbelt.runs.robustness_attacks import AttackedPairs, layers_of
from pyro_seatbelt.runs.robustness_checks import health_checks
from pyro_seatbelt.runs.robustness_numbers import (
    MEDIANS,
    Damage,
    HealthCheck,
    MedianInterval,
    Robustness,
    mean_of,
)
from pyro_seatbelt.runs.robustness_options import RobustnessOptions
from pyro_seatbelt.traces.coverage import LEAST_ROOM, l2_norms

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
        distortions, pair = found.distortions, found.table["pair"].to_numpy(dtype=np.int64)
        attacks = found.table["attack"].to_numpy(dtype=object)
        if options.minimum:
            least, of = least_distortions(run, x, target, options, under(progress, MINIMUM))
            distortions, pair = torch.cat([distortions, least.cpu()]), np.append(pair, of)
            attacks = np.append(attacks, [MINIMUM] * len(of))
        lines = distortion_lines(
            run.model, run.guide, x, target, distortions.to(x), pair,
            progress=under(progress, "attacks"),
        )  # fmt: skip
        blend = distortion_lines(
            run.model, run.guide, x, target, target - x, range(len(x)), num_points=_BLEND_POINTS
        )
        noise = _noise_lines(run, x, target, options.seed)
        pairs = _pair_table(run, x, target, found.table, lines, attacks, blend, noise)
        damage, robust_clean = _damage(run, x, pairs, options, under(progress, "damage"))
        quality = _quality(run, options, under(progress, "quality"))
    checks = health_checks(run, x, target, found, lines, pairs, options, progress)
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
        r50_by_attack={
            name.removeprefix(BY_ATTACK): MedianInterval.of(median_over_runs([pairs[name]]))
            for name in pairs
            if name.startswith(BY_ATTACK)
        },
        damage=damage,
        robust_clean=robust_clean,
        **quality._asdict(),
        checks=[HealthCheck(**check._asdict()) for check in checks],
    )
    return Measured(numbers, pairs, _curve_table(lines, blend, len(x)))


CERTIFIED = ("certified50", "certified90")
"""Columns that the table of pairs has as well where the networks have a bound."""

BY_ATTACK = "r50_by_"
"""What the columns of single attacks begin with, before the name of the attack's mode."""


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
    attacks: NDArray[np.object_],
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
    by_attack = _by_attack(lines, attacks, len(x)).where(pairs["r50"].notna(), axis=0)
    pairs[[f"{BY_ATTACK}{name}" for name in by_attack]] = by_attack
    reached = by_attack.min(axis=1) < PLANTED
    pairs["best_attack"] = by_attack.fillna(PLANTED).idxmin(axis=1).where(reached, None)
    return pairs


def _by_attack(
    lines: DistortionLines, attacks: NDArray[np.object_], num_pairs: int
) -> pd.DataFrame:
    """What each attack alone needs to cover half of the way: a row a pair, a column an attack."""
    found = {}
    for attack in dict.fromkeys(attacks.tolist()):
        own = DistortionLines(*(each[attacks == attack] for each in lines))
        found[str(attack)] = [resistance(*own.of(pair), 0.5) for pair in range(num_pairs)]
    return pd.DataFrame(found)


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
            samples=options.samples,
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
