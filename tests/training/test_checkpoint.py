import errno
import hashlib
import io
import json
import os
import pickle
import resource
import shutil

import pytest
import safetensors.torch
import torch
from torch import nn

from pyro_seatbelt.errors import InputError
from pyro_seatbelt.training.checkpoint import load_checkpoint, load_newest, save_checkpoint
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


@pytest.mark.parametrize(
    "name", ["weights.safetensors", "optimizer.safetensors", "state.json", "meta.json"]
)
@pytest.mark.parametrize("damage", ["cut", "flip", "remove"])
def test_damage_is_named_with_the_last_good_one(name, damage, pair, tmp_path):
    for step in (1, 2, 3):
        path = save_checkpoint(tmp_path, step, pair.modules, pair.optimizer)
    spoil(path / name, damage)
    spoil(tmp_path / "step-00000002" / "state.json", "cut")
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
    (path / "state.json").write_bytes(b"")
    with pytest.raises(
        InputError, match=r"state\.json: the file is damaged.*no earlier one is good"
    ):
        load_checkpoint(path)


def test_a_later_format_is_refused(pair, tmp_path):
    path = save_checkpoint(tmp_path, 1, pair.modules, pair.optimizer)
    meta = json.loads((path / "meta.json").read_text())
    (path / "meta.json").write_text(json.dumps({**meta, "format": 3}))
    with pytest.raises(InputError, match="it has format 3, and this version reads formats up to 2"):
        load_checkpoint(path)


def test_an_optimiser_of_other_parameters_is_refused(pair, tmp_path):
    path = save_checkpoint(tmp_path, 1, pair.modules, pair.optimizer)
    with pytest.raises(InputError, match="state of another optimiser"):
        load_checkpoint(path).restore({}, torch.optim.Adam(nn.Linear(2, 2).parameters()))


def test_the_step_of_a_checkpoint_cannot_be_edited(pair, tmp_path):
    path = save_checkpoint(tmp_path, 3, pair.modules, pair.optimizer)
    meta = (path / "meta.json").read_text()
    (path / "meta.json").write_text(meta.replace('"step": 3', '"step": 1'))
    with pytest.raises(InputError, match=r"meta\.json: the file is damaged: it is of step 1"):
        load_checkpoint(path)
    path.rename(tmp_path / "step-00000001")
    with pytest.raises(InputError, match=r"state\.json: expected step 1, got 3"):
        load_checkpoint(tmp_path / "step-00000001")


def forge(path, change):
    """Changes the optimiser's state of a checkpoint, hashes included."""
    tensors = safetensors.torch.load_file(path / "optimizer.safetensors")
    state = json.loads((path / "state.json").read_text())
    change(tensors, state["optimizer"])
    files = {
        "optimizer.safetensors": safetensors.torch.save(tensors),
        "state.json": json.dumps(state).encode(),
    }
    meta = json.loads((path / "meta.json").read_text())
    for name, content in files.items():
        (path / name).write_bytes(content)
        meta["sha256"][name] = hashlib.sha256(content).hexdigest()
    (path / "meta.json").write_text(json.dumps(meta))


STRANGE = {
    "a moment of one element": (
        lambda tensors, _: tensors.update({"0.exp_avg": torch.zeros(1)}),
        r"exp_avg of parameter 0: expected shape \(3, 1, 3, 3\) of torch.float32, got \(1,\)",
    ),
    "a moment of other numbers": (
        lambda tensors, _: tensors.update({"0.exp_avg": tensors["0.exp_avg"].double()}),
        "exp_avg of parameter 0: expected .* of torch.float32, got .* of torch.float64",
    ),
    "a moment that is absent": (
        lambda tensors, _: tensors.pop("1.exp_avg_sq"),
        "parameter 1: expected exp_avg, exp_avg_sq, step, got exp_avg, step",
    ),
    "a moment that is a number": (
        lambda tensors, state: state["numbers"].update({"0": {"exp_avg": 1.0}}),
        "exp_avg of parameter 0: expected a tensor, got float",
    ),
    "a parameter too many": (
        lambda tensors, _: tensors.update({"99.step": torch.zeros(())}),
        "there is no parameter 99",
    ),
    "another step size": (
        lambda _, state: state["groups"][0].update(lr=0.5),
        "lr: expected 0.1, got 0.5",
    ),
    "other betas": (
        lambda _, state: state["groups"][0].update(betas=[0.0, 0.999]),
        r"betas: expected \[0.9, 0.999\], got \[0.0, 0.999\]",
    ),
}


@pytest.mark.parametrize("what", STRANGE)
def test_a_strange_state_of_the_optimiser_is_refused(what, pair, tmp_path):
    change, message = STRANGE[what]
    path = save_checkpoint(tmp_path, 1, pair.modules, pair.optimizer)
    forge(path, change)
    before = [each.clone() for each in pair.optimizer.state_dict()["state"][0].values()]
    with pytest.raises(InputError, match=f"state of another optimiser: {message}"):
        load_checkpoint(path).restore(pair.modules, pair.optimizer)
    after = pair.optimizer.state_dict()["state"][0].values()
    assert all(map(torch.equal, before, after))


def test_moments_lie_in_memory_as_their_parameters_do(pair, tmp_path):
    path = save_checkpoint(tmp_path, 1, pair.modules, pair.optimizer)
    other = Pair(seed=1)
    load_checkpoint(path).restore(other.modules, other.optimizer)
    for parameter, values in other.optimizer.state.items():
        assert values["exp_avg"].stride() == parameter.stride()


