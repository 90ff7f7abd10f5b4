"""Other people's runs on a board."""

import re
from pathlib import Path

from pyro_seatbelt.board.scales import BoardScale
from pyro_seatbelt.documents import read_bytes
from pyro_seatbelt.errors import InputError
from pyro_seatbelt.files import make_folder, write_atomically, writing
from pyro_seatbelt.manifest import NAME as MANIFEST
from pyro_seatbelt.progress import Progress, silent
from pyro_seatbelt.runs.folder import RunFolder
from pyro_seatbelt.runs.robustness import RobustnessReport, report_of, robustness_of_run
from pyro_seatbelt.runs.robustness_numbers import of_run


def add_run(
    run: Path,
    place: Path,
    scale: BoardScale,
    *,
    fingerprint: str,
    name: str | None = None,
    progress: Progress = silent,
) -> Path:
    """Measures a run as all on the board are, and puts its numbers there.

    Its weights stay where they are: the board keeps the config, the records and the measurement. A
    run of the same name takes the place of the earlier one.

    Args:
        run: The folder of the run.
        place: The folder of the board.
        scale: The scale of the board.
        fingerprint: Of the data of the board.
        name: What it is called there, by default as its folder.
        progress: Is told how far each attack is, and then each stage of measuring.

    Returns:
        Where its numbers are now.

    Raises:
        InputError: If the run has learned from other data, the name cannot be that of a folder, or
            something of the run cannot be used.
    """
    name = name or run.resolve().name
    if not re.fullmatch(r"\w[\w.+=-]*", name):
        raise InputError(
            f"name: expected letters, digits and any of . _ + = -, got {name!r}: choose one"
        )
    config, record = RunFolder(run).read_config(), RunFolder(run).read_record()
    if record.fingerprint != fingerprint:
        wanted = " ".join(
            f"--{key.replace('_', '-')} {value}"
            for key, value in scale.fields.items()
            if key in {"dataset", "ids"}
        )
        raise InputError(
            f"{run}: expected a run on the images of the board, {config.dataset} with "
            f"--ids {config.ids} are others: train it with {wanted}"
        )
    measured = robustness_of_run(run, scale.robustness, progress=progress)
    there = place / "added" / name
    with writing(there):
        (there / "config.json").unlink(missing_ok=True)
        make_folder(of_run(there).path)
    numbers = [path for path in measured.files.values() if path.suffix != ".png"]
    records = [RunFolder(run).metrics, run / MANIFEST, run / "run.json"]
    # the config comes last: it makes it a run
    for source in (*numbers, measured.folder / MANIFEST, *records, run / "config.json"):
        if source.is_file():
            write_atomically(there / source.relative_to(run), read_bytes(source))
    return there


def read_added(place: Path) -> dict[str, RobustnessReport]:
    """Reads the measurements of the runs that were added to a board.

    Args:
        place: The folder of the board.

    Returns:
        Them by name.

    Raises:
        InputError: If a file is damaged.
    """
    return {
        path.parent.name: report_of(path.parent)
        for path in sorted(place.glob("added/*/config.json"))
    }
