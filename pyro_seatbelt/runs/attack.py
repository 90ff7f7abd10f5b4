"""Attacks on a trained run, kept in its folder."""

import hashlib
import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from pyro_seatbelt.attacks import (
    OPTIMISERS,
    Attack,
    Ball,
    BoundAttack,
    Layers,
    Mode,
    choose_pairs,
)
from pyro_seatbelt.attacks.groups import processes_for_groups
from pyro_seatbelt.attacks.objectives import make_objective
from pyro_seatbelt.data import read_pixels, to_pixels
from pyro_seatbelt.executors import Executor
from pyro_seatbelt.executors.processors import num_workers
from pyro_seatbelt.progress import Progress, silent, under
from pyro_seatbelt.runs.attack_options import (
    AttackOptions,
    check_search,
    optimiser_of,
    paper_layers,
)
from pyro_seatbelt.runs.attack_report import AttackReport, write_report
from pyro_seatbelt.runs.folder import RunFolder, package_versions
from pyro_seatbelt.runs.images import open_same_data
from pyro_seatbelt.runs.open import Run, load_idle_run
from pyro_seatbelt.runs.protocol import run_protocol
from pyro_seatbelt.runs.records import AttackRecords
from pyro_seatbelt.signals import stopping
from pyro_seatbelt.training.device import make_fabric


class _Images(NamedTuple):
    """What is attacked: images, columns about each pair for the table, and a source for people."""

    x: Tensor
    target: Tensor | None
    columns: dict[str, list[object]]
    source: dict[str, Any]


@stopping()
def attack_run(
    path: Path,
    options: AttackOptions | None = None,
    *,
    executor: Executor | None = None,
    progress: Progress = silent,
) -> list[AttackReport]:
    """Attacks a trained run and keeps what is found in `attacks/` in its folder.

    Each mode has a folder of its own, whose name ends in a hash of all that decides the numbers:
    other settings are another folder. A stopped attack goes on where it was, a finished one is
    not made again. Nothing is written before everything that the user gave is known to be good.

    Args:
        path: The folder of the run.
        options: What to attack, and how.
        executor: Runs the groups of problems on the CPU, instead of the options' processes.
        progress: Is told how far the making of images is, and then the attack of each mode.

    Returns:
        A report for each mode.

    Raises:
        InputError: If something that the user gave cannot be used: the run is still being
            trained, has no checkpoint or other data; no such layer, device, or picture.
    """
    options = options or AttackOptions()
    modes = check_options(options)
    device = make_fabric(options.device).device
    run = load_idle_run(path, device=device)
    layers = options.layers or paper_layers(run.config.model)
    shape = run.record.image_shape
    attacks = {mode: _attack(mode, layers, options, math.prod(shape)) for mode in modes}
    blank = torch.zeros(1, *run.record.image_shape, device=device)
    # before data are opened: what the pair cannot do is known without them
    read = {
        mode: attack.bind(run.model, run.guide_for(mode), blank) for mode, attack in attacks.items()
    }
    images = _own_images(run, options) or _heldout_pairs(run, options, progress)
    x, target = images.x.to(device), None if images.target is None else images.target.to(device)
    bound = {mode: attack.on(x, target) for mode, attack in read.items()}
    if executor is None or device.type != "cpu":
        processes = options.processes
        if processes is None:
            processes = num_workers() if device.type == "cpu" else 1
        executor = processes_for_groups(processes, device=device.type)
    about = {"step": run.step, "source": images.source, "versions": package_versions()}
    reports = []
    for mode, attack in bound.items():
        if options.ends is None and (earlier := _begun_earlier(run, mode, attack)) is not None:
            attack = earlier  # noqa: PLW2901
        place = _place(run, mode, attack)
        was_finished = AttackRecords(place).finished and not options.force
        findings = run_protocol(
            attack,
            place,
            columns=images.columns,
            about={**about, "ends": attack.attack.ends},
            executor=executor,
            force=options.force,
            progress=under(progress, mode),
        )
        reports.append(
            write_report(
                run,
                findings,
                place,
                mode=mode,
                layers=attack.layers,
                was_finished=was_finished,
                figures=options.figures,
            )
        )
    return reports


