"""A whole attack, beside SciPy's L-BFGS-B on one problem after another.

    python -m benchmarks.attacks --pairs 10 --sampled 48 --processes 2

Both sides solve the same problems with the same settings and the same cap on the
iterations, through the same traces, with BLAS and torch on one thread per process. SciPy runs
on sampled problems (its time is scaled to all of them) from the authors' start
U(-1e-8, 1e-8); ours runs on all, with batch normalisation folded into the layers before it, as
every attack has it. They alternate. A problem counts as agreed when its value is
lower than SciPy's or within 1 %; SciPy against itself sets the mark. Each round of SciPy has a
start seed of its own, and one round more follows: ours is held to every round, and every round
to every other one.
"""

import argparse
import json
import statistics
import time
from typing import Any, NamedTuple

import numpy as np
import pyro
import torch
from scipy.optimize import Bounds, minimize
from threadpoolctl import threadpool_limits
from torch import Tensor

from pyro_seatbelt import presets
from pyro_seatbelt.attacks import (
    LBFGSB,
    PAPER_WEIGHTS,
    Attack,
    LatentKL,
    LatentL2,
    LatentW2,
    Objective,
    Output,
)
from pyro_seatbelt.traces.evaluation_mode import evaluation_mode
from pyro_seatbelt.traces.programs import Program

OBJECTIVES: dict[str, Objective] = {
    objective.name: objective for objective in (LatentKL(), LatentW2(), LatentL2(), Output())
}


class OneByOne(NamedTuple):
    """What SciPy reached on the sampled problems."""

    values: list[float]
    evaluations: int
    seconds: float


def one_by_one(
    attack: Attack, pair: tuple[Program, Program], images: Tensor, sampled: list[int], seed: int
) -> OneByOne:
    """Solves problems one after another, each on a batch of its own."""
    x, target = images
    settings = attack.optimiser
    generator = np.random.default_rng(seed)
    values, evaluations = [], 0
    begun = time.perf_counter()
    bound = attack.bind(*pair, x, target)
    with evaluation_mode(*pair), torch.enable_grad(), pyro.validation_enabled(False):
        for problem in sampled:
            function = bound.penalised_distance([problem])
            lower, upper = function.problems.lower[0], function.problems.upper[0]

            def single(d: np.ndarray, function=function):  # noqa: ANN001, ANN202
                point = torch.from_numpy(d)[None]
                value, gradient = function(point, torch.zeros(1, dtype=int))
                return value.item(), gradient[0].numpy()

            found = minimize(
                single,
                generator.uniform(-1e-8, 1e-8, len(lower)),
                jac=True,
                method="L-BFGS-B",
                bounds=Bounds(lower.numpy(), upper.numpy()),
                options={
                    "maxcor": settings.memory,
                    "ftol": settings.factr * np.finfo(float).eps,
                    "gtol": settings.gtol,
                    "maxiter": settings.max_iterations,
                    "maxls": settings.max_line_search,
                },
            )
            values.append(float(found.fun))
            evaluations += found.nfev
    return OneByOne(values, evaluations, time.perf_counter() - begun)


def agreement(found: list[list[float]], references: list[list[float]]) -> float:
    """Share of values that are lower than the references or within 1 % of them."""
    return statistics.fmean(
        value <= reference + 0.01 * abs(reference)
        for values in found
        for others in references
        if values is not others
        for value, reference in zip(values, others, strict=True)
    )


