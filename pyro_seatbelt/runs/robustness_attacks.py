"""The attacks that a robustness measurement looks at: those that are there, or new ones."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from pyro_seatbelt.attacks import Layers, Mode
from pyro_seatbelt.attacks.modes import TITLES
from pyro_seatbelt.errors import InputError
from pyro_seatbelt.progress import Progress
from pyro_seatbelt.runs.attack import attack_run
from pyro_seatbelt.runs.attack_options import AttackOptions, paper_layers
from pyro_seatbelt.runs.folder import RunFolder
from pyro_seatbelt.runs.open import Run
from pyro_seatbelt.runs.records import AttackRecords
from pyro_seatbelt.runs.robustness_options import RobustnessOptions

_DISTANCES = ("l2_target", "l2_input_to_target", "l2_clean_to_target", "l2_best_to_target")


class AttackedPairs(NamedTuple):
    """The attacks on the pairs of a run.

    Attributes:
        folders: The name of each attack's folder, by mode.
        table: A row for each problem of all of them, with `attack`, the mode.
        distortions: What they found, shape `(P, *image)`, in the order of the rows.
        x: The inputs of the pairs, shape `(B, *image)`.
        target: Their targets.
    """

    folders: dict[str, str]
    table: pd.DataFrame
    distortions: Tensor
    x: Tensor
    target: Tensor


def attacked(run: Run, options: RobustnessOptions, progress: Progress) -> AttackedPairs:
    """Finds the attacks on a run that suffice, and makes those that are missing.

    An attack suffices that is of the newest checkpoint, of the same pairs or more, on the same
    layers, with as many iterations, and with as many penalties or more, 0 among them.

    Args:
        run: The run.
        options: What is needed.
        progress: Is told how far the attack of each mode is.

    Returns:
        The attacks, on the CPU.

    Raises:
        InputError: If a file is damaged, or the run cannot be attacked.
    """
    places: dict[Mode, Path] = {}
    missing: list[Mode] = []
    for mode in dict.fromkeys(options.modes):
        place = _sufficient(run, mode, options)
        if place is None:
            missing.append(mode)
        else:
            places[mode] = place
    if missing:
        reports = attack_run(run.folder, attack_options(options, missing), progress=progress)
        places |= {report.mode: report.folder for report in reports}
    tables, distortions = [], []
    pairs: Mapping[str, NDArray[Any]] = {}
    for mode in dict.fromkeys(options.modes):
        table, images, pairs = AttackRecords(places[mode]).read()
        if images["distortion"].shape[1:] != run.record.image_shape:
            raise InputError(f"{places[mode]}: its images are not of this run: remove it")
        own = table["pair"].to_numpy() < options.pairs
        tables.append(table[own].assign(attack=mode))
        distortions.append(images["distortion"][own])
    x, target = (torch.from_numpy(pairs[name][: options.pairs]) for name in ("input", "target"))
    return AttackedPairs(
        {mode: places[mode].name for mode in dict.fromkeys(options.modes)},
        pd.concat(tables, ignore_index=True),
        torch.from_numpy(np.concatenate(distortions)),
        x,
        target,
    )


def attack_options(
    options: RobustnessOptions, modes: list[Mode], *, times: int = 1
) -> AttackOptions:
    """The attacks that a measurement needs, as ``seatbelt attack`` has them.

    Args:
        options: Of the measurement.
        modes: Which attacks.
        times: How many times as many iterations.
    """
    return AttackOptions(
        modes=tuple(modes),
        pairs=options.pairs,
        weights=options.weights,
        ends=options.ends,
        restarts=options.restarts,
        samples=options.samples,
        seed=options.seed,
        max_iterations=times * options.max_iterations,
        device=options.device,
        processes=options.processes,
        figures=False,
    )


def layers_of(run: Run, modes: tuple[Mode, ...]) -> dict[Mode, Layers]:
    """The layers that each attack looks at.

    Args:
        run: The run.
        modes: The attacks.
    """
    which = paper_layers(run.config.model)
    return {mode: "all" if mode == "output" else which for mode in dict.fromkeys(modes)}


def _sufficient(run: Run, mode: Mode, options: RobustnessOptions) -> Path | None:
    """The folder of a finished attack that is enough, of those the one of the most penalties."""
    found: list[tuple[int, Path]] = []
    for place in sorted(RunFolder(run.folder).attacks.glob(f"{mode}-*/table.parquet")):
        records = AttackRecords(place.parent)
        try:
            arguments, about = records.known()
            table = records.read_table()
        except InputError:
            continue  # what cannot be read is made again
        if _suffices(arguments, about, table, run, mode, options):
            found.append((table["weight"].nunique(), place.parent))
    return max(found)[1] if found else None


def _suffices(
    arguments: Mapping[str, Any],
    about: Mapping[str, Any],
    table: pd.DataFrame,
    run: Run,
    mode: Mode,
    options: RobustnessOptions,
) -> bool:
    try:
        optimiser = arguments["optimiser"]
        same = (
            about["step"] == run.step
            and about["source"].get("fingerprint") == run.record.fingerprint
            and arguments["seed"] == options.seed
            and arguments["samples"] == options.samples
            and arguments.get("restarts", 0) == options.restarts
            and arguments["noise"] == "frozen"
            and arguments["ball"] is None
            and arguments.get("ends", "input") == options.ends
            and optimiser["name"] == "LBFGSB"
            and optimiser["max_iterations"] == options.max_iterations
        )
    except (KeyError, TypeError, AttributeError):
        return False
    if not same or not {"weight", "pair", "layers", "mode", *_DISTANCES} <= set(table):
        return False
    which = layers_of(run, (mode,))[mode]
    layers = run.model.latents if which == "all" else run.model.latents[:1]
    title = TITLES.get(str(table["mode"].iloc[0]))
    return (
        title is not None
        and title.mode == mode
        and set(str(table["layers"].iloc[0]).split("+")) == set(layers)
        and table["pair"].nunique() >= options.pairs
        and table["weight"].nunique() >= options.penalties
        and bool((table["weight"] == 0).any())
    )
