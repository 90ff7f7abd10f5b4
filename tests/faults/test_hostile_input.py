"""Hostile files and words: one line and status 2, or nothing at all; never a traceback."""

import json
import os
import random
import shutil

import pytest
from typer.testing import CliRunner

from pyro_seatbelt.cli.app import app
from pyro_seatbelt.training.config import TrainConfig

FUZZ = {"smoke": 30, "quick": 300, "full": 2000}
FLIPS = {"smoke": 10, "quick": 60, "full": 300}
VALUES = (
    "", "0", "-1", "1e999", "nan", "-inf", "9" * 400, "true", "[]", "\x1b[2J", "../..", "/dev/null",
    "~nosuchuser/x", "seatbelt", "é" * 10_000, "1e-320", "0x10", "[[1]]", "{}", "None",
)  # fmt: skip
TOML = (
    '""', "0", "-1", "1e308", "nan", "-inf", "9223372036854775807", "true", "[]", '"\\u001b[2J"',
    "[[1]]", "{}", "1979-05-27", '"' + "x" * 10_000 + '"', "{a = {b = {}}}",
)  # fmt: skip


def seatbelt(*words):
    """Runs a command in this process; what it should not raise is in the result."""
    return CliRunner().invoke(app, list(map(str, words)))


def judged(result, tally, kind, command):
    """Counts an answer, and says what is wrong with it."""
    error = result.exception
    wrong = error is not None and not isinstance(error, SystemExit)
    said = "Traceback (most recent" if wrong else result.output
    tally.add(kind, command, lost=False, said=said)
    if wrong:
        return f"{command}: {type(error).__name__}: {str(error)[:200]}"
    if result.exit_code not in {0, 1, 2}:
        return f"{command}: status {result.exit_code}"
    if "\x1b[2J" in result.output or len(result.stderr) > 20_000:
        return f"{command}: steers a terminal, or repeats everything"
    return None


def fuzz_words(count, seed, pictures, place, tally):
    rng = random.Random(seed)  # noqa: S311 - no secrets
    flags = [f"--{name.replace('_', '-')}" for name in TrainConfig.model_fields]
    problems = []
    for _ in range(count):
        kind = rng.choice(["words", "config", "grid"])
        if kind == "words":
            words = [
                w for _ in range(rng.randint(1, 3)) for w in (rng.choice(flags), rng.choice(VALUES))
            ]
            words = ["train", *words, "--dataset", "nothing", "--out", place / "out"]
        else:
            names = rng.sample(sorted(TrainConfig.model_fields), rng.randint(1, 4))
            lines = [f"{name} = {rng.choice(TOML)}" for name in names if name != "dataset"]
            if kind == "grid":
                lines = [rng.choice(["[train]", "[grid]", "[[attack]]", "[evaluate]"]), *lines]
            text = "\n".join(lines)
            if rng.random() < 0.2:
                text = text[: rng.randint(0, len(text))]
            file = place / f"{kind}.toml"
            file.write_text(text)
            words = ["train", "--config", file, "--dataset", "nothing", "--out", place / "out"]
            if kind == "grid":
                words = ["sweep", file, "--dry-run"]
        problem = judged(seatbelt(*words), tally, "fuzzed input", words[0])
        if problem:
            problems.append(f"{problem} <- {[str(word)[:60] for word in words]}")
    return problems


def flip_files(count, seed, run, place, tally):
    """Flips a few bytes of a file of a run, or cuts it, and looks at the run."""
    rng = random.Random(seed)  # noqa: S311 - no secrets
    problems = []
    for _ in range(count):
        copy = place / "runs" / "run"
        shutil.rmtree(copy.parent, ignore_errors=True)
        shutil.copytree(run, copy)
        file = rng.choice(sorted(path for path in copy.rglob("*") if path.is_file()))
        content = bytearray(file.read_bytes())
        for _ in range(rng.randint(1, 4)):
            if content:
                content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
        if rng.random() < 0.2:
            content = content[: rng.randint(0, len(content))]
        if rng.random() < 0.1:
            content = b"[" * 20_000
        file.write_bytes(content)
        for words in (["report", copy, "--out", place / "page.html"], ["runs", copy.parent]):
            problem = judged(seatbelt(*words), tally, "damaged file", words[0])
            if problem:
                problems.append(f"{problem} <- {file.relative_to(copy)}")
    return problems


@pytest.fixture
def attacked(attackable, workplace):
    """A run with an attack and an evaluation."""
    run = shutil.copytree(attackable, workplace / "attacked")
    words = ("--pairs", 2, "--lambdas", 3, "--max-iterations", 2, "--device", "cpu")
    result = seatbelt("attack", run, *words)
    assert result.exit_code == 0, result.output
    words = ("--images", 4, "--iwae-samples", 2, "--noise", 0.5, "--no-figures", "--device", "cpu")
    assert seatbelt("evaluate", run, *words).exit_code == 0
    return run


def test_smoke_fuzzed_words_and_files(pictures, workplace, attacked, tally):
    assert fuzz_words(FUZZ["smoke"], 0, pictures, workplace, tally) == []
    assert flip_files(FLIPS["smoke"], 0, attacked, workplace, tally) == []


@pytest.mark.faults
def test_fuzzed_words(size, pictures, workplace, tally):
    seed = int(os.environ.get("FAULTS_SEED", "1"))
    assert fuzz_words(FUZZ[size], seed, pictures, workplace, tally) == []


@pytest.mark.faults
def test_damaged_files(size, attacked, workplace, tally):
    seed = int(os.environ.get("FAULTS_SEED", "1"))
    assert flip_files(FLIPS[size], seed, attacked, workplace, tally) == []


def test_one_bad_run_does_not_hide_the_others(attackable, workplace):
    for name, text in (("good", None), ("deep", "[" * 20_000), ("inf", '{"status": 1e999}')):
        run = shutil.copytree(attackable, workplace / "runs" / name)
        if text:
            (run / "run.json").write_text(text)
    result = seatbelt("runs", "--json")
    assert result.exit_code == 0, result.output
    statuses = {each["folder"].split("/")[-1]: each["status"] for each in json.loads(result.stdout)}
    assert statuses == {"good": "finished", "deep": "damaged", "inf": "damaged"}
