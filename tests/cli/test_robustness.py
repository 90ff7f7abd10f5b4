import json
import shutil

import pytest

from pyro_seatbelt.runs import robustness_measure
from pyro_seatbelt.traces import coverage

QUICK = [
    *("--pairs", 2, "--penalties", 2, "--max-iterations", 2, "--norm", 0.5, "--draws", 2),
    *("--images", 4, "--mode", "latent", "--device", "cpu", "--processes", 1, "--no-figures"),
]


def errors_of(result):
    return [line for line in result.stderr.splitlines() if line.startswith("error: ")]


@pytest.fixture
def run(attackable, tmp_path):
    return shutil.copytree(attackable, tmp_path / "runs" / "one")


def test_a_table_of_eighty_columns_and_the_same_as_json(seatbelt, run, without_manifests):
    result = seatbelt("robustness", *QUICK)  # the newest
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0].split()[:4] == ["r50", "and", "95", "%"]
    assert lines[1].startswith("seatbelt L=2")
    assert all(len(line) <= 80 for line in lines if str(run) not in line)
    other = without_manifests(shutil.copytree(run, run.with_name("two")))
    config = json.loads((other / "config.json").read_text())
    (other / "config.json").write_text(json.dumps(config | {"seed": 1}))
    result = seatbelt("robustness", run, other, *QUICK, "--json")
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout, parse_constant=pytest.fail)
    [model] = report["models"]
    assert model["runs"] == ["one", "two"]
    assert report["folder"] == str(run.parent / "robustness")
    assert [each["was_finished"] for each in report["runs"]] == [True, True]
    assert (run.parent / "robustness" / "robustness.json").is_file()


def test_two_models_are_compared_pair_by_pair(seatbelt, run, without_manifests, monkeypatch):
    for place in (coverage, robustness_measure):
        monkeypatch.setattr(place, "LEAST_ROOM", 1e-9)
    other = without_manifests(shutil.copytree(run, run.with_name("two")))
    config = json.loads((other / "config.json").read_text())
    (other / "config.json").write_text(json.dumps(config | {"steps": 5}))
    result = seatbelt("robustness", run, other, *QUICK, "--mode", "output")
    assert result.exit_code == 0, result.output
    after = " ".join(result.stdout.partition(" less ")[2].split())
    assert "over the same pairs and seeds, with 95 %; MSE x 1.00 difference low high" in after
    for name in ("r50", "r50 by latent", "r50 by output", "damage 0.5"):
        assert f" {name} +0.00 +0.00 +0.00" in after
    assert "r50 of each attack alone" in result.stdout
    lines = [line for line in result.stdout.splitlines() if str(run.parent) not in line]
    assert all(len(line) <= 80 for line in lines)


def test_a_failed_check_is_said_loudly(seatbelt, run, without_manifests):
    assert seatbelt("robustness", run, *QUICK).exit_code == 0
    numbers = without_manifests(run) / "robustness" / "robustness.json"
    content = json.loads(numbers.read_text())
    content["checks"][0] |= {"passed": False, "text": "2 of 2 pairs need more"}
    content |= {"num_undefined": 2}
    content["r50"] |= {"median": None}
    numbers.write_text(json.dumps(content))
    result = seatbelt("robustness", run, *QUICK)
    assert "  FAILED blend: 2 of 2 pairs need more" in result.stdout
    assert "undefined for 2 pairs" in result.stdout


BAD_INPUT = {
    "no such run": (["absent"], "absent: expected the folder of a run"),
    "no pairs": (["runs/one", "--pairs", 0], "pairs: expected >= 1, got 0"),
    "one penalty": (["runs/one", "--penalties", 1], "penalties: expected >= 2, got 1"),
    "no such attack": (["runs/one", "--mode", "much"], "expected a mode of latent, w2"),
    "too large a norm": (["runs/one", "--norm", 2], "expected norms above 0 and up to 1, got 2"),
    "a device that is not there": (["runs/one", "--device", "cuda:99"], "cuda:99 is not there"),
    "too many pairs": (["runs/one", "--pairs", 9], "ask for fewer pairs"),
}


@pytest.mark.parametrize("case", BAD_INPUT)
def test_bad_input_is_one_line(case, seatbelt, run):
    arguments, message = BAD_INPUT[case]
    result = seatbelt("robustness", *arguments)
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    [line] = errors_of(result)
    assert message in line
    assert not (run / "robustness").exists()
