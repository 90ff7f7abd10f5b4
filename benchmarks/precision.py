"""What bf16 does to what is learned: pairs of runs that differ in their precision alone."""

import statistics
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import numpy as np
import typer

from benchmarks.result import Result, Row
from pyro_seatbelt.evaluation.estimates import student_interval
from pyro_seatbelt.runs import robustness_of_run, train_run
from pyro_seatbelt.runs.robustness_options import RobustnessOptions
from pyro_seatbelt.training.config import TrainConfig
from pyro_seatbelt.training.metrics import read_metrics

_PRECISIONS = {"float32": "32-true", "bf16": "bf16-mixed"}


def precision(
    steps: int = 2000,
    ids: Annotated[int, typer.Option(help="How many chairs.")] = 150,
    seeds: int = 3,
    layers: Annotated[int, typer.Option(help="1: a beta-TCVAE; more: a Seatbelt-VAE.")] = 2,
    pairs: Annotated[int, typer.Option(help="That are attacked.")] = 6,
    out: Annotated[
        Path | None, typer.Option(help="Keeps the runs; what is there is not made again.")
    ] = None,
) -> Result:
    """Compare what is learned in bf16 with float32: ELBO, total correlation, resistance.

    Members of the family, trained for as many steps on the same batches of chairs and draws, seed
    by seed. The difference is bf16 less float32, the mean over seeds with a 95 % interval of
    Student's t. Resistance is r50, the distortion that covers half of the way to the target,
    relative to the distance of the images.
    """
    with TemporaryDirectory() as folder:
        root = out or Path(folder)
        found = {
            name: [_numbers(root, name, seed, steps, ids, layers, pairs) for seed in range(seeds)]
            for name in _PRECISIONS
        }
    rows: list[Row] = []
    for name in found["float32"][0]:
        columns = {which: [each[name] for each in numbers] for which, numbers in found.items()}
        differences = [b - f for f, b in zip(columns["float32"], columns["bf16"], strict=True)]
        low, high = student_interval(np.array(differences))
        rows.append(
            {
                "": name,
                **{which: statistics.fmean(values) for which, values in columns.items()},
                "difference": statistics.fmean(differences),
                "95 % interval": f"{low:.3g} to {high:.3g}",
            }
        )
    return Result(
        title=f"bf16 beside float32 after equal training, L = {layers}",
        rows=rows,
        settings={"steps": steps, "chairs": ids, "layers": layers, "seeds": seeds, "pairs": pairs},
    )


def _numbers(
    root: Path, name: str, seed: int, steps: int, ids: int, layers: int, pairs: int
) -> dict[str, float]:
    config = TrainConfig(
        precision=_PRECISIONS[name],
        model="beta-tcvae" if layers == 1 else "seatbelt",
        steps=steps,
        ids=ids,
        layers=layers,
        dataset="synth-chairs",
        batch_size=64,
        seed=seed,
        eval_every=steps,
    )
    folder = root / f"{name}-layers-{layers}-seed-{seed}"
    if not (folder / "figures").is_dir():
        train_run(config, out=folder)
    options = RobustnessOptions(pairs=pairs, modes=("latent",), figures=False)
    robustness = robustness_of_run(folder, options).robustness
    [*_, heldout] = (
        each for each in read_metrics(folder / "metrics.jsonl") if each["kind"] == "heldout"
    )
    r50 = robustness.r50.median
    return {
        "ELBO, nats per image": heldout["elbo"],
        "total correlation, nats": heldout["total_correlation"],
        "MSE": robustness.mse,
        "r50": float("nan") if r50 is None else r50,
    }
