"""Runs, pictures and configs that a stranger made: no code runs, and nothing leads outside."""

import hashlib
import json
import shutil

import pytest
from disturbed import copy_place
from forked import Fault, seatbelt
from strangers import HOSTILE, SECRET, sign

TRIES = {"smoke": 6, "quick": 40, "full": 300}
READERS = ("report", "resume", "attack", "evaluate", "robustness", "runs", "verify", "defend")
KIND = "hostile file"


def state(folder):
    """What is in a folder."""
    return {
        path.relative_to(folder): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and not path.is_symlink()
    }


def places(complete):
    """Files and folders of a run, and what else commands read: pictures, configs, grids, data."""
    found = [
        path.relative_to(complete.root).as_posix()
        for folder in ("run", "data", "pictures")
        for path in sorted((complete.root / folder).rglob("*"))
        if path.suffix != ".html"
    ]
    new = ("run/checkpoints/.x.part", "run/job.json", "grid.toml", "config.toml", "config.json")
    return [*found, *new, "own.npz", "own.npy"]


def read(place, name, rng):
    """Has a command read a file, and says which it was."""
    how = {"seconds": 240.0, "fault": Fault(audited=True)}
    if name.startswith("data/"):
        return "drawn", place.run("drawn", **how)
    if name.startswith("pictures/"):
        shutil.rmtree(place.root / "trained")
        return "train", place.run("train", **how)
    words = {
        "grid.toml": ["sweep", "grid.toml", "--out", "swept", "--dry-run"],
        "config.toml": ["train", "--config", "config.toml", "--out", "new"],
        "config.json": ["train", "--config", "config.json", "--out", "new"],
        "own.npz": ["train", "--dataset", "folder", "--data-dir", "own.npz", "--out", "new"],
        "own.npy": ["train", "--dataset", "folder", "--data-dir", "own.npy", "--out", "new"],
    }
    if name in words:
        return words[name][0], seatbelt(*words[name], place=place.root, **how)
    reader = rng.choice(READERS)
    return reader, place.run(reader, **how)


def try_often(count, complete, root, tally, rng, enough):
    every, problems = places(complete), []
    outside = root.with_name("outside")
    tried = sum(row.tried for (kind, _), row in tally.rows.items() if kind == KIND)
    for _ in range(tried, count):
        if enough():
            break
        copy = copy_place(complete, root)
        shutil.rmtree(outside, ignore_errors=True)
        outside.mkdir()
        (outside / "secret").write_text(SECRET)
        (outside / ".x.part").write_text(SECRET)
        before = state(outside)
        what, name = rng.choice(sorted(HOSTILE)), rng.choice(every)
        path = copy.root / name
        if path.is_dir():
            shutil.rmtree(path)
        path.unlink(missing_ok=True)
        HOSTILE[what](path, outside)
        if rng.random() < 0.7:
            sign(copy.root)
        command, outcome = read(copy, name, rng)
        said = outcome.out + outcome.err
        written = [
            each
            for each in copy.root.rglob("*")
            if each.is_file() and not each.is_symlink() and SECRET in each.read_text("latin-1")
        ]
        let_in = state(outside) != before or SECRET in said or bool(written) or "Forbidden" in said
        wrong = tally.add(KIND, command, outcome, let_in=let_in, about=(what, name))
        loud = len(said) > 20_000 or "\x1b[2J" in said
        if wrong or loud or outcome.status not in {0, 1, 2}:
            problems.append((what, name, command, wrong, outcome.status, said[-1500:]))
    assert problems == []


def test_smoke_hostile_files(complete, tmp_path, tally, rng, enough):
    try_often(TRIES["smoke"], complete, tmp_path / "place", tally, rng, enough)


@pytest.mark.faults
def test_hostile_files(size, complete, tmp_path, tally, rng, enough):
    try_often(TRIES[size], complete, tmp_path / "place", tally, rng, enough)


def test_one_bad_run_does_not_hide_the_others(place, tmp_path):
    copy = copy_place(place, tmp_path / "place")
    for name, text in (("deep", "[" * 20_000), ("inf", '{"status": 1e999}')):
        shutil.copytree(copy.root / "run", copy.root / name)
        (copy.root / name / "run.json").write_text(text)
    outcome = seatbelt("runs", ".", "--json", place=copy.root)
    statuses = {each["folder"]: each["status"] for each in json.loads(outcome.out)}
    assert statuses == {"run": "finished", "deep": "damaged", "inf": "damaged"}
