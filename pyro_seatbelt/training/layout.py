"""How checkpoints are named on disk."""

from fnmatch import fnmatch
from pathlib import Path

from pyro_seatbelt.errors import InputError

_PREFIX = "step-"


def checkpoint_path(root: Path, step: int) -> Path:
    """Returns the folder of a checkpoint.

    Args:
        root: Folder of the checkpoints of a run.
        step: How many steps had been taken.

    Example:
        >>> checkpoint_path(Path("checkpoints"), 1000).name
        'step-00001000'
    """
    return root / f"{_PREFIX}{step:08d}"


def checkpoints(root: Path) -> list[Path]:
    """Lists the checkpoints of a run.

    Args:
        root: Folder of the checkpoints.

    Returns:
        Their folders, oldest first; none if there is no such folder.

    Raises:
        InputError: If the folder cannot be read.
    """
    try:
        found = [path for path in root.iterdir() if fnmatch(path.name, _PREFIX + "[0-9]" * 8)]
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise InputError(f"{root}: cannot be read: {error.strerror or error}") from error
    return sorted(found)


def step_of(path: Path) -> int:
    """Returns how many steps had been taken at a checkpoint.

    Args:
        path: Its folder.

    Example:
        >>> step_of(Path("checkpoints/step-00001000"))
        1000
    """
    return int(path.name.removeprefix(_PREFIX))
