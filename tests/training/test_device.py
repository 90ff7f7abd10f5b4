import pytest
import torch

from pyro_seatbelt.errors import InputError
from pyro_seatbelt.training import device as devices
from pyro_seatbelt.training.arithmetic import arithmetic
from pyro_seatbelt.training.device import make_fabric


@pytest.fixture
def only_cpu(monkeypatch):
    monkeypatch.setattr(devices, "_present", lambda: {"cuda": 0, "mps": 0})


@pytest.mark.parametrize("name", ["auto", "cpu"])
def test_the_cpu_is_always_there(name, only_cpu):
    assert make_fabric(name).device == torch.device("cpu")


@pytest.mark.parametrize("name", ["cuda", "cuda:0", "cuda:3", "mps"])
def test_a_device_that_is_not_there_is_named(name, only_cpu):
    kind = name.split(":")[0]
    with pytest.raises(InputError, match=f"device: {name} is not there, torch sees no {kind}"):
        make_fabric(name)


def test_a_number_too_high_is_told_what_there_is(monkeypatch):
    monkeypatch.setattr(devices, "_present", lambda: {"cuda": 2, "mps": 0})
    with pytest.raises(InputError, match="cuda:2 is not there, torch sees cuda:0 to cuda:1"):
        make_fabric("cuda:2")


def test_lightning_says_nothing_of_its_own(capfd):
    assert make_fabric("cpu", "bf16-mixed").device.type == "cpu"
    assert capfd.readouterr() == ("", "")


def test_tf32_is_for_cuda(only_cpu):
    with pytest.raises(InputError, match="precision: tf32 is CUDA's, and this is cpu"):
        make_fabric("cpu", "tf32")


def test_the_precision_of_products_is_put_back():
    with arithmetic("tf32"):
        assert torch.get_float32_matmul_precision() == "high"
    with arithmetic("32-true"):
        assert torch.get_float32_matmul_precision() == "highest"
    assert torch.get_float32_matmul_precision() == "highest"


def test_more_devices_than_there_are_is_said(monkeypatch):
    monkeypatch.setattr(devices, "_present", lambda: {"cuda": 2, "mps": 0})
    with pytest.raises(InputError, match="3 times cuda is not there, torch sees cuda:0 to cuda:1"):
        make_fabric("cuda", devices=3)
    with pytest.raises(InputError, match="device: expected cuda without a number for 2 devices"):
        make_fabric("cuda:0", devices=2)


def test_what_torchrun_started_is_what_is_asked_for(monkeypatch):
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "none")
    monkeypatch.setenv("WORLD_SIZE", "4")
    with pytest.raises(InputError, match=r"torchrun started 4 processes, got .* = 1: give --devic"):
        make_fabric("cpu")
    with pytest.raises(InputError, match=r"torchrun started 4 processes, got .* = 6"):
        make_fabric("cpu", devices=3, num_nodes=2)
