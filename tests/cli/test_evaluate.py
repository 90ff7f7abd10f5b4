import json
import shutil
from pathlib import Path

import pytest
from PIL import Image

QUICK = ["--images", 3, "--iwae-samples", 2, "--noise", 0.5, "--device", "cpu", "--no-figures"]


def lines_of(result):
    """What is on standard error besides progress."""
    stages = ("images", "bound", "importance", "noise", "aggregate", "figures", "reconstructions")
    return [line for line in result.stderr.splitlines() if not line.startswith(stages)]


@pytest.fixture
def run(attackable, tmp_path):
    return shutil.copytree(attackable, tmp_path / "runs" / "one")


def test_an_evaluation_says_what_it_found_and_where(seatbelt, run):
    result = seatbelt("evaluate", *QUICK)  # the newest
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0] == "step 4, 3 held-out images"
    assert all(len(line) <= 80 for line in lines if str(run) not in line)
    for start in ("ELBO", "bound of 2 draws (IWAE)", "total correlation", "MS-SSIM", "z2 ", "0.5 "):
        assert any(line.startswith(start) for line in lines), start
    assert f"folder   {run / 'evaluation'}" in lines
    assert "numbers  evaluation.json" in lines
    assert any(line.startswith("KL of the top layer, held-out images") for line in lines)
    [kl] = [line.split()[1] for line in lines if line.startswith("z2 ")]
    [total] = [line.split()[1] for line in lines if line.startswith("together")]
    assert float(total) == pytest.approx(float(kl), abs=0.006)
    again = seatbelt("evaluate", run, *QUICK)
    assert again.stdout == result.stdout
    assert lines_of(again) == [f"{run / 'evaluation'}: finished already; --force makes it again"]


def test_an_evaluation_of_an_earlier_version_says_what_its_parts_are_of(seatbelt, run):
    assert seatbelt("evaluate", *QUICK).exit_code == 0
    numbers = run / "evaluation" / "evaluation.json"
    content = json.loads(numbers.read_text())
    del content["parts_of"]
    content["mutual_information"] = 1.3
    numbers.write_text(json.dumps(content))
    (run / "evaluation" / "manifest.json").unlink()
    result = seatbelt("evaluate", *QUICK)
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0] == "step 4, 3 held-out images, 4 training images"
    assert any(line.startswith("KL of the top layer, training images") for line in lines)
    assert lines_of(result)[1].startswith(
        "note: The mutual information is near log 4 = 1.39, the most that 4 images can show"
    )


def test_json_is_all_there_is_on_standard_output(seatbelt, run):
    def refuse(word):
        raise AssertionError(word)

    result = seatbelt("evaluate", run, *QUICK, "--json")
    report = json.loads(result.stdout, parse_constant=refuse)
    assert report["evaluation"]["step"] == 4
    assert report["evaluation"]["noise"][1]["scale"] == 0.5
    assert not report["was_finished"]
    assert Path(report["files"]["numbers"]).is_file()


def test_figures_and_factors(seatbelt, workplace, monkeypatch):
    name = "pyro_seatbelt.runs.evaluation_figures.save_figure"
    monkeypatch.setattr(name, lambda figure, path: path.write_bytes(b""))
    small = [
        "--dataset",
        "synth-dsprites",
        "--ids",
        40,
        "--network",
        "mlp",
        "--features",
        16,
        "--out",
        "runs/s",
    ]
    assert seatbelt("train", "tiny", *small).exit_code == 0
    result = seatbelt("evaluate", "runs/s", *QUICK[:-1], "--aggregate-images", 18)
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    for start in (
        "mutual information gap",
        "DCI completeness",
        "separated attribute",
        "traversals-z2.gif",
    ):
        assert any(line.startswith(start) for line in lines), start
    assert "layer" in result.stdout
    assert "MIG" in result.stdout
    assert all(len(line) <= 80 for line in lines)


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
    return place


BAD_INPUT = {
    "no run at all": ([], "no such folder of runs: `seatbelt train` makes the first one"),
    "no such run": (["absent"], "absent: expected the folder of a run"),
    "a run still training": (["training"], "training: the run is still being trained"),
    "no checkpoint": (["unsaved"], "unsaved: the run has no checkpoint yet"),
    "other data": (["moved"], "moved: the run was trained on other data than folder holds now"),
    "one image": (["run", "--images", 1], "images: expected >= 2, got 1"),
    "no aggregate": (["run", "--aggregate-images", 0], "aggregate_images: expected >= 2, got 0"),
    "no draws": (["run", "--iwae-samples", 0], "iwae_samples: expected >= 1, got 0"),
    "negative noise": (["run", "--noise", -1], "expected finite noise scales >= 0, got -1"),
    "noise without end": (["run", "--noise", "inf"], "expected finite noise scales >= 0, got inf"),
    "no number": (["run", "--noise", "much"], "Invalid value for '--noise'"),
    "a negative seed": (["run", "--seed", -1], "seed: expected >= 0 and below 2^63, got -1"),
    "an absent device": (["run", "--device", "cuda:99"], "device: cuda:99 is not there"),
}


@pytest.mark.parametrize("case", BAD_INPUT)
def test_bad_input_is_one_line_and_nothing_is_touched(case, seatbelt, place, monkeypatch):
    from pyro_seatbelt.runs.folder import RunFolder

    arguments, message = BAD_INPUT[case]
    monkeypatch.chdir(place)
    before = {path: path.stat().st_mtime_ns for path in place.rglob("*")}
    with RunFolder(place / "training").locked():
        result = seatbelt("evaluate", *arguments)
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    [line] = lines_of(result)
    assert line.startswith("error: ")
    assert message in line
    assert {path: path.stat().st_mtime_ns for path in place.rglob("*")} == before


def test_a_read_only_folder_is_one_line(seatbelt, run, monkeypatch):
    def refuse(self, *args, **kwargs):
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "mkdir", refuse)
        result = seatbelt("evaluate", run, *QUICK)
    assert result.exit_code == 2
    [line] = lines_of(result)
    assert line == f"error: {run / 'evaluation'}: cannot write: Permission denied"