def check_options(options: AttackOptions) -> dict[Mode, Attack]:
    """Sees that attacks can be made of options, whatever the run.

    Args:
        options: What to attack, and how.

    Returns:
        The attack of each mode, on all layers where the options leave them open.

    Raises:
        InputError: If a value is out of its bounds, or two contradict each other.

    Example:
        >>> list(check_options(AttackOptions(modes=["w2", "output"])))
        ['w2', 'output']
    """
    check_search(options)
    modes = tuple(dict.fromkeys(options.modes))
    # the size of the images is not known yet, and decides nothing that could be wrong
    return {mode: _attack(mode, options.layers or "all", options, 1) for mode in modes}


def _attack(mode: Mode, layers: Layers, options: AttackOptions, num_pixels: int) -> Attack:
    ball = None
    if options.budget is not None:
        ball = Ball.of_budget(options.norm or "l2", options.budget, num_pixels)
    return Attack(
        make_objective(mode, layers),
        OPTIMISERS[optimiser_of(options)](options.max_iterations),
        tuple(options.weights),
        ball=ball,
        noise="mean" if options.at_mean else "fresh" if options.fresh else "frozen",
        samples=options.samples,
        ends=options.ends or "both",
        restarts=options.restarts,
        seed=options.seed,
        batch=options.batch,
    )


def _place(run: Run, mode: Mode, attack: BoundAttack) -> Path:
    written = json.dumps(attack.arguments, sort_keys=True)
    digest = hashlib.sha256(written.encode()).hexdigest()
    latents = set(run.model.latents)
    which = "all" if set(attack.layers) == latents else "+".join(attack.layers)
    return RunFolder(run.folder).attacks / f"{mode}-{which}-{digest[:8]}"


def _begun_earlier(run: Run, mode: Mode, attack: BoundAttack) -> BoundAttack | None:
    """The same attack from the input alone, if version 0.1.0, which knew no other, began it."""
    earlier = replace(attack, attack=replace(attack.attack, ends="input"))
    begun, own = (AttackRecords(_place(run, mode, each)) for each in (earlier, attack))
    if own.arguments.is_file() or not begun.arguments.is_file() or "ends" in begun.about():
        return None
    return earlier


def _own_images(run: Run, options: AttackOptions) -> _Images | None:
    if options.images is None:
        return None
    pixels = [
        to_pixels(torch.from_numpy(read_pixels(file, run.record.image_shape)))[None]
        for file in options.images
    ]
    names: dict[str, list[object]] = {
        column: [file.name]
        for column, file in zip(("input_image", "target_image"), options.images, strict=False)
    }
    target = None if options.untargeted else pixels[1]
    return _Images(pixels[0], target, names, {"pictures": [file.name for file in options.images]})


def _heldout_pairs(run: Run, options: AttackOptions, progress: Progress) -> _Images:
    dataset, split = open_same_data(run.folder, run.config, run.record, progress)

    def gather(numbers: Any) -> Tensor:
        return to_pixels(dataset.images.gather(torch.as_tensor(numbers)))

    def differ(one: int, other: int) -> bool:
        first, second = gather([one, other])
        return not torch.equal(first, second)

    heldout = split.heldout.numpy()
    pairs = choose_pairs(
        heldout, dataset.identities[heldout], options.pairs, seed=options.seed, differ=differ
    )
    columns: dict[str, list[object]] = {"input_image": pairs.inputs.tolist()}
    if not options.untargeted:
        columns["target_image"] = pairs.targets.tolist()
    return _Images(
        gather(pairs.inputs),
        None if options.untargeted else gather(pairs.targets),
        columns,
        {"dataset": dataset.name, "fingerprint": dataset.fingerprint},
    )
