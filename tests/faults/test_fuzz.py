"""Random words, configs, grids, checkpoints, tables and pictures: one line, or nothing at all."""

import io
import json

import numpy as np
import pandas as pd
import pytest
import safetensors.numpy
from disturbed import copy_place
from forked import Fault, seatbelt
from strangers import mutate, sign

from pyro_seatbelt.training.config import TrainConfig

TRIES = {
    "smoke": {"command line": 10, "config": 10, "grid": 10, "record": 5},
    "quick": {
        "command line": 60, "config": 60, "grid": 60, "record": 40, "checkpoint": 15, "table": 15,
        "picture": 30,
    },
    "full": {
        "command line": 500, "config": 400, "grid": 300, "record": 400, "checkpoint": 100,
        "table": 100, "picture": 200,
    },
}  # fmt: skip
WORDS = (
    "", "0", "-1", "1e999", "nan", "-inf", "9" * 400, "true", "[]", "\x1b[2J", "../..", "/dev/null",
    "~nosuchuser/x", "seatbelt", "é" * 10_000, "1e-320", "0x10", "[[1]]", "{}", "None", "\ud800",
)  # fmt: skip
TOML = (
    '""', "0", "-1", "1e308", "nan", "-inf", "9223372036854775807", "true", "[]", '"\\u001b[2J"',
    "[[1]]", "{}", "1979-05-27", '"' + "x" * 10_000 + '"', "{a = {b = {}}}",
)  # fmt: skip
COMMANDS = {
    "train": [f"--{name.replace('_', '-')}" for name in TrainConfig.model_fields],
    "attack": [
        "--mode", "--layers", "--pairs", "--budget", "--norm", "--optimiser", "--lambdas",
        "--lambda", "--ends", "--restarts", "--seed", "--samples", "--batch", "--max-iterations",
        "--device", "--processes", "--input", "--target",
    ],
    "evaluate": ["--images", "--iwae-samples", "--noise", "--seed", "--device", "--aggregate"],
    "robustness": ["--pairs", "--max-iterations", "--images", "--draws", "--seed", "--mode"],
    "report": ["--out", "--title"],
    "defend": ["--smoothing", "--smoothing-draws", "--mcmc-steps", "--mcmc-step-size", "--out"],
    "board": ["--scale", "--out", "--workers", "--run"],
    "sweep": ["--out", "--workers", "--shard", "--threads"],
    "data": ["--ids", "--out"],
    "runs": ["--json", "verify"],
}  # fmt: skip

REFUSED = {"train": ("--dataset", "none"), "board": ("none",)}
"""What keeps a command whose odd words are in order from an hour of work."""


def words_of(place, kind, rng):
    """The words of a case, whose files are put in their place."""
    root = place.root
    if kind == "command line":
        command = rng.choice(sorted(COMMANDS))
        words = [
            each
            for _ in range(rng.randint(1, 3))
            for each in (rng.choice(COMMANDS[command]), rng.choice(WORDS))
        ]
        return [command, *words, *REFUSED.get(command, ())]
    names = rng.sample(sorted(TrainConfig.model_fields), rng.randint(1, 4))
    lines = [f"{name} = {rng.choice(TOML)}" for name in names if name != "dataset"]
    if kind == "grid":
        lines = [rng.choice(["[train]", "[grid]", "[[attack]]", "[evaluate]"]), *lines]
    text = "\n".join(lines)
    if rng.random() < 0.2:
        text = text[: rng.randint(0, len(text))]
    (root / f"{kind}.toml").write_text(text)
    if kind == "grid":
        return ["sweep", "grid.toml", "--dry-run"]
    return ["train", "--config", "config.toml", "--dataset", "none", "--out", "new"]


def change_record(place, rng):
    """Changes a value of a file of JSON, whose hash is made to fit."""
    run = place.root / "run"
    path = rng.choice(sorted({*run.rglob("*.json"), *run.rglob("*.jsonl")}))
    if path.suffix == ".jsonl":
        lines = path.read_text().splitlines()
        number = rng.randrange(len(lines))
        lines[number] = json.dumps(mutate(json.loads(lines[number]), rng))
        path.write_text("\n".join(lines))
    else:
        path.write_text(json.dumps(mutate(json.loads(path.read_text()), rng)))
    sign(place.root)
    return rng.choice(["report", "runs", "verify", "attack", "evaluate", "resume", "defend"])


