"""What every executor keeps to."""

import pickle
import time
from pathlib import Path

import pytest

from pyro_seatbelt.executors import Inline, LocalProcesses, Ray
from pyro_seatbelt.progress import silent


def reciprocal(item, progress):
    for step in range(3):
        progress("dividing", step, 2, {"step": step})
    return 1 / item


def note(item, progress):
    """Leaves a file when it begins, and one a while later."""
    folder, name = item
    (folder / name).touch()
    if name != "first":
        for step in range(600):  # some can be interrupted between two steps alone
            progress("waiting", step, 600)
            time.sleep(0.1)
        (folder / f"{name}-done").touch()
    return name


class UnreadableError(Exception):
    """Can be pickled, and not be read: its constructor wants two arguments."""

    def __init__(self, one, two):
        super().__init__(one)


def unreadable(item, progress):
    raise UnreadableError("no", item)


@pytest.fixture(
    params=[
        "inline",
        "fork",
        pytest.param("spawn", marks=pytest.mark.slow),
        pytest.param("ray", marks=pytest.mark.slow),
    ]
)
def executor(request):
    if request.param == "inline":
        return Inline()
    if request.param == "ray":
        pytest.importorskip("ray")
        return Ray(workers=2)
    return LocalProcesses(2, start=request.param)


def test_every_item_has_its_outcome(executor):
    outcomes = dict(executor.run(reciprocal, [1, 2, 0, 4, 8]))
    assert sorted(outcomes) == [0, 1, 2, 3, 4]
    assert all(outcome.done() for outcome in outcomes.values())
    assert [outcomes[number].result() for number in (0, 1, 3, 4)] == [1, 0.5, 0.25, 0.125]
    with pytest.raises(ZeroDivisionError, match="division by zero"):
        outcomes[2].result()


def test_progress_is_told_of_each_item(executor):
    told = {0: [], 1: []}
    list(executor.run(reciprocal, [1, 2], lambda number: lambda *each: told[number].append(each)))
    for each in told.values():
        assert each[0] == ("begun", 0, 1)
        assert ("dividing", 0, 2, {"step": 0}) in each[1:] or isinstance(executor, Ray)
        assert all(message[0] == "dividing" for message in each[1:])


def test_nothing_to_do_is_done(executor):
    assert list(executor.run(reciprocal, [])) == []


def test_an_error_that_cannot_be_sent_is_an_error_all_the_same(executor):
    [(number, outcome)] = executor.run(unreadable, [7])
    assert number == 0
    assert outcome.exception() is not None


def test_what_nobody_waits_for_is_stopped(executor, tmp_path: Path):
    items = [(tmp_path, name) for name in ("first", "second", "third")]
    outcomes = executor.run(note, items)
    assert next(outcomes)[1].result() == "first"
    outcomes.close()
    assert not list(tmp_path.glob("*-done"))


@pytest.mark.parametrize("executor", [LocalProcesses(2), Ray()], ids=["spawn", "ray"])
def test_what_has_to_travel_and_cannot_is_said_before_anything_begins(executor):
    with pytest.raises(pickle.PicklingError):
        next(executor.run(lambda item, progress: item, [1]))


def test_progress_may_be_silent(executor):
    outcomes = executor.run(reciprocal, [4], lambda number: silent)
    assert [(number, outcome.result()) for number, outcome in outcomes] == [(0, 0.25)]
