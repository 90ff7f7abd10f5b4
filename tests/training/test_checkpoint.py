import errno
import json
import os
import resource

import pytest
import safetensors.torch
import torch
from torch import nn

from pyro_seatbelt.errors import InputError
from pyro_seatbelt.training.checkpoint import load_checkpoint, save_checkpoint
from pyro_seatbelt.training.layout import checkpoints


class Pair:
    def __init__(self, seed=0):
        torch.manual_seed(seed)
        self.model = nn.Sequential(nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3))
        self.model.to(memory_format=torch.channels_last)
        self.guide = nn.Linear(3, 3)
        self.guide.tied = self.guide.weight
        parameters = [*self.model.parameters(), *self.guide.parameters()]
        self.optimizer = torch.optim.Adam(parameters, lr=0.1)

    @property
    def modules(self):
        return {"model": self.model, "guide": self.guide}

    def step(self):
        x = torch.ones(2, 1, 5, 5).to(memory_format=torch.channels_last)
        loss = self.model(x).square().sum() + self.guide(torch.ones(1, 3)).sum()
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()

    def state(self):
        return [*self.model.state_dict().values(), *self.guide.state_dict().values()]


@pytest.fixture
def pair():
    pair = Pair()
    pair.step()
    return pair


def test_what_was_saved_comes_back(pair, tmp_path):
    path = save_checkpoint(tmp_path, 7, pair.modules, pair.optimizer)
    assert path == tmp_path / "step-00000007"
    other = Pair(seed=1)
    checkpoint = load_checkpoint(path)
    checkpoint.restore(other.modules, other.optimizer)
    assert checkpoint.step == 7
    pair.step()
    other.step()
    assert all(torch.equal(a, b) for a, b in zip(pair.state(), other.state(), strict=True))
    assert other.model[0].weight.is_contiguous(memory_format=torch.channels_last)


def test_the_weights_are_plain_safetensors(pair, tmp_path):
    path = save_checkpoint(tmp_path, 7, pair.modules, pair.optimizer)
    weights = safetensors.torch.load_file(path / "weights.safetensors")
    assert set(weights) == {
        *(f"model.{name}" for name in pair.model.state_dict()),
        *(f"guide.{name}" for name in pair.guide.state_dict()),
    }


def test_the_newest_are_kept(pair, tmp_path):
    for step in (1, 2, 30, 4):
        save_checkpoint(tmp_path, step, pair.modules, pair.optimizer, keep=2)
    assert [path.name for path in checkpoints(tmp_path)] == ["step-00000004", "step-00000030"]


def test_one_step_is_saved_twice(pair, tmp_path):
    save_checkpoint(tmp_path, 1, pair.modules, pair.optimizer)
    pair.step()
    path = save_checkpoint(tmp_path, 1, pair.modules, pair.optimizer)
    other = Pair(seed=1)
    load_checkpoint(path).restore(other.modules)
    assert torch.equal(other.guide.weight, pair.guide.weight)
    assert [each.name for each in tmp_path.iterdir()] == ["step-00000001"]


def test_what_a_killed_process_left_is_cleared(pair, tmp_path):
    (tmp_path / ".step-00000009.123.part").mkdir()
    save_checkpoint(tmp_path, 10, pair.modules, pair.optimizer)
    assert [each.name for each in tmp_path.iterdir()] == ["step-00000010"]


@pytest.mark.parametrize("name", ["weights.safetensors", "state.pt", "meta.json"])
@pytest.mark.parametrize("damage", ["cut", "flip", "remove"])
def test_damage_is_named_with_the_last_good_one(name, damage, pair, tmp_path):
    for step in (1, 2, 3):
        path = save_checkpoint(tmp_path, step, pair.modules, pair.optimizer)
    spoil(path / name, damage)
    spoil(tmp_path / "step-00000002" / "state.pt", "cut")
    with pytest.raises(InputError, match=rf"{name}: .*to go on from step-00000001$") as error:
        load_checkpoint(path)
    assert "\n" not in str(error.value)


def spoil(path, damage):
    content = bytearray(path.read_bytes())
    if damage == "remove":
        path.unlink()
        return
    content = content[: len(content) // 2]
    if damage == "flip" and path.suffix != ".json":
        content = bytearray(path.read_bytes())
        content[-20] ^= 255
    path.write_bytes(content)


def test_without_a_good_one_it_says_so(pair, tmp_path):
    path = save_checkpoint(tmp_path, 1, pair.modules, pair.optimizer)
    (path / "state.pt").write_bytes(b"")
    with pytest.raises(InputError, match=r"state\.pt: the file is damaged.*no earlier one is good"):
        load_checkpoint(path)


def test_a_later_format_is_refused(pair, tmp_path):
    path = save_checkpoint(tmp_path, 1, pair.modules, pair.optimizer)
    meta = json.loads((path / "meta.json").read_text())
    (path / "meta.json").write_text(json.dumps({**meta, "format": 2}))
    with pytest.raises(InputError, match="expected checkpoint format 1, got 2"):
        load_checkpoint(path)


def test_an_optimiser_of_other_parameters_is_refused(pair, tmp_path):
    path = save_checkpoint(tmp_path, 1, pair.modules, pair.optimizer)
    with pytest.raises(InputError, match="state of another optimiser"):
        load_checkpoint(path).restore({}, torch.optim.Adam(nn.Linear(2, 2).parameters()))


def test_a_full_disk_leaves_earlier_ones_alone(pair, tmp_path):
    first = save_checkpoint(tmp_path, 1, pair.modules, pair.optimizer)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, hard))  # no file may grow larger
    try:
        with pytest.raises(InputError, match="step-00000002: cannot write: File too large"):
            save_checkpoint(tmp_path, 2, pair.modules, pair.optimizer, keep=1)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert load_checkpoint(first).step == 1
    assert [each.name for each in tmp_path.iterdir()] == ["step-00000001"]


def test_a_kill_between_the_files_leaves_no_checkpoint(pair, tmp_path, monkeypatch):
    def fail(descriptor):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(InputError, match="Input/output error"):
        save_checkpoint(tmp_path, 2, pair.modules, pair.optimizer)
    assert checkpoints(tmp_path) == []
