r"""The paper's protocol: every pair with every penalty, kept on disk as it goes.

References:
    | Disentangling Improves VAEs' Robustness to Adversarial Attacks (Willetts et al.), Section 5.2
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from torch import Tensor, nn

from pyro_seatbelt.attacks.attack import Attack
from pyro_seatbelt.attacks.groups import Spread
from pyro_seatbelt.locks import locked
from pyro_seatbelt.progress import NO_NUMBERS, Progress, silent
from pyro_seatbelt.runs.records import AttackRecords, Findings
from pyro_seatbelt.traces.programs import Program
from pyro_seatbelt.traces.reconstruction import reconstruct

_ROWS = 64


def run_protocol(
    attack: Attack,
    model: Program | None,
    guide: Program,
    x: Tensor,
    target: Tensor,
    folder: Path,
    *,
    columns: Mapping[str, Sequence[object]] | None = None,
    about: Mapping[str, Any] | None = None,
    processes: int = 1,
    spread: Spread | None = None,
    force: bool = False,
    progress: Progress = silent,
) -> Findings:
    """Attacks a guide on every pair with every weight, and keeps what is found in a folder.

    Each group of problems is written when it is done, so that a process killed at any moment
    loses the group it was at and no other. The same call goes on from there, and ends with the
    table that an uninterrupted one would have made; a finished attack is only read.

    Args:
        attack: The attack.
        model: The model; None for a latent attack about whose outputs nothing is to be recorded.
        guide: The guide.
        x: The inputs, pixels in ``attack.limits``, shape `(B, *image)`.
        target: Their targets, of the same shape.
        folder: Of this attack: absent, empty, or one in which it was begun.
        columns: More columns of the table: a value for each pair by name, such as its number in a
            data set.
        about: What else to write down beside the arguments: versions, where the images are from.
        processes: How many processes share the groups (on the CPU).
        spread: Runs the groups somewhere else (see :func:`run_groups`).
        force: Whether to begin anew whatever is there.
        progress: Called as the attack goes on; it counts what earlier calls finished, too.

    Returns:
        What is in the folder now.

    Raises:
        InputError: When the pair cannot be attacked, the folder holds another attack, another
            process is at it, or it cannot be written. Nothing is written in the first case.

    Example:
        >>> import tempfile
        >>> import pyro, pyro.distributions as dist
        >>> from pyro_seatbelt.attacks import LBFGSB, LatentKL
        >>> def guide(x):
        ...     with pyro.plate("data", len(x)):
        ...         pyro.sample("z", dist.Normal(3 * x, 1.0).to_event(1))
        >>> attack = Attack(LatentKL(), LBFGSB(), [0.0, 1e6])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     found = run_protocol(
        ...         attack, None, guide, torch.zeros(2, 4), torch.ones(2, 4), Path(folder) / "one"
        ...     )
        >>> found.table["norm"].round(3).tolist()
        [2.0, 0.0, 2.0, 0.0]
    """
    arguments = protocol_arguments(attack, model, guide, x, target)
    attack.check(model, guide, x, target, processes=processes)
    records = AttackRecords(folder)
    records.open(arguments, about or {})
    with locked(folder, "another process is at this attack"):
        if force:
            records.reset()
        records.prepare()
        if not records.finished:
            pair = (model, guide, x, target)
            _run(attack, pair, records, progress, processes=processes, spread=spread)
            groups = range(len(attack.groups(len(x))))
            more = pd.DataFrame(dict(columns or {}), index=range(len(x)))
            images = pair_images(model, guide, x, target)
            records.merge(groups, more.join(_distances(images)), images)
        return records.read()


def protocol_arguments(
    attack: Attack, model: Program | None, guide: Program, x: Tensor, target: Tensor
) -> dict[str, Any]:
    """Writes down all that decides the numbers of an attack.

    Args:
        attack: The attack.
        model: The model.
        guide: The guide.
        x: The inputs.
        target: Their targets.

    Returns:
        Settings, resolved layers, and hashes of the images and of the weights (of modules; those
        of other programs cannot be seen), as JSON has them.
    """
    objective = attack.objective
    layers = attack.check(model, guide, x, target)
    return {
        "objective": {"name": objective.name, **vars(objective), "layers": list(layers)},
        "optimiser": {"name": type(attack.optimiser).__name__, **asdict(attack.optimiser)},
        "weights": list(attack.weights),
        "ball": None if attack.ball is None else asdict(attack.ball),
        "noise": attack.noise,
        "samples": attack.samples,
        "seed": attack.seed,
        "start": attack.start,
        "zero_test": attack.zero_test,
        "limits": list(attack.limits),
        "batch": attack.batch,
        "rows": attack.rows,
        "record_samples": attack.record_samples,
        "threads": attack.threads,
        "device": x.device.type,
        "images": _sha256([x, target]),
        "parameters": _sha256(
            [tensor for program in (model, guide) for tensor in _parameters(program)]
        ),
    }


def pair_images(
    model: Program | None, guide: Program, x: Tensor, target: Tensor
) -> dict[str, Tensor]:
    """The images of every pair, and what the model makes of them.

    Args:
        model: The model; None leaves the reconstructions out.
        guide: The guide.
        x: The inputs, shape `(B, *image)`.
        target: Their targets, of the same shape.

    Returns:
        `input`, `target`, `input_reconstruction`, `target_reconstruction`, as :class:`Findings`
        has them.
    """
    images = {"input": x, "target": target}
    if model is not None:
        for name in ("input", "target"):
            images[f"{name}_reconstruction"] = torch.cat(
                [reconstruct(model, guide, some) for some in images[name].split(_ROWS)]
            )
    return images


def _run(
    attack: Attack,
    pair: tuple[Program | None, Program, Tensor, Tensor],
    records: AttackRecords,
    progress: Progress,
    *,
    processes: int,
    spread: Spread | None,
) -> None:
    groups = attack.groups(len(pair[2]))
    skip = records.finished_groups(range(len(groups)))
    already = sum(len(groups[group]) for group in skip)

    def report(
        stage: str, done: float, total: float, numbers: Mapping[str, Any] = NO_NUMBERS
    ) -> None:
        progress(stage, done + already, total + already, numbers)

    parts = attack.run(*pair, skip=skip, processes=processes, spread=spread, progress=report)
    for group, result in parts:
        records.add(group, result)


def _distances(images: Mapping[str, Tensor]) -> pd.DataFrame:
    """What the distances of an attack on each pair are measured against."""
    target = images["target"].flatten(1)
    rivals = {
        "l2_input_to_target": "input",
        "l2_clean_to_target": "input_reconstruction",
        "l2_best_to_target": "target_reconstruction",
    }
    return pd.DataFrame(
        {
            column: torch.linalg.vector_norm(images[name].flatten(1) - target, dim=1).tolist()
            for column, name in rivals.items()
            if name in images
        }
    )


def _parameters(program: Program | None) -> list[Tensor]:
    owner = getattr(program, "__self__", program)
    return list(owner.state_dict().values()) if isinstance(owner, nn.Module) else []


def _sha256(tensors: Sequence[Tensor]) -> str:
    digest = hashlib.sha256()
    for tensor in tensors:
        whole = tensor.detach().cpu().contiguous()
        digest.update(f"{tuple(whole.shape)}{whole.dtype}".encode())
        digest.update(whole.flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
