"""A report of runs: one HTML file."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from pyro_seatbelt import __version__
from pyro_seatbelt.errors import InputError
from pyro_seatbelt.files import resolved, write_atomically
from pyro_seatbelt.report.byte_budget import ByteBudget, page_budget
from pyro_seatbelt.report.claims import ClaimRow, read_claims
from pyro_seatbelt.report.comparison import compare
from pyro_seatbelt.report.configuration import model_name
from pyro_seatbelt.report.contents import RunContents, read_contents
from pyro_seatbelt.report.html import Page, render
from pyro_seatbelt.report.pictures import Gallery
from pyro_seatbelt.report.run import RunSection, run_section
from pyro_seatbelt.report.sweep import failures, is_sweep, item_galleries, sweep_runs
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
    contents, notes = _read(folders)
    budget = page_budget(len(contents))
    claims: list[ClaimRow] = []
    galleries: list[Gallery] = []
    if folders.sweep is not None:
        claims, unread = read_claims(folders.sweep)
        notes += [*unread, *failures(folders.sweep)]
        galleries = item_galleries(folders.sweep, budget)
    page = Page(
        title=title or _title(folders, contents),
        made=f"{_what(contents)}, pyro-seatbelt {__version__}, {now():%Y-%m-%d %H:%M} UTC",
        runs=_sections(contents, budget),
        comparison=compare(contents) if len(contents) > 1 else None,
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
    unique = {resolved(path): path for path in paths or [newest_run()]}
    return _Folders(list(unique.values()), None)


def _read(folders: _Folders) -> tuple[list[RunContents], list[str]]:
    """A run that cannot be read is an error, or a note if it is one of a sweep."""
    contents, notes = [], []
    for path in folders.runs:
        try:
            contents.append(read_contents(path))
        except InputError as error:
            if folders.sweep is None:
                raise
            reason = str(error).replace(f"{folders.sweep}{os.sep}", "")
            notes.append(f"A run cannot be read: {reason}")
    if not contents:
        raise InputError(f"{folders.sweep}: none of its runs can be read: {notes[0]}")
    return contents, notes


def _sections(contents: Sequence[RunContents], budget: ByteBudget) -> list[RunSection]:
    """Every run has an equal part of the bytes that the ones before it left."""
    return [
        run_section(run, budget.part(budget.left // (len(contents) - number)))
        for number, run in enumerate(contents)
    ]


def _title(folders: _Folders, contents: Sequence[RunContents]) -> str:
    if folders.sweep is not None:
        return folders.sweep.resolve().name
    if len(contents) > 1:
        return f"Comparison of {len(contents)} runs"
    return f"{model_name(contents[0].config)} on {contents[0].config.dataset}"


def _what(contents: Sequence[RunContents]) -> str:
    return f"Run {contents[0].name}" if len(contents) == 1 else f"{len(contents)} runs"


def _default(folders: _Folders) -> Path:
    if folders.sweep is not None:
        return folders.sweep / "report.html"
    return (folders.runs[0] if len(folders.runs) == 1 else folders.runs[0].parent) / "report.html"
