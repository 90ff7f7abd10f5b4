"""Signals and kills: nothing is lost but the step or the group that was under way."""

import random
import signal
import time

import pytest
from disturbed import COMMANDS, SIGNALS, begun, copy_place, disturb, run_to_end

KILLS = {
    "quick": {"train": 4, "attack": 2, "sweep": 1, "evaluate": 1, "report": 1, "build": 1},
    "full": {"train": 200, "attack": 100, "sweep": 30, "evaluate": 30, "report": 30, "build": 30},
}
LONG = 20.0
"""Seconds that a whole command may take, for the moment of a kill."""

QUICK = [
    *(("SIGTERM", name) for name in COMMANDS),
    *((name, "train") for name in SIGNALS[1:]),
    ("SIGUSR1", "sweep"),
]
EVERY = [(number, name) for name in COMMANDS for number in SIGNALS]


@pytest.fixture(scope="session")
def undisturbed(place, tmp_path_factory):
    """What a command leaves that nobody disturbs, and how long it takes."""
    known = {}

    def look(name):
        if name not in known:
            copy = copy_place(place, tmp_path_factory.mktemp("whole") / "place")
            began = time.monotonic()
            run_to_end(copy, name)
            known[name] = copy.results(), time.monotonic() - began
        return known[name]

    return look


def same_results(place, wanted):
    """Whether all is there; a run that was stopped has the checkpoint of that step besides."""
    found = place.results()
    return {name: found.get(name) for name in wanted} == wanted


def stop_once(place, root, undisturbed, tally, number, name):
    """Stops a command when it is at its work, and runs it again."""
    wanted, _ = undisturbed(name)
    copy = copy_place(place, root)
    status, said = disturb(copy, name, getattr(signal, number), lambda: begun(copy, name))
    parts, kept = copy.parts(), copy.steps()
    again = run_to_end(copy, name)
    same = same_results(copy, wanted)
    stopped = status != 0
    unsaved = stopped and name in {"train", "sweep"} and not kept
    tally.add(number, name, lost=not same or unsaved or bool(parts), said=said + again)
    assert status in {0, 1}, said
    assert "Traceback" not in said + again
    assert not parts
    assert not unsaved, "training was not saved"
    assert same


@pytest.mark.parametrize("name", ["train"])
@pytest.mark.parametrize("number", ["SIGTERM"])
def test_smoke_a_polite_stop_loses_nothing(number, name, place, tmp_path, undisturbed, tally):
    stop_once(place, tmp_path / "place", undisturbed, tally, number, name)


@pytest.mark.faults
@pytest.mark.parametrize(("number", "name"), EVERY)
def test_a_polite_stop_loses_nothing(number, name, size, place, tmp_path, undisturbed, tally):
    if size == "quick" and (number, name) not in QUICK:
        pytest.skip("in the full form only")
    stop_once(place, tmp_path / "place", undisturbed, tally, number, name)


@pytest.mark.faults
@pytest.mark.parametrize("name", KILLS["full"])
def test_a_kill_loses_nothing_that_was_saved(name, size, place, tmp_path, undisturbed, tally):
    wanted, seconds = undisturbed(name)
    rng = random.Random(name)  # noqa: S311 - moments, not secrets
    bad = []
    for attempt in range(KILLS[size][name]):
        copy = copy_place(place, tmp_path / "place")
        deadline = time.monotonic() + rng.uniform(0, min(seconds, LONG))
        _, said = disturb(copy, name, signal.SIGKILL, lambda: time.monotonic() >= deadline)  # noqa: B023
        again = run_to_end(copy, name)
        lost = not same_results(copy, wanted) or bool(copy.parts())
        tally.add("SIGKILL", name, lost=lost, said=said + again)
        bad += [attempt] * lost
    assert not bad
