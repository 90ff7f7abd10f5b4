"""A report of runs: one HTML file."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from pyro_seatbelt import __version__
from pyro_seatbelt.errors import InputError
from pyro_seatbelt.files import write_atomically
from pyro_seatbelt.report import Claim, Gallery, Page, RunSection, render
from pyro_seatbelt.report.pages.comparison import compare
from pyro_seatbelt.report.pages.known import KnownRun, read_known
from pyro_seatbelt.report.pages.room import Room, page_room
from pyro_seatbelt.report.pages.run import model_name, run_section
from pyro_seatbelt.report.pages.sweep import (
    failures,
    is_sweep,
    item_galleries,
    read_claims,
    sweep_runs,
)
from pyro_seatbelt.runs.folder import now
from pyro_seatbelt.runs.listing import newest_run


class _Folders(NamedTuple):
    """What a report is of: runs, and the sweep they belong to."""

    runs: list[Path]
    sweep: Path | None


def report_runs(
    paths: Sequence[Path] = (), out: Path | None = None, title: str | None = None
) -> Path:
    """Writes what is known of some runs as one HTML file that needs nothing else.

    No model is loaded. A part of a run that is absent is left out, and the page says what makes
    it; a damaged one is left out, and the page says so.

    Args:
        paths: The folders of runs, or that of one sweep; the newest run if there are none.
        out: The file, by default `report.html` in the folder of the run or the sweep, or beside
            the first of several runs; one that is there is replaced.
        title: Its title.

    Returns:
        The file.

    Raises:
        InputError: If a folder is no run and no sweep, the config of a run is damaged, or the file
            is not called `.html` or cannot be written.
    """
    if out is not None and (out.suffix.lower() not in {".html", ".htm"} or out.is_dir()):
        raise InputError(f"{out}: expected the name of a file that ends in .html")
    folders = _folders(paths)
    known, notes = _read(folders)
    room = page_room(len(known))
    claims: list[Claim] = []
    galleries: list[Gallery] = []
    if folders.sweep is not None:
        claims, unread = read_claims(folders.sweep)
        notes += [*unread, *failures(folders.sweep)]
        galleries = item_galleries(folders.sweep, room)
    page = Page(
        title=title or _title(folders, known),
        made=f"{_what(known)}, pyro-seatbelt {__version__}, {now():%Y-%m-%d %H:%M} UTC",
        runs=_sections(known, room),
        comparison=compare(known) if len(known) > 1 else None,
        claims=claims,
        galleries=galleries,
        notes=notes,
    )
    file = out or _default(folders)
    write_atomically(file, render(page))
    return file


def _folders(paths: Sequence[Path]) -> _Folders:
    sweeps = [path for path in paths if is_sweep(path)]
    if sweeps and len(paths) > 1:
        raise InputError(f"{sweeps[0]}: expected one sweep alone or runs, got {len(paths)} folders")
    if sweeps:
        return _Folders(sweep_runs(sweeps[0]), sweeps[0])
    unique = {path.resolve(): path for path in paths or [newest_run()]}
    return _Folders(list(unique.values()), None)


def _read(folders: _Folders) -> tuple[list[KnownRun], list[str]]:
    """A run that cannot be read is an error, or a note if it is one of a sweep."""
    known, notes = [], []
    for path in folders.runs:
        try:
            known.append(read_known(path))
        except InputError as error:
            if folders.sweep is None:
                raise
            reason = str(error).replace(f"{folders.sweep}{os.sep}", "")
            notes.append(f"A run cannot be read: {reason}")
    if not known:
        raise InputError(f"{folders.sweep}: none of its runs can be read: {notes[0]}")
    return known, notes


def _sections(known: Sequence[KnownRun], room: Room) -> list[RunSection]:
    """Every run has as much room as is left for each."""
    sections = []
    for number, run in enumerate(known):
        share = room.left // (len(known) - number)
        own = Room(share)
        sections.append(run_section(run, own))
        room.take(share - own.left)
    return sections


def _title(folders: _Folders, known: Sequence[KnownRun]) -> str:
    if folders.sweep is not None:
        return folders.sweep.resolve().name
    if len(known) > 1:
        return f"Comparison of {len(known)} runs"
    return f"{model_name(known[0].config)} on {known[0].config.dataset}"


def _what(known: Sequence[KnownRun]) -> str:
    return f"Run {known[0].name}" if len(known) == 1 else f"{len(known)} runs"


def _default(folders: _Folders) -> Path:
    if folders.sweep is not None:
        return folders.sweep / "report.html"
    return (folders.runs[0] if len(folders.runs) == 1 else folders.runs[0].parent) / "report.html"
