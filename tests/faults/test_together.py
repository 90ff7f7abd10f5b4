"""Two commands at the same time on one folder: one waits or says so, and no number changes."""

import time

import pytest
from disturbed import copy_place, run_again

PAIRS = [
    ("train", "train"),
    ("sweep", "sweep"),
    ("attack", "attack"),
    ("evaluate", "evaluate"),
    ("build", "build"),
    ("report", "report"),
    ("robustness", "robustness"),
    ("attack", "evaluate"),
    ("attack", "report"),
    ("evaluate", "report"),
    ("resume", "attack"),
    ("resume", "report"),
    ("sweep", "runs"),
]
TRIES = {"quick": 1, "full": 4}


@pytest.mark.faults
@pytest.mark.parametrize(("one", "other"), PAIRS)
def test_two_commands_do_not_disturb_each_other(
    one, other, size, place, tmp_path, undisturbed, tally, rng, enough
):
    wanted, problems = undisturbed(one), []
    kind, names = "two commands at once", f"{one}, {other}"
    for _ in range(tally.tried(kind, names), TRIES[size]):
        if enough():
            break
        copy = copy_place(place, tmp_path / "place")
        first = copy.start(one, log=tmp_path / "one")
        time.sleep(rng.random() * wanted.seconds * 0.8)
        second = copy.start(other, log=tmp_path / "other")
        outcomes = [first.wait(), second.wait()]
        again = run_again(copy, one)
        lost = (
            not wanted.same(copy) or bool(copy.parts()) or not any(o.status == 0 for o in outcomes)
        )
        wrong = tally.add(kind, names, *outcomes, again, lost=lost)
        if wrong or any(each.status not in {0, 1, 2} for each in outcomes):
            problems.append((wrong, copy.parts(), outcomes))
    assert problems == []
