import json
import shutil

import pytest
from safetensors.numpy import load_file, save_file

from pyro_seatbelt.errors import InputError
from pyro_seatbelt.runs import list_runs, load_run
from pyro_seatbelt.runs.folder import RunFolder
from pyro_seatbelt.runs.unfinished import is_unfinished
from pyro_seatbelt.training.layout import checkpoints


@pytest.fixture
def run(attackable, tmp_path, without_manifests):
    return without_manifests(shutil.copytree(attackable, tmp_path / "runs" / "run"))


def record(run, **changes):
    path = run / "run.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_the_same_config_goes_on(run):
    config = RunFolder(run).read_config()
    assert is_unfinished(run, config)  # its manifest is not there
    RunFolder(run).write_record(RunFolder(run).read_record())
    assert not is_unfinished(run, config)  # it is finished
    (run / "manifest.json").unlink()
    record(run, status="interrupted")
    assert is_unfinished(run, config)
    assert is_unfinished(run, config.model_copy(update={"log_every": 7}))
    assert not is_unfinished(run / "absent", config)


@pytest.mark.parametrize("change", [{"seed": 1}, {"steps": 9}])
def test_another_config_does_not(change, run):
    record(run, status="interrupted")
    config = RunFolder(run).read_config().model_copy(update=change)
    with pytest.raises(InputError, match=f"with another {min(change)}"):
        is_unfinished(run, config)


@pytest.mark.parametrize(
    "changes", [{"num_heldout": 0}, {"num_train": -1}, {"image_shape": [1, 0, 64]}]
)
def test_absurd_counts_are_damage(changes, run):
    record(run, **changes)
    assert [each.status for each in list_runs(run.parent)] == ["damaged"]


def test_weights_that_are_no_numbers_are_refused(run, monkeypatch):
    path = next(run.glob("checkpoints/step-*/weights.safetensors"))
    weights = load_file(path)
    weights[min(weights)].reshape(-1)[0] = float("nan")
    save_file(weights, path)
    monkeypatch.setattr(
        "pyro_seatbelt.training.checkpoint._checked", lambda file, _: file.read_bytes()
    )
    with pytest.raises(InputError, match="are not finite"):
        load_run(run)


def test_a_model_that_no_machine_holds_is_refused(run):
    path = run / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"latent_dim": 10**9}))
    with pytest.raises(InputError, match="do not fit into memory"):
        load_run(run)


def test_checkpoints_without_permission_are_not_gone(run, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.iterdir", refuse)
    with pytest.raises(InputError, match="checkpoints: cannot be read: Permission denied"):
        checkpoints(run / "checkpoints")


@pytest.mark.parametrize("name", ["figures", "checkpoints"])
def test_a_run_that_leads_elsewhere_is_refused(name, run, tmp_path):
    shutil.move(run / name, tmp_path / "elsewhere")
    (run / name).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InputError, match="a link that leads out of"):
        load_run(run)
