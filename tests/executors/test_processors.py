import os

import pytest

from pyro_seatbelt.executors.processors import num_workers


@pytest.mark.parametrize(("processors", "expected"), [(1, 1), (3, 3), (64, 8)])
def test_counts_what_may_be_used(monkeypatch: pytest.MonkeyPatch, processors: int, expected: int):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(processors)), raising=False)
    assert num_workers() == expected


@pytest.mark.parametrize(("processors", "expected"), [(None, 1), (3, 3), (64, 8)])
def test_counts_all_elsewhere(
    monkeypatch: pytest.MonkeyPatch, processors: int | None, expected: int
):
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: processors)
    assert num_workers() == expected
