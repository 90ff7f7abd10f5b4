import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
from PIL import Image

import pyro_seatbelt
from pyro_seatbelt.runs import attack as attacks

OWN = ["--input", "a.png"]
QUICK = ["--pairs", 1, "--lambdas", 2, "--max-iterations", 3, "--device", "cpu", "--processes", 1]


def lines_of(result):
    """What is on standard error besides the progress of reading pictures."""
    return [line for line in result.stderr.splitlines() if not line.startswith("images ")]


@pytest.fixture
def run(attackable, tmp_path):
    return shutil.copytree(attackable, tmp_path / "runs" / "one")


def test_an_attack_says_what_it_found_and_where(seatbelt, run):
    result = seatbelt("attack", run, *QUICK, "--mode", "latent", "--mode", "output")
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0] == "latent attack on z1 + z2: 3 problems of 1 pair, 0 failed"
    assert "output attack: 3 problems of 1 pair, 0 failed" in lines
    assert all(len(line) <= 80 for line in lines if str(run) not in line)
    for start in ("objective Delta", "-log p(target | z~)", "L2 to target", "AUDDC"):
        assert any(line.startswith(start) for line in lines)
    [folder] = (run / "attacks").glob("latent-*")
    assert f"folder      {folder}" in lines
    assert "panels      figures/panels.png" in lines
    again = seatbelt("attack", run, *QUICK)
    assert again.stdout.splitlines()[:5] == lines[:5]
    assert lines_of(again) == [f"{folder}: finished already; --force makes it again"]


@pytest.mark.usefixtures("blank_figures")
def test_json_is_all_there_is_on_standard_output(seatbelt, run):
    [report] = json.loads(seatbelt("attack", "--json", *QUICK).stdout)  # the newest
    assert report["mode"] == "latent"
    assert report["layers"] == ["z1", "z2"]
    assert report["num_problems"] == report["summary"]["norm"]["num"] == 3
    assert report["summary"]["norm"]["pairs_low"] is None
    assert report["num_failed"] == 0
    assert len(pd.read_parquet(report["files"]["table"])) == 3
    assert str(run) in report["folder"]


@pytest.mark.usefixtures("blank_figures")
def test_penalties_and_layers_of_ones_own(seatbelt, run):
    given = ["--lambda", 0.5, "--lambda", 3, "--layers", "z2, z1", "--at-mean", "--seed", 4]
    [report] = json.loads(
        seatbelt("attack", run, "--pairs", 1, "--device", "cpu", *given, "--json").stdout
    )
    assert report["layers"] == ["z2", "z1"]
    assert pd.read_parquet(report["files"]["table"])["weight"].tolist() == [0.5, 3]


@pytest.mark.usefixtures("blank_figures")
def test_pictures_of_ones_own(seatbelt, run, workplace):
    Image.linear_gradient("L").save(workplace / "a.png")
    Image.radial_gradient("L").save(workplace / "b.png")
    result = seatbelt("attack", run, *QUICK, "--input", "a.png", "--target", "b.png")
    assert result.exit_code == 0, result.output
    assert "3 problems of 1 pair" in result.stdout


def test_the_most_damage_that_a_budget_can_do(seatbelt, run, workplace):
    words = ["--untargeted", "--budget", 0.05, "--pairs", 2, "--max-iterations", 4]
    quick = ["--device", "cpu", "--processes", 1]
    result = seatbelt("attack", run, *words, *quick, "--norm", "linf")
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0] == "untargeted latent attack on z1 + z2: 2 problems of 2 inputs, 0 failed"
    assert any(line.startswith("distance from its own") for line in lines)
    [folder] = (run / "attacks").iterdir()
    table = pd.read_parquet(folder / "table.parquet")
    assert not table["targeted"].any()
    assert (table["distance"] > 0).all()
    assert {path.name for path in (folder / "figures").iterdir()} == {"panels.png"}
    again = seatbelt("attack", run, *words, *quick, "--norm", "linf")
    assert "finished already" in again.stderr
    Image.linear_gradient("L").save(workplace / "a.png")
    own = seatbelt("attack", run, *words, *quick, *OWN)
    assert own.exit_code == 0, own.output
    assert "1 problem of 1 input, 0 failed" in own.stdout
    page = seatbelt("report", run)
    assert page.exit_code == 0, page.output


@pytest.mark.usefixtures("blank_figures")
def test_a_budget_with_a_target_and_fresh_draws(seatbelt, run):
    words = ["--budget", 0.05, "--samples", 2, "--fresh", "--pairs", 1, "--max-iterations", 3]
    words += ["--device", "cpu", "--processes", 1, "--restarts", 1, "--json"]
    [report] = json.loads(seatbelt("attack", run, *words).stdout)
    assert (report["num_problems"], report["num_failed"], report["targeted"]) == (1, 0, True)
    table = pd.read_parquet(report["files"]["table"])
    assert table["norm"].item() <= 0.05 * 64 + 1e-6  # a root mean square of 64 x 64 pixels
    assert table["evaluations"].item() >= 8
    [again] = json.loads(seatbelt("attack", run, *words).stdout)
    assert again["was_finished"]


