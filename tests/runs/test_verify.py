import shutil

import pytest

from pyro_seatbelt.errors import InputError
from pyro_seatbelt.runs import AttackOptions, EvaluateOptions, attack_run, evaluate_run, verify_run

SMALL = {"device": "cpu", "figures": False}


@pytest.fixture
def run(attackable, tmp_path):
    run = shutil.copytree(attackable, tmp_path / "run")
    attack_run(run, AttackOptions(pairs=1, weights=(1.0,), max_iterations=1, **SMALL))
    evaluate_run(run, EvaluateOptions(iwae_samples=2, noise_scales=(0.5,), **SMALL))
    return run


def states(run):
    return {each.folder.relative_to(run).parts[0:1]: each.state for each in verify_run(run)}


def test_every_file_is_compared_and_named(run):
    whole = verify_run(run)
    assert {each.state for each in whole} == {"intact"}
    files = [path for path in run.rglob("*") if path.is_file() and path.name != "manifest.json"]
    assert sum(each.num_files for each in whole) == len(files)
    for path in files:
        content = path.read_bytes()
        path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        damaged = [each for each in verify_run(run) if each.state == "damaged"]
        assert [each.folder for each in damaged] == [
            path.parent.parent if path.parent.name == "figures" else path.parent
        ]
        assert path.name in damaged[0].problems[0]
        path.write_bytes(content)


def test_what_is_gone_is_said_so(run):
    (run / "metrics.jsonl").unlink()
    [verdict, *others] = verify_run(run)
    assert verdict.state == "damaged"
    assert "metrics.jsonl: it cannot be read: No such file or directory" in verdict.problems[0]
    assert {each.state for each in others} == {"intact"}


def test_without_a_manifest_it_says_so(run, without_manifests):
    without_manifests(run)
    assert states(run) == {
        (): "no manifest",
        ("checkpoints",): "intact",
        ("attacks",): "no manifest",
        ("evaluation",): "no manifest",
    }
    (run / "metrics.jsonl").write_text("{\n")
    assert verify_run(run)[0].state == "damaged"


def test_a_damaged_manifest_is_damage(run):
    (run / "manifest.json").write_text("[]")
    (run / "evaluation" / "manifest.json").write_text('{"sha256": 3}')
    assert states(run)[()] == states(run)[("evaluation",)] == "damaged"


def test_something_else_is_no_run(tmp_path):
    with pytest.raises(InputError, match="expected the folder of a run, it has no config"):
        verify_run(tmp_path)
