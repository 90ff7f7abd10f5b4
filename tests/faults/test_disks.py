"""Disks that become full or read-only while a command works."""

import pytest
from disturbed import copy_place, run_again
from forked import Fault

COMMANDS = ("train", "sweep", "attack", "evaluate", "robustness", "report", "build", "defend")
TRIES = {"quick": 1, "full": 8}
KINDS = ("full disk", "full disk in the midst of a file", "read-only disk")


def fault_of(kind, changes, rng):
    if kind == "full disk in the midst of a file":
        return Fault(largest=int(2 ** rng.uniform(7, 18)))
    return Fault("full" if kind == "full disk" else "read-only", rng.randint(1, changes))


@pytest.mark.faults
@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("kind", KINDS)
def test_a_bad_disk_is_one_line_and_loses_nothing(
    kind, name, size, place, tmp_path, undisturbed, tally, rng, enough
):
    wanted, problems = undisturbed(name), []
    for _ in range(tally.tried(kind, name), TRIES[size]):
        if enough():
            break
        copy = copy_place(place, tmp_path / "place")
        fault = fault_of(kind, wanted.changes, rng)
        failed = copy.run(name, fault=fault)
        parts = [] if kind == "read-only disk" else copy.parts()
        again = run_again(copy, name)
        lost = not wanted.same(copy) or bool(parts) or bool(copy.parts())
        wrong = tally.add(kind, name, failed, again, lost=lost)
        if wrong or failed.status not in {0, 1, 2}:
            problems.append((fault, wrong, parts, failed))
    assert problems == []
