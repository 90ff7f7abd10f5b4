"""Attacks on a trained run, kept in its folder."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from pyro_seatbelt.attacks import LBFGSB, PAPER_WEIGHTS, Attack, Mode, choose_pairs
from pyro_seatbelt.attacks.groups import Spread
from pyro_seatbelt.attacks.modes import objective
from pyro_seatbelt.attacks.pair import Layers, read_pair
from pyro_seatbelt.data import read_pixels, to_pixels
from pyro_seatbelt.data.workers import num_workers
from pyro_seatbelt.errors import InputError
from pyro_seatbelt.evaluation.estimates import Estimate
from pyro_seatbelt.family import PRESETS
from pyro_seatbelt.progress import Progress, silent, under
from pyro_seatbelt.runs.attack_report import report
from pyro_seatbelt.runs.folder import package_versions
from pyro_seatbelt.runs.open import Run, load_idle_run
from pyro_seatbelt.runs.protocol import protocol_arguments, run_protocol
from pyro_seatbelt.runs.records import AttackRecords
from pyro_seatbelt.runs.train import open_same_data
from pyro_seatbelt.training.device import make_fabric


@dataclass(frozen=True, kw_only=True)
class AttackOptions:
    """What to attack, and how.

    Attributes:
        modes: Which attacks to make.
        layers: Which layers the latent ones look at: `all`, `top`, `base`, or the names of some;
            None for the paper's choice (:func:`paper_layers`).
        pairs: How many random pairs of held-out images.
        images: Two pictures of one's own instead, the input and the target.
        weights: The penalties lambda.
        seed: Of the pairs and of the noise.
        samples: Frozen draws that the distance is averaged over.
        at_mean: Whether to propagate posterior means instead of draws.
        batch: Problems that advance together.
        max_iterations: Cap on the iterations of a problem.
        device: `auto`, `cpu`, `cuda`, `cuda:N` or `mps`.
        processes: Processes that share the groups; None for one a processor, at most 8.
        force: Whether to make finished attacks again.
        figures: Whether to draw figures and keep posterior draws.
    """

    modes: Sequence[Mode] = ("latent",)
    layers: Layers | None = None
    pairs: int = 10
    images: tuple[Path, Path] | None = None
    weights: Sequence[float] = PAPER_WEIGHTS
    seed: int = 0
    samples: int = 1
    at_mean: bool = False
    batch: int = 128
    max_iterations: int = 100
    device: str = "auto"
    processes: int | None = None
    force: bool = False
    figures: bool = True


class AttackReport(NamedTuple):
    """What came of one attack.

    Attributes:
        folder: Where everything is.
        mode: Which attack it was.
        layers: The sites that it looked at.
        num_pairs: Input-target pairs.
        num_problems: Pairs times penalties.
        num_retired: Problems that were given up because something was not finite.
        was_finished: Whether an earlier call had finished it, and nothing was run.
        summary: Means over the problems, by column of the table.
        auddc: Mean area under the distortion-distance curves.
        files: Files by name: table, images, summaries, figures, posterior draws.
    """

    folder: Path
    mode: Mode
    layers: tuple[str, ...]
    num_pairs: int
    num_problems: int
    num_retired: int
    was_finished: bool
    summary: dict[str, Estimate]
    auddc: Estimate | None
    files: dict[str, Path]


class _Images(NamedTuple):
    """What is attacked: images, columns about each pair for the table, and a source for people."""

    x: Tensor
    target: Tensor
    columns: dict[str, list[object]]
    source: dict[str, Any]


def attack_run(
    path: Path,
    options: AttackOptions | None = None,
    *,
    spread: Spread | None = None,
    progress: Progress = silent,
) -> list[AttackReport]:
    """Attacks a trained run and keeps what is found in `attacks/` in its folder.

    Each mode has a folder of its own, whose name ends in a hash of all that decides the numbers:
    other settings are another folder. A stopped attack goes on where it was, a finished one is
    not made again. Nothing is written before everything that the user gave is known to be good.

    Args:
        path: The folder of the run.
        options: What to attack, and how.
        spread: Runs the groups of problems somewhere else (on the CPU; see :func:`run_groups`).
        progress: Is told how far the making of images is, and then the attack of each mode.

    Returns:
        A report for each mode.

    Raises:
        InputError: If something that the user gave cannot be used: the run is still being
            trained, has no checkpoint or other data; no such layer, device, or picture.
    """
    options = options or AttackOptions()
    attacks = check_options(options)
    device = make_fabric(options.device).device
    run = load_idle_run(path, device=device)
    if options.layers is None:
        attacks = {mode: _attack(mode, paper_layers(run.config.model), options) for mode in attacks}
    blank = torch.zeros(1, *run.record.image_shape, device=device)
    for attack in attacks.values():
        read_pair(run.model, run.guide, blank, attack.objective.layers)  # before data are opened
    images = _own_images(run, options) or _heldout_pairs(run, options, progress)
    x, target = images.x.to(device), images.target.to(device)
    processes = options.processes
    if processes is None:
        processes = num_workers() if device.type == "cpu" else 1
    layers = {
        mode: attack.check(run.model, run.guide, x, target, processes=processes)
        for mode, attack in attacks.items()
    }
    about = {"step": run.step, "source": images.source, "versions": package_versions()}
    reports = []
    for mode, attack in attacks.items():
        place = _place(run, mode, attack, layers[mode], x, target)
        was_finished = AttackRecords(place).finished and not options.force
        findings = run_protocol(
            attack,
            run.model,
            run.guide,
            x,
            target,
            place,
            columns=images.columns,
            about=about,
            processes=processes,
            spread=spread if device.type == "cpu" else None,
            force=options.force,
            progress=under(progress, mode),
        )
        told = report(
            run,
            findings,
            place,
            mode=mode,
            layers=layers[mode],
            draw=not was_finished,
            figures=options.figures,
        )
        reports.append(
            AttackReport(
                folder=place,
                mode=mode,
                layers=layers[mode],
                num_pairs=len(x),
                num_problems=len(findings.table),
                num_retired=int((findings.table["stop"] == "nan").sum()),
                was_finished=was_finished,
                **told._asdict(),
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
    modes = tuple(dict.fromkeys(options.modes))
    if "output" in modes and options.layers is not None:
        raise InputError("the output attack reads every layer: leave out the layers, or the mode")
    if options.pairs < 1:
        raise InputError(f"expected one pair or more, got {options.pairs}")
    return {mode: _attack(mode, options.layers or "all", options) for mode in modes}


def paper_layers(model: str) -> Layers:
    """Chooses the layers that the paper attacks.

    Args:
        model: Member of the family.

    Returns:
        `base` for chains without skips, whose decoder sees that layer alone (Eq 14); `all` for
        the others (Eqs 13 and 15).

    Example:
        >>> paper_layers("dlgm"), paper_layers("seatbelt"), paper_layers("vae")
        ('base', 'all', 'all')
    """
    preset = PRESETS[model]
    return "base" if preset.hierarchical and not preset.skip else "all"


def _attack(mode: Mode, layers: Layers, options: AttackOptions) -> Attack:
    return Attack(
        objective(mode, layers),
        LBFGSB(max_iterations=options.max_iterations),
        tuple(options.weights),
        noise="mean" if options.at_mean else "frozen",
        samples=options.samples,
        seed=options.seed,
        batch=options.batch,
    )


def _place(
    run: Run, mode: Mode, attack: Attack, layers: Sequence[str], x: Tensor, target: Tensor
) -> Path:
    arguments = protocol_arguments(attack, run.model, run.guide, x, target)
    digest = hashlib.sha256(json.dumps(arguments, sort_keys=True).encode()).hexdigest()
    latents = {f"z{layer}" for layer in range(1, run.model.num_layers + 1)}
    which = "all" if set(layers) == latents else "+".join(layers)
    return run.folder / "attacks" / f"{mode}-{which}-{digest[:8]}"


def _own_images(run: Run, options: AttackOptions) -> _Images | None:
    if options.images is None:
        return None
    pixels = [
        to_pixels(torch.from_numpy(read_pixels(file, run.record.image_shape)))[None]
        for file in options.images
    ]
    names: dict[str, list[object]] = {
        column: [file.name]
        for column, file in zip(("input_image", "target_image"), options.images, strict=True)
    }
    return _Images(
        pixels[0], pixels[1], names, {"pictures": [file.name for file in options.images]}
    )


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
    columns: Mapping[str, list[object]] = {
        "input_image": pairs.inputs.tolist(),
        "target_image": pairs.targets.tolist(),
    }
    return _Images(
        gather(pairs.inputs),
        gather(pairs.targets),
        dict(columns),
        {"dataset": dataset.name, "fingerprint": dataset.fingerprint},
    )
