import pytest
import torch

from pyro_seatbelt.errors import InputError
from pyro_seatbelt.training import device as devices
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
