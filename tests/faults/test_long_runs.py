"""Long runs: memory, open files and what lies on the disk stay as they are."""

import os
import time
from pathlib import Path

import pytest
from disturbed import attack_again_and_again, copy_place
from forked import start

TRIES = {"quick": {"train": 3000, "attack": 15}, "full": {"train": 20_000, "attack": 100}}
KIND = "long run, for memory, open files and disk"


def state(process, folder):
    """Megabytes of memory, open files, and megabytes on the disk."""
    status = Path(f"/proc/{process}/status").read_text()
    memory = int(status.partition("RssAnon:")[2].split()[0]) / 1024
    sizes = [path.stat().st_size for path in folder.rglob("*") if path.is_file()]
    return memory, len(os.listdir(f"/proc/{process}/fd")), sum(sizes) / 2**20  # noqa: PTH208


def watch(command, folder, seconds=0.2):
    """Looks at a command until it ends, and returns what it used, in order."""
    seen = []
    while command.running:
        try:
            seen.append(state(command.process.pid, folder))
        except (OSError, IndexError, ValueError):  # it has just ended, or renamed a file
            continue
        time.sleep(seconds)
    return seen


def grown(seen):
    """How much was used at the end beyond the largest of the first third, once it had begun."""
    after = seen[len(seen) // 6 :]
    first, last = after[: len(after) // 3], after[-max(1, len(after) // 6) :]
    return [max(row[k] for row in last) - max(row[k] for row in first) for k in range(3)]


@pytest.mark.faults
def test_training_for_long(size, place, tmp_path, tally):
    copy = copy_place(place, tmp_path / "place")
    steps = TRIES[size]["train"]
    often = steps // 20
    every = ("--steps", steps, "--checkpoint-every", often, "--eval-every", often)
    command = copy.start("train", *every)
    seen = watch(command, copy.root / "trained")
    outcome = command.wait()
    memory, files, disk = grown(seen)
    # a checkpoint may be there twice while it is written; numbers are a line each
    lost = memory > 20 or files > 2 or disk > 2
    print(f"{steps} steps: {memory:+.1f} MB, {files:+d} files, {disk:+.1f} MB of disk")  # noqa: T201
    assert tally.add(KIND, f"train, {steps:,} steps", outcome, lost=lost) == [], (seen, outcome)
    assert outcome.status == 0


@pytest.mark.faults
def test_attacking_for_long(size, place, tmp_path, tally):
    copy = copy_place(place, tmp_path / "place")
    count = TRIES[size]["attack"]
    words = [count, *copy.words("attack")]
    command = start(words, copy.root, run=attack_again_and_again)
    seen = watch(command, copy.root / "run")
    outcome = command.wait()
    memory, files, _ = grown(seen)
    print(f"{count} attacks: {memory:+.1f} MB, {files:+d} files")  # noqa: T201
    lost = memory > 20 or files > 4
    assert tally.add(KIND, f"attack, {count:,} times", outcome, lost=lost) == [], (seen, outcome)
    assert outcome.status == 0
