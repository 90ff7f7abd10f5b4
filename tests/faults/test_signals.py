"""Signals: what asks politely makes a command save and stop; what kills it loses little."""

import signal
import time

import pytest
from disturbed import COMMANDS, copy_place, run_again

POLITE = ("SIGTERM", "SIGINT", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGXCPU")
RUDE = ("SIGQUIT", "SIGALRM", "SIGKILL")

QUICK = [
    *(("SIGTERM", name) for name in COMMANDS),
    *((name, "train") for name in POLITE[1:]),
    ("SIGUSR1", "sweep"),
]


def stop_once(place, root, undisturbed, tally, number, name):
    """Stops a command when it is at its work, and runs it again."""
    wanted = undisturbed(name)
    copy = copy_place(place, root)
    command = copy.start(name)
    while command.running and not copy.at_work(name):
        time.sleep(0.001)
    command.signal(getattr(signal, number))
    stopped = command.wait()
    parts, kept, polite = copy.parts(), copy.steps(), number in POLITE
    again = run_again(copy, name)
    unsaved = polite and stopped.status != 0 and name in {"train", "sweep"} and not kept
    lost = not wanted.same(copy) or unsaved or (polite and bool(parts)) or bool(copy.parts())
    assert tally.add(number, name, stopped, again, lost=lost) == [], stopped
    assert stopped.status in ({0, 1} if polite else {0, -getattr(signal, number)})


def test_smoke_a_polite_stop_loses_nothing(place, tmp_path, undisturbed, tally):
    stop_once(place, tmp_path / "place", undisturbed, tally, "SIGTERM", "train")


@pytest.mark.faults
@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("number", [*POLITE, *RUDE])
def test_a_signal_loses_nothing_that_was_saved(
    number, name, size, place, tmp_path, undisturbed, tally
):
    if size == "quick" and (number, name) not in QUICK:
        pytest.skip("in the full form only")
    if tally.tried(number, name):
        pytest.skip("tried before")
    stop_once(place, tmp_path / "place", undisturbed, tally, number, name)
