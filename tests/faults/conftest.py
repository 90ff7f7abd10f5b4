"""What disturbs commands, how often, and where what came of it is written down."""

import os
import random
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from disturbed import Place, complete_place, copy_place, make_place, run_to_end
from forked import Fault
from tally import Tally


class Undisturbed(NamedTuple):
    """A command that nobody disturbs.

    Attributes:
        results: What it leaves.
        seconds: How long it takes.
        changes: How many changes of files it makes.
        out: What it says.
    """

    results: dict[str, object]
    seconds: float
    changes: int
    out: str

    def same(self, place: Place) -> bool:
        """Whether all is there; what was stopped may have left more."""
        found = place.results()
        return {name: found.get(name) for name in self.results} == self.results


@pytest.fixture(scope="session")
def size() -> str:
    """`smoke`, `quick` or `full`: $FAULTS."""
    return os.environ.get("FAULTS", "quick")


@pytest.fixture(scope="session")
def seed() -> int:
    """Of all that is chosen at random: $FAULTS_SEED."""
    return int(os.environ.get("FAULTS_SEED", "1"))


@pytest.fixture
def rng(seed: int, tally: Tally, request: pytest.FixtureRequest) -> random.Random:
    """Random numbers; a test that goes on does not try again what it has."""
    before = sum(row.tried for row in tally.rows.values())
    return random.Random(f"{seed} {request.node.name} {before}")  # noqa: S311 - no secrets


@pytest.fixture
def enough() -> Callable[[], bool]:
    """Whether a test has been at it for $FAULTS_SECONDS: another call goes on where it was."""
    end = time.monotonic() + float(os.environ.get("FAULTS_SECONDS", "inf"))
    return lambda: time.monotonic() >= end


@pytest.fixture(scope="session")
def tally(size: str) -> Iterator[Tally]:
    kept = os.environ.get("FAULTS_COUNTS")
    found = Tally(Path(kept) if kept else None)
    yield found
    table = os.environ.get("FAULTS_TABLE")
    if table and found.rows:
        found.write(Path(table), size)


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory, pictures: Path) -> Place:
    """A place to copy."""
    return make_place(tmp_path_factory.mktemp("faults") / "place", pictures)


@pytest.fixture(scope="session")
def complete(tmp_path_factory: pytest.TempPathFactory, place: Place) -> Place:
    """A place to copy whose run has all that a run can have."""
    return complete_place(place, tmp_path_factory.mktemp("complete") / "place")


@pytest.fixture(scope="session")
def undisturbed(
    place: Place, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Undisturbed]:
    known: dict[str, Undisturbed] = {}

    def look(name: str) -> Undisturbed:
        if name not in known:
            copy = copy_place(place, tmp_path_factory.mktemp("whole") / "place")
            counted = copy.run(name, fault=Fault("count"))
            changes = copy.root.with_name("place-log.changes")
            copy = copy_place(place, copy.root)
            outcome = run_to_end(copy, name)
            assert counted.status == 0
            known[name] = Undisturbed(
                copy.results(), outcome.seconds, int(changes.read_text()), outcome.out
            )
            shutil.rmtree(copy.root)
        return known[name]

    return look
