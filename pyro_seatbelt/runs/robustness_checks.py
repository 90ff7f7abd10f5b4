"""The health of the attacks that the robustness of a run was measured by."""

from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from pyro_seatbelt.attacks.folding import folded
from pyro_seatbelt.attacks.groups import processes_for_groups
from pyro_seatbelt.errors import InputError
from pyro_seatbelt.evaluation import attack_health as health
from pyro_seatbelt.evaluation.distortion_lines import DistortionLines, distortion_lines
from pyro_seatbelt.evaluation.medians import median_over_runs
from pyro_seatbelt.evaluation.resistance import resistance
from pyro_seatbelt.evaluation.square_search import square_search
from pyro_seatbelt.executors.processors import num_workers
from pyro_seatbelt.progress import Progress, under
from pyro_seatbelt.runs.attack import check_options
from pyro_seatbelt.runs.least_distortion import MINIMUM, least_distortions
from pyro_seatbelt.runs.open import Run, load_idle_run
from pyro_seatbelt.runs.robustness_attacks import (
    AttackedPairs,
    attack_options,
    attacked,
    layers_of,
)
from pyro_seatbelt.runs.robustness_options import RobustnessOptions


def health_checks(
    run: Run,
    x: Tensor,
    target: Tensor,
    found: AttackedPairs,
    lines: DistortionLines,
    pairs: pd.DataFrame,
    options: RobustnessOptions,
    progress: Progress,
) -> list[health.Check]:
    """Looks at whether the attacks on a run do what working attacks do.

    Args:
        run: The run.
        x: The inputs of the pairs, on its device.
        target: Their targets.
        found: The attacks.
        lines: What they cover, in the order of their table; after it, what else was found.
        pairs: What is known of each pair: r50 and what it is compared with.
        options: Which checks are made besides those that cost nothing.
        progress: Is told how far each search is.

    Returns:
        The checks, with those that were not made.

    Raises:
        InputError: If the run from which attacks are to be transferred has other pairs, or cannot
            be attacked.
    """
    r50 = pairs["r50"].to_numpy()
    free = found.table["weight"].to_numpy() == found.table["weight"].min()
    last, pair_of = lines.covered[: len(free), -1], lines.pair[: len(free)]
    ends = [last[free & (pair_of == pair)] for pair in range(len(x))]
    unlimited = np.array([each.max() if np.isfinite(each).all() else np.nan for each in ends])
    checks = [
        health.check_blend(r50, pairs["blend50"].to_numpy()),
        health.check_noise(r50, pairs["noise50"].to_numpy()),
        health.check_unlimited(unlimited),
        health.check_planted(found.table),
    ]
    if "certified50" in pairs:
        checks.append(health.check_certificate(*lines, pairs["certified50"].to_numpy()))
    if options.transfer is not None:
        there = _transferred(run, x, target, options.transfer, options, progress)
        checks.append(health.check_transfer(r50, there))
    if not options.health:
        return [
            *checks,
            *(health.unchecked(name) for name in ("iterations", "gradient-free search")),
        ]
    twice = _twice(run, x, target, found.table, options, under(progress, "twice"))
    with folded(run.model, run.guide):
        squares = square_search(
            run.model, run.guide, x, target, np.nan_to_num(r50, nan=1.0),
            seed=options.seed, progress=under(progress, "squares"),
        )  # fmt: skip
        searched = _half(run, x, target, squares, np.arange(len(x)))
    return [
        *checks,
        health.check_iterations(
            *(median_over_runs([each]).median for each in (r50, np.minimum(r50, twice)))
        ),
        health.check_gradient_free(r50, searched),
    ]


def _twice(
    run: Run,
    x: Tensor,
    target: Tensor,
    table: pd.DataFrame,
    options: RobustnessOptions,
    progress: Progress,
) -> NDArray[np.float64]:
    """What each pair needs after twice the iterations at the same penalties, shape `(B,)`."""
    processes = options.processes or (num_workers() if x.device.type == "cpu" else 1)
    executor = processes_for_groups(processes, device=x.device.type)
    distortions, pair = [], []
    for mode, layers in layers_of(run, options.modes).items():
        weights = tuple(sorted(table.loc[table["attack"] == mode, "weight"].unique().tolist()))
        wanted = attack_options(options, [mode], times=2).model_copy(update={"weights": weights})
        if mode != "output":
            wanted = wanted.model_copy(update={"layers": layers})
        bound = check_options(wanted)[mode].bind(run.model, run.guide_for(mode), x, target)
        for _, part in bound.run(executor=executor, progress=under(progress, mode)):
            distortions.append(part.distortion)
            pair.append(part.pair)
    with folded(run.model, run.guide):
        if options.minimum:
            found = least_distortions(run, x, target, options, under(progress, MINIMUM), times=2)
            distortions.append(found[0].cpu())
            pair.append(torch.from_numpy(found[1]))
        return _half(run, x, target, torch.cat(distortions), torch.cat(pair).numpy())


def _transferred(
    run: Run,
    x: Tensor,
    target: Tensor,
    source: Path,
    options: RobustnessOptions,
    progress: Progress,
) -> NDArray[np.float64]:
    """What each pair needs of the distortions that move another run, shape `(B,)`."""
    other = load_idle_run(source, device=x.device)
    found = attacked(other, options, under(progress, "transfer"))
    if not (torch.equal(found.x.to(x), x) and torch.equal(found.target.to(x), target)):
        raise InputError(
            f"{source}: its attacks are of other pairs than those of {run.folder}: transfer from a "
            "run with the same data, holdout and seed"
        )
    distortions, pair = found.distortions, found.table["pair"].to_numpy(dtype=np.int64)
    if options.minimum:
        with folded(other.model, other.guide):
            least, of = least_distortions(other, x, target, options, under(progress, MINIMUM))
        distortions, pair = torch.cat([distortions, least.cpu()]), np.append(pair, of)
    with folded(run.model, run.guide):
        return _half(run, x, target, distortions, pair)


def _half(
    run: Run, x: Tensor, target: Tensor, distortions: Tensor, pair: NDArray[np.int64]
) -> NDArray[np.float64]:
    """The least part of distortions that covers half of the way of each pair, shape `(B,)`."""
    lines = distortion_lines(run.model, run.guide, x, target, distortions.to(x), pair)
    return np.array([resistance(*lines.of(each), 0.5) for each in range(len(x))])