def test_ctrl_c_says_how_to_go_on(seatbelt, run, monkeypatch):
    def stop(*args, **kwargs):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(attacks, "run_protocol", stop)
        result = seatbelt("attack", run, *QUICK)
    assert result.exit_code == 1
    assert lines_of(result) == ["stopped; the same command goes on from what is finished"]


@pytest.mark.usefixtures("blank_figures")
def test_kill_9_loses_no_finished_group_and_changes_no_number(seatbelt, run, tmp_path):
    small = ["--pairs", "1", "--lambdas", "24", "--max-iterations", "20", "--batch", "5"]
    small += ["--device", "cpu", "--json"]
    whole = shutil.copytree(run, tmp_path / "whole")
    [uninterrupted] = json.loads(seatbelt("attack", whole, *small, "--processes", 1).stdout)
    source = Path(pyro_seatbelt.__file__).parent.parent
    path = os.pathsep.join([str(source), os.environ.get("PYTHONPATH", "")])
    command = [sys.executable, "-m", "pyro_seatbelt.cli", "attack", str(run), *small]
    with subprocess.Popen(
        [*command, "--processes", "2"],
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": path},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        deadline = time.monotonic() + 600
        while not list(run.glob("attacks/*/groups/*.parquet")) and time.monotonic() < deadline:
            time.sleep(0.002)
        workers = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        children = workers.read_text().split() if workers.exists() else []
        process.send_signal(signal.SIGKILL)
    [folder] = (run / "attacks").iterdir()
    assert not (folder / "table.parquet").exists(), "it was over before it could be killed"
    finished = {file: file.stat().st_mtime_ns for file in folder.glob("groups/*.parquet")}
    assert finished
    deadline = time.monotonic() + 600
    while any(Path(f"/proc/{child}").exists() for child in children):
        assert time.monotonic() < deadline, "a worker outlived its parent"
        time.sleep(0.05)

    [resumed] = json.loads(seatbelt("attack", run, *small, "--processes", 1).stdout)
    assert Path(resumed["folder"]).name == Path(uninterrupted["folder"]).name
    for name in ("table", "images", "pairs", "summary"):
        one, other = (Path(each["files"][name]).read_bytes() for each in (resumed, uninterrupted))
        assert one == other, name


def listing(folder):
    stats = ((path, path.stat()) for path in folder.rglob("*"))
    return {path: (stat.st_size, stat.st_mtime_ns, stat.st_ino) for path, stat in stats}


@pytest.fixture(scope="module")
def place(attackable, tmp_path_factory):
    """A place with everything that can be wrong: no test may touch what is there."""
    from pyro_seatbelt.runs.folder import RunFolder

    place = tmp_path_factory.mktemp("wrong")
    shutil.copytree(attackable, place / "run")
    shutil.copytree(attackable, place / "training")
    folder = RunFolder(place / "training")
    folder.write_record(folder.read_record().model_copy(update={"status": "running"}))
    shutil.copytree(attackable, place / "unsaved")
    shutil.rmtree(place / "unsaved" / "checkpoints")
    shutil.copytree(attackable, place / "moved")
    (place / "moved" / "manifest.json").unlink()
    config = json.loads((place / "moved" / "config.json").read_text())
    others = shutil.copytree(config["data_dir"], place / "others")
    Image.new("L", (64, 64)).save(others / "0.png")
    (place / "moved" / "config.json").write_text(json.dumps(config | {"data_dir": str(others)}))
    (place / "empty").mkdir()
    Image.new("L", (64, 64), 9).save(place / "a.png")
    Image.new("L", (64, 64), 99).save(place / "b.png")
    Image.new("L", (40, 64), 9).save(place / "small.png")
    (place / "text.png").write_text("no picture")
    return place


BAD_INPUT = {
    "no run at all": ([], "no such folder of runs: `seatbelt train` makes the first one"),
    "an empty run folder": (["empty"], "empty: expected the folder of a run"),
    "no such run": (["absent"], "absent: expected the folder of a run"),
    "a run still training": (["training"], "training: the run is still being trained"),
    "no checkpoint": (["unsaved"], "unsaved: the run has no checkpoint yet"),
    "other data": (["moved"], "moved: the run was trained on other data than folder holds now"),
    "an unknown layer": (["run", "--layers", "z9"], "no latent site 'z9': choose among z1, z2"),
    "an unknown mode": (["run", "--mode", "input"], "expected a mode of latent, w2, l2, output"),
    "layers for the output": (["run", "--mode", "output", "--layers", "z1"], "every layer"),
    "lambda < 0": (["run", "--lambda", -1], "expected finite weights lambda >= 0, got -1"),
    "lambdas < 0": (["run", "--lambdas", -1], "expected 0 weights lambda or more, got -1"),
    "two kinds of lambda": (["run", "--lambdas", 3, "--lambda", 1], "--lambda: expected it or"),
    "no pairs": (["run", "--pairs", 0], "expected one pair or more, got 0"),
    "too many pairs": (["run", "--pairs", 9], "4 held-out images make 2 pairs"),
    "no bound": (["run", "--untargeted"], "untargeted: nothing bounds the distortion"),
    "no budget": (["run", "--budget", 0], "budget: expected > 0, got 0"),
    "too much": (["run", "--budget", 2, "--norm", "linf"], "budget: expected <= 1, got 2"),
    "a norm of nothing": (["run", "--norm", "l2"], "norm: it is that of a budget"),
    "an unknown norm": (["run", "--budget", 0.1, "--norm", "l1"], "norm: expected 'l2' or 'linf'"),
    "a ball without one": (["run", "--optimiser", "pgd"], "optimiser: pgd searches in a ball"),
    "an unknown optimiser": (
        ["run", "--optimiser", "adam"],
        "optimiser: expected 'lbfgsb' or 'pgd",
    ),
    "a box without one": (["run", "--budget", 0.1, "--optimiser", "lbfgsb"], "is none: use pgd"),
    "two bounds": (["run", "--budget", 0.1, "--lambda", 0.5], "in place of penalties lambda"),
    "two bounds again": (["run", "--budget", 0.1, "--lambdas", 3], "in place of penalties lambda"),
    "fresh means": (["run", "--fresh", "--at-mean"], "fresh: means are not drawn"),
    "fresh lines": (["run", "--fresh"], "fresh: lbfgsb searches along lines"),
    "ends of nothing": (
        ["run", "--untargeted", "--budget", 0.1, "--ends", "both"],
        "ends: without a target there is one end",
    ),
    "a target of nothing": (
        ["run", "--untargeted", "--budget", 0.1, *OWN, "--target", "b.png"],
        "--target: an attack is either --untargeted or has one",
    ),
    "no such end": (["run", "--ends", "target"], "ends: expected"),
    "restarts < 0": (["run", "--restarts", -1], "expected restarts >= 0, got -1"),
    "no draws": (["run", "--samples", 0], "expected samples >= 1, got 0"),
    "draws of means": (["run", "--samples", 2, "--at-mean"], "samples=2 means nothing"),
    "no batch": (["run", "--batch", 0], "expected batch >= 1, got 0"),
    "no iterations": (["run", "--max-iterations", 0], "expected max_iterations >= 1, got 0"),
    "no processes": (["run", "--pairs", 1, "--processes", 0], "expected processes >= 1, got 0"),
    "an absent device": (["run", "--device", "cuda:99"], "device: cuda:99 is not there"),
    "half a pair": (["run", *OWN], "--target: --input and --target go together"),
    "the other half": (["run", "--target", "a.png"], "--input: --input and --target go together"),
    "no such picture": (["run", *OWN, "--target", "c.png"], "c.png: no such picture"),
    "no picture": (["run", *OWN, "--target", "text.png"], "text.png: expected a picture"),
    "a small picture": (
        ["run", *OWN, "--target", "small.png"],
        "small.png: expected a picture of at least 64x64 pixels, got 40x64",
    ),
    "a target equal to the input": (
        ["run", *OWN, "--target", "a.png"],
        "the target equals the input, so there is nothing to attack",
    ),
}


@pytest.mark.parametrize("case", BAD_INPUT)
def test_bad_input_is_one_line_and_nothing_is_touched(case, seatbelt, place, monkeypatch):
    from pyro_seatbelt.runs.folder import RunFolder

    arguments, message = BAD_INPUT[case]
    monkeypatch.chdir(place)
    before = listing(place)
    with RunFolder(place / "training").locked():
        result = seatbelt("attack", *arguments)
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    [line] = lines_of(result)
    assert line.startswith("error: ")
    assert message in line
    assert listing(place) == before


def test_a_read_only_folder_is_one_line(seatbelt, run, monkeypatch):
    def refuse(self, *args, **kwargs):
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "mkdir", refuse)
        result = seatbelt("attack", run, *QUICK)
    assert result.exit_code == 2
    [line] = lines_of(result)
    assert line.startswith("error: ")
    assert line.endswith("cannot write: Permission denied")
