"""A hub that is a folder: what goes up comes down as the same run, and nothing else does."""

import json
import re
import shutil
from pathlib import Path

import pytest
import torch

from pyro_seatbelt.errors import InputError
from pyro_seatbelt.manifest import write_manifest
from pyro_seatbelt.runs import load_run, resume_run, verify_run

hub = pytest.importorskip("huggingface_hub")


@pytest.fixture
def remote(tmp_path, monkeypatch):
    """A folder for each repository; snapshots are links to blobs, as in the hub's cache."""
    monkeypatch.setenv("SEATBELT_DATA", str(tmp_path / "data"))
    root = tmp_path / "hub"

    class Api:
        def create_repo(self, name, *, private, exist_ok):
            assert exist_ok
            (root / name).mkdir(parents=True, exist_ok=True)
            (root / name / ".private").write_text(str(private))

        def upload_folder(self, *, repo_id, folder_path, commit_message):
            shutil.copytree(folder_path, root / repo_id, dirs_exist_ok=True)

    def snapshot_download(name, *, revision, allow_patterns):
        if not (root / name).is_dir():
            response = type("Response", (), {"headers": {}, "request": None, "status_code": 404})
            raise hub.errors.RepositoryNotFoundError("404: no such\nrepository", response=response)
        files = [path for path in (root / name).rglob("*") if path.is_file()]
        kept = hub.utils.filter_repo_objects(
            [path.relative_to(root / name).as_posix() for path in files],
            allow_patterns=allow_patterns,
        )
        place = tmp_path / "snapshots" / (revision or "0123abc")
        shutil.rmtree(place, ignore_errors=True)
        for relative in kept:
            (place / relative).parent.mkdir(parents=True, exist_ok=True)
            (place / relative).symlink_to(root / name / relative)
        return str(place)

    monkeypatch.setattr(hub, "HfApi", Api)
    monkeypatch.setattr(hub, "snapshot_download", snapshot_download)
    return root


@pytest.fixture
def pushed(attackable, remote):
    assert load_run(attackable).push_to_hub("me/chairs", private=True) == "hf://me/chairs"
    return remote / "me" / "chairs"


def test_what_goes_up_comes_down(attackable, pushed, tmp_path):
    names = {p.relative_to(pushed).as_posix() for p in pushed.rglob("*") if p.is_file()}
    assert names == {
        *("README.md", "config.json", "manifest.json", "run.json", ".private"),
        *("checkpoints/step-00000004/meta.json", "checkpoints/step-00000004/weights.safetensors"),
    }
    card = (pushed / "README.md").read_text()
    assert "A `seatbelt` of 2 latent layers on `folder`, trained for 4 steps" in card
    assert (pushed / ".private").read_text() == "True"
    run, other = load_run(attackable), load_run("hf://me/chairs@v1")
    assert (other.config, other.step) == (run.config, run.step)
    assert other.folder == tmp_path / "data" / "hub" / "me--chairs--v1"
    for name, value in run.guide.state_dict().items():
        assert torch.equal(other.guide.state_dict()[name], value)
    assert not any(path.is_symlink() for path in other.folder.rglob("*"))
    assert {verdict.state for verdict in verify_run(other.folder)} == {"intact"}
    with pytest.raises(InputError, match="expected a checkpoint with its optimiser"):
        resume_run(other.folder, {"steps": 6})


def test_a_revision_comes_down_once(pushed):
    first = load_run("hf://me/chairs")
    (pushed / "config.json").write_text("{}")
    assert load_run("hf://me/chairs").config == first.config


@pytest.mark.parametrize("name", ["config.json", "checkpoints/step-00000004/weights.safetensors"])
def test_a_file_that_is_not_the_one_listed(pushed, name, tmp_path):
    content = bytearray((pushed / name).read_bytes())
    content[-2] ^= 1
    (pushed / name).write_bytes(content)
    with pytest.raises(InputError, match=f"{Path(name).name}: the file is damaged: its SHA-256"):
        load_run("hf://me/chairs")
    assert list((tmp_path / "data" / "hub").iterdir()) == []


def test_files_that_no_manifest_lists_and_the_other_way_round(pushed, tmp_path):
    listed = json.loads((pushed / "manifest.json").read_text())["sha256"]
    more = pushed / "checkpoints" / "step-00000009"
    shutil.copytree(pushed / "checkpoints" / "step-00000004", more)
    with pytest.raises(InputError, match=r"step-00000009/meta\.json is not listed, or"):
        load_run("hf://me/chairs")
    shutil.rmtree(more)
    (tmp_path / "secret").write_text("secret")
    for name in ("../../secret", "state.pt"):
        write_manifest(pushed, known={**listed, name: "0" * 64})
        with pytest.raises(InputError, match=f"{re.escape(name)} is not listed, or listed"):
            load_run("hf://me/chairs")
    (pushed / "manifest.json").unlink()
    with pytest.raises(InputError, match="expected a run whose manifest lists its files"):
        load_run("hf://me/chairs")


def test_names_and_repositories_that_are_none(attackable, remote):
    with pytest.raises(InputError, match="hf://me/none: the run cannot be downloaded: 404: no suc"):
        load_run("hf://me/none")
    for address in ("hf://chairs", "hf://../../etc", "hf://me/chairs@", "hf://me/a/b"):
        with pytest.raises(InputError, match=r"hf://owner/name or hf://owner/name@revision, got"):
            load_run(address)
    for name in ("chairs", "me/../chairs", "hf://me/chairs"):
        with pytest.raises(InputError, match="the name of a repository, owner/name, got"):
            load_run(attackable).push_to_hub(name)
    assert not remote.exists()
