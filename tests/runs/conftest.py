"""Small runs on a few drawn chairs."""

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def _in_the_workplace(workplace: Path) -> None:
    pass