def load(options: argparse.Namespace) -> tuple[tuple[Program, Program], Tensor]:
    """The pair and the images `(2, pairs, *image)`: of a run, or untrained on smooth noise."""
    generator = torch.Generator().manual_seed(options.seed)
    if options.run is not None:
        from pyro_seatbelt.data import load_dataset, to_pixels  # noqa: PLC0415
        from pyro_seatbelt.runs.open import load_run  # noqa: PLC0415

        run = load_run(options.run)
        images = load_dataset(run.config.dataset, ids=run.config.ids).images
        chosen = torch.randperm(len(images), generator=generator)[: 2 * options.pairs]
        pixels = to_pixels(images.gather(chosen))
        return (run.model, run.guide), pixels.view(2, options.pairs, *pixels.shape[1:])
    torch.manual_seed(options.seed)
    family = presets.build(
        "vae" if options.layers == 1 else "seatbelt",
        layers=options.layers,
        image_shape=(1, 64, 64),
        num_data=1000,
    )
    coarse = torch.rand(2 * options.pairs, 1, 8, 8, generator=generator)
    smooth = torch.nn.functional.interpolate(coarse, size=64, mode="bilinear")
    pixels = (2 * smooth - 0.5).clamp(0, 1)
    return (family.model, family.guide), pixels.view(2, options.pairs, *pixels.shape[1:])


def measure(options: argparse.Namespace) -> dict[str, object]:
    """Runs both sides in turns."""
    pair, images = load(options)
    weights = PAPER_WEIGHTS[:: max(1, len(PAPER_WEIGHTS) // options.lambdas)]
    attack = Attack(
        OBJECTIVES[options.mode],
        LBFGSB(max_iterations=options.max_iterations, backend=options.backend),
        weights,
        batch=options.batch,
        rows=options.rows,
        ends="input",  # as SciPy beside it
        seed=options.seed,
        start=options.start,
    )
    total = options.pairs * len(weights)
    step = max(1, total // options.sampled)
    sampled = list(range(total))[::step][: options.sampled]
    scipy_runs, ours_runs = [], []
    rounds = 0

    def follow(*progress: Any) -> None:
        nonlocal rounds
        *_, numbers = progress
        rounds = numbers["round"]

    for turn in range(options.rounds):
        scipy_runs.append(one_by_one(attack, pair, images, sampled, seed=turn))
        begun = time.perf_counter()
        result = attack(*pair, *images, processes=options.processes, progress=follow)
        ours_runs.append(time.perf_counter() - begun)
    scaled = [run.seconds * total / len(sampled) for run in scipy_runs]
    ratios = [scipy / ours for scipy, ours in zip(scaled, ours_runs, strict=True)]
    first, evaluations = scipy_runs[0], int(result.evaluations.sum())
    again = one_by_one(attack, pair, images, sampled, seed=options.rounds)
    reached = [run.values for run in (*scipy_runs, again)]
    return {
        "start": options.start,
        "mode": options.mode,
        "problems": total,
        "sampled": len(sampled),
        "max_iterations": options.max_iterations,
        "scipy_seconds_scaled": scaled,
        "scipy_ms_per_evaluation": 1e3 * first.seconds / first.evaluations,
        "ours_seconds": ours_runs,
        "ours_rounds": rounds,
        "ours_evaluations": evaluations,
        "ours_ms_per_evaluation": 1e3 * statistics.median(ours_runs) / evaluations,
        "times_faster": statistics.median(ratios),
        "times_faster_range": [min(ratios), max(ratios)],
        "agreement_ours": agreement([result.value[sampled].tolist()], reached),
        "agreement_scipy_with_itself": agreement(reached, reached),
        "processes": options.processes,
        "torch": torch.__version__,
    }


def main() -> None:
    """Parses the command line and prints what was measured."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--run", help="folder of a trained run; an untrained pair without it")
    parser.add_argument("--mode", choices=list(OBJECTIVES), default="latent-kl")
    parser.add_argument("--layers", type=int, default=1, help="of the untrained pair")
    parser.add_argument("--pairs", type=int, default=10)
    parser.add_argument("--lambdas", type=int, default=len(PAPER_WEIGHTS))
    parser.add_argument("--sampled", type=int, default=48)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--max-iterations", type=int, default=100)
    parser.add_argument("--backend", choices=["scipy", "torch"], default="scipy")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--rows", type=int)
    parser.add_argument("--start", choices=("gradient", "uniform"), default="uniform")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.set_num_threads(1)
    pyro.settings.set(module_local_params=True)
    with threadpool_limits(1):
        measured = measure(options)
    print(json.dumps(measured, indent=2))


if __name__ == "__main__":
    main()
