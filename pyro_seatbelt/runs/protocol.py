r"""The paper's protocol: every pair with every penalty, kept on disk as it goes.

References:
    | Disentangling Improves VAEs' Robustness to Adversarial Attacks (Willetts et al.), Section 5.2
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from torch import Tensor

from pyro_seatbelt.attacks.attack import BoundAttack
from pyro_seatbelt.executors import Executor
from pyro_seatbelt.locks import locked
from pyro_seatbelt.progress import Progress, shifted, silent
from pyro_seatbelt.runs.records import AttackRecords, Findings


def run_protocol(
    attack: BoundAttack,
    folder: Path,
    *,
    columns: Mapping[str, Sequence[object]] | None = None,
    about: Mapping[str, Any] | None = None,
    executor: Executor | None = None,
    force: bool = False,
    progress: Progress = silent,
) -> Findings:
    """Attacks a guide on every pair with every weight, and keeps what is found in a folder.

    Each group of problems is written when it is done, so that a process killed at any moment
    loses the group it was at and no other. The same call goes on from there, and ends with the
    table that an uninterrupted one would have made; a finished attack is only read.

    Args:
        attack: The attack, bound to a pair and to inputs, with targets or without.
        folder: Of this attack: absent, empty, or one in which it was begun.
        columns: More columns of the table: a value for each pair by name, such as its number in a
            data set.
        about: What else to write down beside the arguments: versions, where the images are from.
        executor: Runs the groups; this process does by default.
        force: Whether to begin anew whatever is there.
        progress: Called as the attack goes on; it counts what earlier calls finished, too.

    Returns:
        What is in the folder now.

    Raises:
        InputError: When the folder holds another attack, another process is at it, or it cannot
            be written.

    Example:
        >>> import tempfile
        >>> import pyro, pyro.distributions as dist
        >>> from pyro_seatbelt.attacks import LBFGSB, Attack, LatentKL
        >>> def guide(x):
        ...     with pyro.plate("data", len(x)):
        ...         pyro.sample("z", dist.Normal(3 * x, 1.0).to_event(1))
        >>> attack = Attack(LatentKL(), LBFGSB(), [0.0, 1e6])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     bound = attack.bind(None, guide, torch.zeros(2, 4), torch.ones(2, 4))
        ...     found = run_protocol(bound, Path(folder) / "one")
        >>> found.table["norm"].round(3).tolist()
        [2.0, 0.0, 2.0, 0.0]
    """
    records = AttackRecords(folder)
    records.open(attack.arguments, about or {})
    with locked(folder, "another process is at this attack"):
        if force:
            records.reset()
        records.prepare()
        if not records.finished:
            groups = range(len(attack.groups))
            done = records.finished_groups(groups)
            already = sum(len(attack.groups[group]) for group in done)
            report = shifted(progress, already)
            for group, result in attack.run(skip=done, executor=executor, progress=report):
                records.add(group, result)
            images = attack.pair_images()
            more = pd.DataFrame(dict(columns or {}), index=range(len(attack.x)))
            if attack.target is not None:
                more = more.join(_distances(images))
            records.merge(groups, more, images)
        return records.read()


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
