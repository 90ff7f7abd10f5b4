"""Making figures and tables of the paper again."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from pyro_seatbelt.errors import InputError
from pyro_seatbelt.files import write_atomically
from pyro_seatbelt.paper.claims import Claim, markdown, write_claims
from pyro_seatbelt.paper.items import chosen
from pyro_seatbelt.paper.results import Results
from pyro_seatbelt.paper.scale import Scale
from pyro_seatbelt.progress import Progress, silent
from pyro_seatbelt.sweeps.job import merge_jobs
from pyro_seatbelt.sweeps.sweep import run_jobs
from pyro_seatbelt.sweeps.sweep_options import SweepOptions
from pyro_seatbelt.sweeps.tables import attack_table, run_table


class Reproduction(NamedTuple):
    """What came of a reproduction.

    Attributes:
        folder: Where everything is.
        files: Figures and tables by item.
        claims: What the paper claims, and what came out.
        failed: Why, by run, for those that could not be made: what is drawn is without them.
        absent: How many of the runs that the items need are not there.
    """

    folder: Path
    files: dict[str, list[Path]]
    claims: list[Claim]
    failed: dict[str, str]
    absent: int


def reproduce(
    names: Sequence[str],
    *,
    scale: Scale,
    folder: Path,
    workers: int | None = None,
    ray: str | None = None,
    redraw_only: bool = False,
    progress: Progress = silent,
) -> Reproduction:
    """Trains, attacks and evaluates what some items need, draws them, and checks the claims.

    All items of a scale share one sweep, so that no run is made twice: what is finished is left
    alone, and a stopped reproduction goes on where it was.

    Args:
        names: Items by name (:data:`pyro_seatbelt.paper.items.ITEMS`), or `all`.
        scale: How large it is.
        folder: Where to; the sweep is in a folder in it that is named after the scale.
        workers: Processes that share the runs.
        ray: Address of a Ray cluster to run on instead, or `local`.
        redraw_only: Whether to draw from what is there and to train, attack and evaluate nothing.
        progress: Is told how far the making of images is, and then the sweep.

    Returns:
        Where everything is, and what holds.

    Raises:
        InputError: If there is no such item, or nothing to redraw.
    """
    items = chosen(names)
    place = folder / scale.name
    wanted = {name: item.jobs(scale) for name, item in items.items()}
    jobs = merge_jobs([job for each in wanted.values() for job in each])
    failed: dict[str, str] = {}
    if not redraw_only:
        where = SweepOptions(workers=workers, ray=ray)
        failed = run_jobs(jobs, place, options=where, progress=progress).failed
    elif not (place / "runs").is_dir():
        raise InputError(f"{place}: nothing to redraw here: leave --redraw out to make the runs")
    results = Results(scale, place, run_table(place), attack_table(place))
    files: dict[str, list[Path]] = {}
    claims: list[Claim] = []
    for name, item in items.items():
        own = results.of(wanted[name])
        if item.make is not None and not redraw_only:
            item.make(own, place / name)
        files[name] = item.draw(own).write(place / name)
        found = item.check(own)
        files[name].append(write_claims(place / name / "claims.json", found))
        claims += found
    write_claims(place / "claims.json", claims)
    write_atomically(
        place / "claims.md", markdown(claims, title=f"Claims of the paper, scale {scale.name}")
    )
    there = set(results.runs["run"])
    absent = sum(job.name not in there for job in jobs)
    return Reproduction(place, files, claims, failed, absent)