def change_checkpoint(place, rng):
    """Changes a tensor of a file of safetensors: its shape, its kind, its numbers, its name."""
    path = rng.choice(sorted((place.root / "run").rglob("*.safetensors")))
    tensors = safetensors.numpy.load(path.read_bytes())
    name = rng.choice(sorted(tensors))
    value = tensors.pop(name)
    changed = {
        "shape": lambda: value.reshape(-1)[: rng.randint(0, 3)],
        "kind": lambda: value.astype(rng.choice([np.int64, np.float64, np.uint8])),
        "numbers": lambda: np.full_like(value, rng.choice([np.nan, np.inf, 1e38, -1.0])),
        "dimensions": lambda: np.zeros((0, *value.shape), value.dtype),
    }
    how = rng.choice([*changed, "name", "absent"])
    if how in changed:
        with np.errstate(all="ignore"):
            tensors[name] = np.ascontiguousarray(changed[how]())
    elif how == "name":
        tensors[f"{name}.\x1b[2J"] = value
    path.write_bytes(safetensors.numpy.save(tensors))
    sign(place.root)
    return "report" if "attacks" in path.parts else rng.choice(["resume", "evaluate", "attack"])


def change_table(place, rng):
    """Changes a column of a table, or some bytes of it."""
    path = rng.choice(sorted((place.root / "run").rglob("*.parquet")))
    if rng.random() < 0.3:
        content = bytearray(path.read_bytes())
        for _ in range(rng.randint(1, 5)):
            content[rng.randrange(len(content))] = rng.randrange(256)
        path.write_bytes(content)
    else:
        table = pd.read_parquet(io.BytesIO(path.read_bytes()))
        name = rng.choice(sorted(table))
        values = (np.nan, np.inf, -1e300, 2**62, -5, "x" * 1000, "\x1b[2J", None, True)
        if rng.random() < 0.2:
            table = table.drop(columns=name)
        elif rng.random() < 0.2:
            table = table.iloc[: rng.randint(0, 2)]
        else:
            table[name] = rng.choice(values)
        table.to_parquet(path)
    sign(place.root)
    return rng.choice(["report", "attack", "robustness"])


def change_picture(place, rng):
    """Changes bytes of a picture, most of them of its header."""
    path = rng.choice(sorted((place.root / "pictures").iterdir()))
    content = bytearray(path.read_bytes())
    for _ in range(rng.randint(1, 4)):
        content[rng.randrange(min(len(content), rng.choice([60, 10_000])))] = rng.randrange(256)
    path.write_bytes(content[: rng.choice([len(content), rng.randint(0, len(content))])])
    return "train"


CHANGES = {
    "record": change_record,
    "checkpoint": change_checkpoint,
    "table": change_table,
    "picture": change_picture,
}


def fuzz(counts, complete, root, tally, rng, enough):
    problems = []
    for kind, count in counts.items():
        label = f"fuzzed {kind}"
        tried = sum(row.tried for (each, _), row in tally.rows.items() if each == label)
        copy = copy_place(complete, root, leave=["trained"])
        for _ in range(tried, count):
            if enough():
                break
            how = {"seconds": 240.0, "fault": Fault(audited=True)}
            if kind in CHANGES:
                copy = copy_place(complete, root, leave=["trained"])
                command = CHANGES[kind](copy, rng)
                words = [command]
                outcome = copy.run(command, **how)
            else:
                words = words_of(copy, kind, rng)
                command = words[0]
                outcome = seatbelt(*words, place=copy.root, **how)
            said = outcome.out + outcome.err
            shown = [str(word)[:60] for word in words]
            let_in = "Forbidden" in said
            wrong = tally.add(label, command, outcome, let_in=let_in, about=shown)
            loud = len(outcome.err) > 20_000 or "\x1b[2J" in said
            if wrong or loud or outcome.status not in {0, 1, 2}:
                problems.append((label, shown, wrong, outcome.status, said[-1500:]))
    assert problems == []


def test_smoke_fuzz(complete, tmp_path, tally, rng, enough):
    fuzz(TRIES["smoke"], complete, tmp_path / "place", tally, rng, enough)


@pytest.mark.faults
@pytest.mark.parametrize("kind", TRIES["full"])
def test_fuzz(kind, size, complete, tmp_path, tally, rng, enough):
    fuzz({kind: TRIES[size][kind]}, complete, tmp_path / "place", tally, rng, enough)
