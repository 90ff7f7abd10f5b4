"""One training run on one process and on several, images a second of each."""

import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.result import Result, Row, text_of
from benchmarks.startup import ROOT
from pyro_seatbelt.training.metrics import read_metrics


def processes(
    most: Annotated[int, typer.Option(min=1, help="Processes.")] = 2,
    batch_size: Annotated[int, typer.Option(help="Of all processes together.")] = 256,
    layers: int = 1,
    steps: int = 40,
    rounds: int = 3,
    device: str = "cpu",
) -> Result:
    """Time `seatbelt train --devices N` for N of 1, 2, 4 ... processes, in turns.

    On a CPU every process has one thread; beside them stands one process with as many threads. The
    speed is the median of those that the run wrote down, without the first.
    """
    counts = [1 << power for power in range(most.bit_length()) if 1 << power <= most]
    settings = {f"{count} x 1 thread": (count, 1) for count in counts}
    if device == "cpu":
        settings |= {f"1 x {count} threads": (1, count) for count in counts if count > 1}
    speeds: dict[str, list[float]] = {name: [] for name in settings}
    for _ in range(rounds):
        for name, (devices, threads) in settings.items():
            arguments = {"devices": devices, "batch-size": batch_size, "steps": steps}
            arguments |= {"layers": layers, "log-every": max(1, steps // 8)}
            speeds[name].append(_speed(arguments, device, threads))
    base = next(iter(settings))
    rows: list[Row] = []
    for name, found in speeds.items():
        ratios = [speed / first for speed, first in zip(found, speeds[base], strict=True)]
        rows.append(
            {
                "processes": name if device == "cpu" else str(settings[name][0]),
                "images a second": statistics.median(found),
                "range": f"{text_of(min(found))} - {text_of(max(found))}",
                "times one": statistics.median(ratios),
                "its range": f"{min(ratios):.2f} - {max(ratios):.2f}",
            }
        )
    return Result(
        title=f"One run on several processes, B = {batch_size}, L = {layers}",
        rows=rows,
        settings={"steps": steps, "rounds": rounds, "device": device},
    )


def _speed(arguments: dict[str, int], device: str, threads: int) -> float:
    with tempfile.TemporaryDirectory() as folder:
        model = "beta-tcvae" if arguments["layers"] == 1 else "seatbelt"
        named = {"out": f"{folder}/run", "model": model, "device": device, **arguments}
        flags = [f"--{name}={value}" for name, value in named.items()]
        subprocess.run(
            [
                sys.executable,
                "-m",
                "pyro_seatbelt.cli",
                "train",
                *flags,
                "--ids=40",
                "--eval-images=64",
            ],
            cwd=folder,
            env=os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": str(threads)},
            check=True,
            capture_output=True,
        )
        records = read_metrics(Path(folder) / "run" / "metrics.jsonl")
        found = [record["images_per_second"] for record in records if record["kind"] == "train"]
        return statistics.median(speed for speed in found[1:] if speed)
