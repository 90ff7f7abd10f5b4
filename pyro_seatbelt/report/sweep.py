"""What the folder of a sweep holds besides its runs."""

from pathlib import Path

from pyro_seatbelt.errors import InputError
from pyro_seatbelt.files import leads_into, resolved
from pyro_seatbelt.report.byte_budget import ByteBudget
from pyro_seatbelt.report.pictures import Gallery, gallery

_OTHERS = {"runs", "tables", "failures"}
"""Folders in that of a sweep that are no items of a paper."""


def is_sweep(path: Path) -> bool:
    """Whether a folder is that of a sweep.

    Args:
        path: The folder.
    """
    return (path / "runs").is_dir() and not (path / "config.json").is_file()


def sweep_runs(path: Path) -> list[Path]:
    """Lists the runs of a sweep.

    Args:
        path: Its folder.

    Returns:
        Their folders, by name.

    Raises:
        InputError: If there is none.
    """
    runs = sorted(each.parent for each in path.glob("runs/*/config.json"))
    if not runs:
        raise InputError(
            f"{path}: no run here yet: `seatbelt sweep` or `seatbelt reproduce` makes one"
        )
    return runs


def failures(path: Path) -> list[str]:
    """Names the jobs of a sweep that failed.

    Args:
        path: Its folder.

    Returns:
        A line; none if none did.
    """
    names = sorted(file.stem for file in path.glob("failures/*.json"))
    if not names:
        return []
    what = "1 job failed" if len(names) == 1 else f"{len(names)} jobs failed"
    return [f"{what}: {', '.join(names)}."]


def item_galleries(path: Path, budget: ByteBudget) -> list[Gallery]:
    """Collects the figures of the items of a paper.

    Args:
        path: The folder of a sweep.
        budget: How much fits.

    Returns:
        One gallery per item.
    """
    found: dict[str, list[tuple[Path, str]]] = {}
    for file in in_items(path, "*.png"):
        found.setdefault(file.parent.name, []).append((file, file.stem.replace("-", " ")))
    galleries = [gallery(item, files, budget) for item, files in found.items()]
    return [each for each in galleries if each is not None]


def in_items(path: Path, pattern: str) -> list[Path]:
    """Finds files in the folders of the items of a paper.

    Args:
        path: The folder of a sweep.
        pattern: What their names are like.
    """
    found = sorted(file for file in path.glob(f"*/{pattern}") if file.parent.name not in _OTHERS)
    home = resolved(path)  # somebody else may have made the folder, and links in it
    return [file for file in found if leads_into(file, home)]
