"""SIGKILL between any two changes of files, and at any moment."""

import signal
import time

import pytest
from disturbed import copy_place, run_again
from forked import Fault

KILLS = {
    "smoke": {"train": 2},
    "quick": {"train": 8, "attack": 4, "sweep": 2, "evaluate": 2, "report": 2, "build": 2},
    "full": {"train": 200, "attack": 100, "sweep": 32, "evaluate": 30, "report": 30, "build": 30},
}
AT_CHANGE, AT_MOMENT = "SIGKILL at a change of a file", "SIGKILL at a random moment"


def kill(place, name, wanted, *, share, moment, workers_too):
    """Kills a command, at a share of its changes of files or of its time."""
    if moment:
        command = place.start(name)
        time.sleep(share * wanted.seconds)
        command.signal(signal.SIGKILL, all_of_it=workers_too)
    else:
        command = place.start(name, fault=Fault("kill", 1 + int(share * wanted.changes)))
    return command.wait()


def kill_often(count, name, place, root, undisturbed, tally, rng, enough):
    wanted, problems = undisturbed(name), []
    for kind in (AT_CHANGE, AT_MOMENT):
        before = tally.tried(kind, name)
        for attempt in range(before, count // 2):
            if enough():
                break
            share = attempt / (count // 2) if kind == AT_CHANGE else rng.random()
            copy = copy_place(place, root)
            killed = kill(
                copy,
                name,
                wanted,
                share=share,
                moment=kind == AT_MOMENT,
                workers_too=bool(attempt % 2),
            )
            again = run_again(copy, name)
            lost = not wanted.same(copy) or bool(copy.parts())
            wrong = tally.add(kind, name, killed, again, lost=lost, about=(share, copy.parts()))
            problems += [(kind, share, wrong, copy.parts())] * bool(wrong)
    assert problems == []


def test_smoke_a_kill_loses_nothing_that_was_saved(
    place, tmp_path, undisturbed, tally, rng, enough
):
    count, root = KILLS["smoke"]["train"], tmp_path / "place"
    kill_often(count, "train", place, root, undisturbed, tally, rng, enough)


@pytest.mark.faults
@pytest.mark.parametrize("name", KILLS["full"])
def test_a_kill_loses_nothing_that_was_saved(
    name, size, place, tmp_path, undisturbed, tally, rng, enough
):
    count, root = KILLS[size][name], tmp_path / "place"
    kill_often(count, name, place, root, undisturbed, tally, rng, enough)


def test_smoke_workers_save_when_a_sweep_is_killed(place, tmp_path):
    copy = copy_place(place, tmp_path / "place")
    grid = copy.root / "grid.toml"
    text = grid.read_text().replace("steps = 30", "steps = 100000")
    grid.write_text(text.replace("checkpoint_every = 5", "checkpoint_every = 100000"))
    command = copy.start("sweep")
    while command.running and not copy.at_work("sweep"):
        time.sleep(0.001)
    command.signal(signal.SIGKILL)
    assert command.wait().status == -signal.SIGKILL
    assert copy.steps() > 0
    records = list(copy.root.glob("swept/runs/*/run.json"))
    assert '"interrupted"' in records[0].read_text()
