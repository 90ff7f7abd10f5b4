"""A whole attack, beside SciPy's L-BFGS-B on one problem after another."""

import statistics
import time
from pathlib import Path
from typing import Annotated, NamedTuple

import numpy as np
import pyro
import torch
import typer
from scipy.optimize import Bounds, minimize
from threadpoolctl import threadpool_limits
from torch import Tensor

from benchmarks.result import Result, Row
from pyro_seatbelt import presets
from pyro_seatbelt.attacks import (
    LBFGSB,
    PAPER_WEIGHTS,
    Attack,
    AttackResult,
    LatentKL,
    LatentL2,
    LatentW2,
    Objective,
    Output,
)
from pyro_seatbelt.attacks.optimisers.lbfgsb import Backend
from pyro_seatbelt.traces.evaluation_mode import evaluation_mode
from pyro_seatbelt.traces.programs import Program

OBJECTIVES: dict[str, Objective] = {
    objective.name: objective for objective in (LatentKL(), LatentW2(), LatentL2(), Output())
}
LOCKSTEP, BATCHED = "ours: SciPy in lockstep", "ours: batched, in torch"


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
            lower, upper = (
                each[0].cpu().numpy() for each in (function.problems.lower, function.problems.upper)
            )

            def single(d: np.ndarray, function=function):  # noqa: ANN001, ANN202
                point = torch.from_numpy(d)[None].to(x.device)
                first = torch.zeros(1, dtype=torch.int64, device=x.device)
                value, gradient = function(point, first)
                return value.item(), gradient[0].cpu().numpy()

            found = minimize(
                single,
                generator.uniform(-1e-8, 1e-8, len(lower)),
                jac=True,
                method="L-BFGS-B",
                bounds=Bounds(lower, upper),
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


def attack(
    run: Annotated[
        Path | None, typer.Option(help="Folder of a trained run; an untrained pair without it.")
    ] = None,
    mode: Annotated[str, typer.Option(help=", ".join(OBJECTIVES))] = "latent-kl",
    layers: Annotated[int, typer.Option(help="Of the untrained pair.")] = 1,
    pairs: int = 10,
    lambdas: int = len(PAPER_WEIGHTS),
    sampled: Annotated[int, typer.Option(help="Problems that SciPy solves one by one.")] = 48,
    rounds: int = 2,
    max_iterations: int = 100,
    processes: int = 2,
    device: str = "cpu",
) -> Result:
    """Time an attack beside SciPy's L-BFGS-B on one problem after another, and judge what is found.

    All solve the same problems with the same settings and the same cap on the iterations, through
    the same traces, with BLAS and torch on one thread per process, from the authors' start
    U(-1e-8, 1e-8). SciPy one by one runs on sampled problems, and its time is scaled to all of
    them; ours run on all, with batch normalisation folded into the layers before it: SciPy's
    optimiser in lockstep, and the batched one in torch. They alternate.

    Agreement: the share of problems whose value is lower than SciPy's or within 1 %, over all
    rounds; SciPy against itself from other starts sets the mark. The last columns are of all
    problems: the share that ended above one of the two ends that are always open (d = 0, and the
    target itself), and the share lower than SciPy's in lockstep by more than 1 %, and higher.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    pyro.settings.set(module_local_params=True)
    pair, images = _load(run, layers, pairs, device)
    processes = processes if device == "cpu" else 1
    weights = PAPER_WEIGHTS[:: max(1, len(PAPER_WEIGHTS) // lambdas)]
    total = pairs * len(weights)
    chosen = list(range(total))[:: max(1, total // sampled)][:sampled]

    def ours(backend: Backend) -> Attack:
        return Attack(
            OBJECTIVES[mode],
            LBFGSB(max_iterations=max_iterations, backend=backend),
            weights,
            ends="input",  # as SciPy beside it
            start="uniform",
        )

    attacks = {LOCKSTEP: ours("scipy"), BATCHED: ours("torch")}
    serial: list[OneByOne] = []
    seconds: dict[str, list[float]] = {name: [] for name in attacks}
    found: dict[str, AttackResult] = {}
    with threadpool_limits(1):
        for turn in range(rounds):
            serial.append(one_by_one(attacks[LOCKSTEP], pair, images, chosen, seed=turn))
            for name, attacked in attacks.items():
                begun = time.perf_counter()
                found[name] = attacked(*pair, *images, processes=processes)
                seconds[name].append(time.perf_counter() - begun)
        again = one_by_one(attacks[LOCKSTEP], pair, images, chosen, seed=rounds)
    torch.set_num_threads(threads)
    reached = [each.values for each in (*serial, again)]
    scaled = [each.seconds * total / len(chosen) for each in serial]
    rows: list[Row] = [_row("SciPy one by one", scaled, scaled, agreement(reached, reached))]
    for name, result in found.items():
        agreed = agreement([result.value[chosen].tolist()], reached)
        rows.append(_row(name, seconds[name], scaled, agreed) | _quality(result, found[LOCKSTEP]))
    return Result(
        title=f"{total} attacks, {mode}, at most {max_iterations} iterations",
        rows=[{**dict.fromkeys(rows[-1], float("nan")), **row} for row in rows],
        settings={
            "run": "trained" if run else f"untrained, L = {layers}",
            "sampled": len(chosen),
            "rounds": rounds,
            "processes": processes,
            "device": device,
        },
        note="SciPy one by one is scaled from the sampled problems.",
    )


def _row(name: str, seconds: list[float], base: list[float], agreed: float) -> Row:
    ratios = [b / s for b, s in zip(base, seconds, strict=True)]
    return {
        "": name,
        "seconds": statistics.median(seconds),
        "times faster": statistics.median(ratios),
        "range": f"{min(ratios):.2f} - {max(ratios):.2f}",
        "agreement": agreed,
    }


def _quality(result: AttackResult, reference: AttackResult) -> Row:
    """Of all problems: what ended above an end, and how the values compare."""
    margin = 0.01 * reference.value.abs()
    return {
        "above an end": float(result.failed.float().mean()),
        "lower": float((result.value < reference.value - margin).float().mean()),
        "higher": float((result.value > reference.value + margin).float().mean()),
        "evaluations": float(result.evaluations.sum()),
    }


def _load(
    run: Path | None, layers: int, pairs: int, device: str
) -> tuple[tuple[Program, Program], Tensor]:
    """The pair and the images `(2, pairs, *image)`: of a run, or untrained on smooth noise."""
    generator = torch.Generator().manual_seed(0)
    if run is not None:
        from pyro_seatbelt.data import load_dataset, to_pixels  # noqa: PLC0415
        from pyro_seatbelt.runs.open import load_run  # noqa: PLC0415

        opened = load_run(run, device=device)
        images = load_dataset(opened.config.dataset, ids=opened.config.ids).images
        chosen = torch.randperm(len(images), generator=generator)[: 2 * pairs]
        pixels = to_pixels(images.gather(chosen)).to(device)
        return (opened.model, opened.guide), pixels.view(2, pairs, *pixels.shape[1:])
    torch.manual_seed(0)
    family = presets.build(
        "vae" if layers == 1 else "seatbelt", layers=layers, image_shape=(1, 64, 64), num_data=1000
    )
    coarse = torch.rand(2 * pairs, 1, 8, 8, generator=generator)
    smooth = torch.nn.functional.interpolate(coarse, size=64, mode="bilinear")
    pixels = (2 * smooth - 0.5).clamp(0, 1).to(device)
    parts = (family.model.to(device), family.guide.to(device))
    return parts, pixels.view(2, pairs, *pixels.shape[1:])
