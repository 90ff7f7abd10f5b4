"""Whether the files of a run are those that were written."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal, NamedTuple

from pyro_seatbelt.errors import InputError
from pyro_seatbelt.manifest import check_manifest, read_manifest
from pyro_seatbelt.runs.folder import RunFolder
from pyro_seatbelt.training.checkpoint import load_checkpoint
from pyro_seatbelt.training.layout import checkpoints


class Verdict(NamedTuple):
    """What is known of a folder: a run, a checkpoint, an attack or an evaluation.

    Attributes:
        folder: The folder.
        state: `intact`, `damaged`, or `no manifest`: an earlier version made it, or it was being
            written when its process was killed.
        num_files: How many files were compared.
        problems: What is wrong, one line each.
    """

    folder: Path
    state: Literal["intact", "damaged", "no manifest"]
    num_files: int
    problems: tuple[str, ...]


def verify_run(path: Path) -> list[Verdict]:
    """Reads every file of a run that has a hash, and compares.

    Args:
        path: The folder of a run.

    Returns:
        What is known of the run, of its checkpoints, of its attacks, and of what was measured.

    Raises:
        InputError: If this is no run.
    """
    folder = RunFolder(path)
    if not (path / "config.json").is_file() and not (path / "run.json").is_file():
        raise InputError(f"{path}: expected the folder of a run, it has no config.json")
    parts = sorted(each.parent for each in folder.attacks.glob("*/arguments.json"))
    parts += [each for each in (folder.evaluation, folder.robustness) if each.is_dir()]
    # what figures of the paper have kept there has a manifest
    parts += [
        each.parent for each in sorted(path.glob("*/manifest.json")) if each.parent not in parts
    ]
    return [
        _verify_run(folder),
        *(_verify_checkpoint(each) for each in checkpoints(folder.checkpoints)),
        *map(_verify, parts),
    ]


def _verify_run(folder: RunFolder) -> Verdict:
    found = _verify(folder.path)
    if found.state == "damaged":
        return found
    try:  # what has no manifest, or is of a newer format, may still be unreadable
        folder.read_config()
        folder.read_record()
        folder.read_metrics()
    except InputError as error:
        return found._replace(state="damaged", problems=(str(error),))
    return found


def _verify_checkpoint(path: Path) -> Verdict:
    try:
        load_checkpoint(path)
    except InputError as error:
        return Verdict(path, "damaged", 0, (str(error),))
    return Verdict(path, "intact", len(list(path.iterdir())), ())


def _verify(path: Path) -> Verdict:
    try:
        listed: Mapping[str, str] = read_manifest(path) or {}
        problems = check_manifest(path)
    except InputError as error:
        return Verdict(path, "damaged", 0, (str(error),))
    if problems is None:
        return Verdict(path, "no manifest", 0, ())
    lines = tuple(f"{path / name}: {problem}" for name, problem in problems.items())
    return Verdict(path, "damaged" if lines else "intact", len(listed), lines)