def test_what_only_training_needs_is_read_by_training_alone(pair, tmp_path):
    path = save_checkpoint(tmp_path, 1, pair.modules, pair.optimizer)
    (path / "optimizer.safetensors").write_bytes(b"")
    checkpoint = load_checkpoint(path, optimizer=False)
    other = Pair(seed=1)
    checkpoint.restore(other.modules)
    assert torch.equal(other.guide.weight, pair.guide.weight)
    with pytest.raises(InputError, match="expected a checkpoint with its optimiser"):
        checkpoint.restore(other.modules, other.optimizer)


def as_earlier(path, optimizer):
    """Makes a checkpoint what version 0.1.0 wrote."""
    state = io.BytesIO()
    torch.save({"optimizer": optimizer}, state)
    return with_pickle(path, state.getvalue())


def with_pickle(path, content):
    for name in ("optimizer.safetensors", "state.json"):
        (path / name).unlink(missing_ok=True)
    (path / "state.pt").write_bytes(content)
    meta = json.loads((path / "meta.json").read_text())
    weights = meta["sha256"]["weights.safetensors"]
    sums = {"weights.safetensors": weights, "state.pt": hashlib.sha256(content).hexdigest()}
    (path / "meta.json").write_text(json.dumps({**meta, "format": 1, "sha256": sums}))
    return path


def test_an_earlier_checkpoint_comes_back(pair, tmp_path):
    path = save_checkpoint(tmp_path, 7, pair.modules, pair.optimizer)
    as_earlier(path, pair.optimizer.state_dict())
    other = Pair(seed=1)
    load_checkpoint(path).restore(other.modules, other.optimizer)
    pair.step()
    other.step()
    assert all(map(torch.equal, pair.state(), other.state()))


def test_an_earlier_checkpoint_is_checked_as_well(pair, tmp_path):
    path = save_checkpoint(tmp_path, 7, pair.modules, pair.optimizer)
    state = pair.optimizer.state_dict()
    state["state"][0]["exp_avg"] = torch.zeros(1)
    as_earlier(path, state)
    with pytest.raises(InputError, match="exp_avg of parameter 0: expected shape"):
        load_checkpoint(path).restore(pair.modules, pair.optimizer)


class Payload:
    def __reduce__(self):
        return os.system, ("true",)


def pickled(value):
    content = io.BytesIO()
    torch.save(value, content)
    return content.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        pickled({"optimizer": Payload()}),
        pickle.dumps(Payload()),
        pickled([1, 2]),
        pickled({"optimizer": 3}),
        pickled({"optimizer": {"state": {0: 1}, "param_groups": []}}),
        b"",
        b"\x80\x02.",
        b"\x80\x02}q\x00",
        b"PK\x03\x04",
    ],
)
def test_a_pickle_of_something_else_is_refused_in_one_line(content, pair, tmp_path):
    path = with_pickle(save_checkpoint(tmp_path, 1, pair.modules, pair.optimizer), content)
    with pytest.raises(InputError, match="cannot be understood") as error:
        load_checkpoint(path)
    assert "\n" not in str(error.value)


def test_an_optimiser_with_other_memories_is_saved_too(pair, tmp_path):
    parameters = list(pair.guide.parameters())
    optimizer = torch.optim.SGD(parameters, lr=0.1, momentum=0.9)
    optimizer.step()
    path = save_checkpoint(tmp_path, 1, pair.modules, optimizer)
    other = torch.optim.SGD(parameters, lr=0.1, momentum=0.9)
    load_checkpoint(path).restore({}, other)
    for one in parameters:
        found, expected = (each.state[one]["momentum_buffer"] for each in (other, optimizer))
        assert torch.equal(found, expected)


def test_a_kill_while_old_ones_are_dropped_leaves_none_half_there(pair, tmp_path, monkeypatch):
    save_checkpoint(tmp_path, 1, pair.modules, pair.optimizer)

    def killed(path, *args, **kwargs):
        if "step-00000001" in str(path):
            (path / "meta.json").unlink()
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", killed)
        with pytest.raises(KeyboardInterrupt):
            save_checkpoint(tmp_path, 2, pair.modules, pair.optimizer, keep=1)
    assert [path.name for path in checkpoints(tmp_path)] == ["step-00000002"]
    save_checkpoint(tmp_path, 3, pair.modules, pair.optimizer)
    assert {path.name for path in tmp_path.iterdir()} == {"step-00000002", "step-00000003"}


def test_the_newest_good_one_is_found(pair, tmp_path):
    assert load_newest(tmp_path) == (None, {})
    for step in (1, 2, 3):
        save_checkpoint(tmp_path, step, pair.modules, pair.optimizer)
    assert load_newest(tmp_path).checkpoint.step == 3
    spoil(tmp_path / "step-00000002" / "optimizer.safetensors", "flip")
    spoil(tmp_path / "step-00000003" / "meta.json", "remove")
    checkpoint, damaged = load_newest(tmp_path)
    assert checkpoint.step == 1
    assert [path.name for path in damaged] == ["step-00000003", "step-00000002"]
    spoil(tmp_path / "step-00000001" / "weights.safetensors", "flip")
    with pytest.raises(InputError, match=r"step-00000003.*no earlier one is good"):
        load_newest(tmp_path)


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
