"""Training and attacking everything on the board at one budget."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from pyro_seatbelt.board.added import add_run, read_added
from pyro_seatbelt.board.entries import ENTRIES, PLAIN, Entry, entries_named
from pyro_seatbelt.board.scales import BoardScale
from pyro_seatbelt.board.standings import Standing, as_markdown, standings
from pyro_seatbelt.errors import InputError
from pyro_seatbelt.files import remove_folder, write_atomically, writing
from pyro_seatbelt.formats import to_json
from pyro_seatbelt.progress import Progress, silent
from pyro_seatbelt.runs.defend import defend_run
from pyro_seatbelt.runs.folder import RunFolder
from pyro_seatbelt.runs.robustness import RobustnessReport, report_of
from pyro_seatbelt.runs.robustness_comparison import write_comparison
from pyro_seatbelt.runs.robustness_numbers import read_robustness
from pyro_seatbelt.sweeps.finished import job_place
from pyro_seatbelt.sweeps.job import Job, job_for
from pyro_seatbelt.sweeps.sweep import run_jobs
from pyro_seatbelt.sweeps.sweep_options import SweepOptions
from pyro_seatbelt.training.config import TrainConfig


class Board(NamedTuple):
    """What came of a board.

    Attributes:
        folder: Where everything is.
        rows: Where the entries stand, the most resistant first.
        files: Files by name.
        failed: Why, by run, for those that could not be made: the rows are without them.
    """

    folder: Path
    rows: list[Standing]
    files: dict[str, Path]
    failed: dict[str, str]


def make_board(
    names: Sequence[str] = (),
    *,
    scale: BoardScale,
    folder: Path,
    seeds: int | None = None,
    options: SweepOptions | None = None,
    progress: Progress = silent,
) -> Board:
    """Trains and attacks entries of the board, and writes where all that are there stand.

    All runs of a scale share one sweep in a folder of its name: what is finished is left alone,
    and a stopped board goes on where it was. A defence that acts at inference is put around the
    trained runs of its base.

    Args:
        names: Entries (:data:`pyro_seatbelt.board.entries.ENTRIES`); none stand for all. The plain
            VAE is always among them.
        scale: The data, the budget, and how hard runs are attacked.
        folder: Where to.
        seeds: Runs of an entry, instead of as many as the scale has.
        options: Where the runs run.
        progress: Is told how far the making of images is, and then the sweeps.

    Returns:
        Where everything is, and where entries stand.

    Raises:
        InputError: If there is no such entry, something that the user gave cannot be used, or no
            run of the plain VAE could be made.
    """
    entries = entries_named(names)
    place = folder / scale.name
    trained = [each for each in entries.values() if each.base is None]
    defended = [each for each in entries.values() if each.base is not None]
    failed: dict[str, str] = {}
    for some in filter(None, (trained, defended)):
        for entry in some:
            _defend_bases(entry, scale, place, seeds)
        jobs = [job for entry in some for job in jobs_of(entry, scale, seeds)]
        failed |= run_jobs(jobs, place, options, progress=progress).failed
    if failed and PLAIN not in _made(place, scale):
        name, reason = next(iter(failed.items()))
        raise InputError(f"{name}: {reason}; more in {place / 'failures'}")
    return write_board(place, scale)._replace(failed=failed)


def add_to_board(
    run: Path,
    *,
    scale: BoardScale,
    folder: Path,
    name: str | None = None,
    progress: Progress = silent,
) -> Board:
    """Measures somebody's run as all on the board are, and writes where it stands.

    Args:
        run: The folder of the run, which has learned from the images of the board.
        scale: The scale of the board.
        folder: Where boards are.
        name: What it is called there, by default as its folder.
        progress: Is told how far each attack is, and then each stage of measuring.

    Returns:
        Where everything is, and where entries stand.

    Raises:
        InputError: If there is no board yet, the run has learned from other data, or something of
            it cannot be used.
    """
    place = folder / scale.name
    plain = _made(place, scale).get(PLAIN)
    if not plain:
        raise InputError(
            f"{place}: expected a board, there is none: seatbelt board --scale {scale.name} makes "
            "one"
        )
    fingerprint = plain[0].robustness.fingerprint
    add_run(run, place, scale, fingerprint=fingerprint, name=name, progress=progress)
    return write_board(place, scale)


def jobs_of(entry: Entry, scale: BoardScale, seeds: int | None = None) -> list[Job]:
    """The runs of an entry.

    Args:
        entry: The entry.
        scale: The scale.
        seeds: How many, instead of as many as the scale has.

    Raises:
        InputError: If there is to be none.

    Example:
        >>> from pyro_seatbelt.board.scales import SCALES
        >>> [job.config.seed for job in jobs_of(ENTRIES["vae"], SCALES["laptop"])]
        [0, 1, 2]
    """
    count = scale.seeds if seeds is None else seeds
    if count < 1:
        raise InputError(f"seeds: expected >= 1, got {count}")
    return [_job(entry, scale, seed) for seed in range(count)]


def write_board(place: Path, scale: BoardScale) -> Board:
    """Writes where all entries stand whose runs are there.

    Args:
        place: The folder of the board.
        scale: Its scale.

    Returns:
        Where everything is.

    Raises:
        InputError: If the plain VAE has no run, a file is damaged or the disk does not take it.
    """
    made = _made(place, scale)
    seeds = max(map(len, made.values()), default=0)
    added = read_added(place)
    entries = {name: Entry(name, "added", {}) for name in added} | ENTRIES
    rows = standings(entries, {name: [report] for name, report in added.items()} | made)
    comparison = write_comparison([row.model for row in rows], place / "robustness")
    files = {"board": place / "board.md", "numbers": place / "board.json"}
    plain = {"scale": scale.name, "seeds": seeds, "rows": [row.plain() for row in rows]}
    write_atomically(files["numbers"], to_json(plain))
    document = as_markdown(
        rows,
        title=f"The board at {scale.name} scale",
        note=f"`seatbelt board --scale {scale.name}`: {scale.title}, {seeds} seeds.",
    )
    write_atomically(files["board"], document)
    files |= {name: path for name, path in comparison.items() if name != "numbers"}
    return Board(place, rows, files, {})


def _defend_bases(entry: Entry, scale: BoardScale, place: Path, seeds: int | None) -> None:
    """Makes the runs of a defence that acts at inference, of the trained ones of its base."""
    if entry.base is None:
        return
    base = ENTRIES[entry.base]
    changes = {name: each for name, each in entry.fields.items() if name not in base.fields}
    both = (jobs_of(each, scale, seeds) for each in (base, entry))
    for source, out in zip(
        *([job_place(job.name, place) for job in some] for some in both), strict=True
    ):
        if (out / "config.json").is_file() or RunFolder(source).newest_step() is None:
            continue
        if out.exists():  # a call that was killed had begun
            with writing(out):
                remove_folder(out)
        defend_run(source, changes, out=out)


def _job(entry: Entry, scale: BoardScale, seed: int) -> Job:
    config = TrainConfig.merge(scale.fields, entry.fields, {"seed": seed})
    return job_for(config, robustness=scale.robustness)


def _made(place: Path, scale: BoardScale) -> dict[str, list[RobustnessReport]]:
    """The measurements that are there by the protocol of a scale, by entry, in order of seeds."""
    runs = [path.parent for path in place.glob("runs/*/config.json")]
    seeds = {RunFolder(run).read_config().seed for run in runs}
    found: dict[str, list[RobustnessReport]] = {}
    for name, entry in ENTRIES.items():
        for seed in sorted(seeds):
            run = job_place(_job(entry, scale, seed).name, place)
            if run in runs and _measured(run, scale):
                found.setdefault(name, []).append(report_of(run))
    return found


def _measured(run: Path, scale: BoardScale) -> bool:
    found, folder = read_robustness(run), RunFolder(run)
    return found is not None and found.answers(
        scale.robustness, folder.read_record(), folder.newest_step()
    )
