"""What disturbs commands, how often, and where what came of it is written down."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from disturbed import Place, make_place
from tally import Tally


@pytest.fixture(scope="session")
def size() -> str:
    """`smoke`, `quick` or `full`: $FAULTS."""
    return os.environ.get("FAULTS", "quick")


@pytest.fixture(scope="session")
def tally(size: str) -> Iterator[Tally]:
    found = Tally()
    yield found
    table = os.environ.get("FAULTS_TABLE")
    if table and found.rows:
        found.write(Path(table), size)


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory, pictures: Path) -> Place:
    """A place to copy."""
    return make_place(tmp_path_factory.mktemp("faults") / "place", pictures)
