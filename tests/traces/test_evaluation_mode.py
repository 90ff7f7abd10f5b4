import pytest
import torch
from torch import nn

from pyro_seatbelt.traces.evaluation_mode import evaluation_mode


class Program(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = nn.Sequential(nn.Linear(2, 2), nn.Dropout())

    def method(self, x):
        return self.inner(x)


def test_modules_and_methods_are_put_back_even_after_an_error():
    model, guide = Program(), Program()
    guide.inner[0].eval()

    def stop_inside():
        with evaluation_mode(model.method, guide, None, lambda x: x):
            assert not model.inner.training
            assert not guide.inner[1].training
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        stop_inside()
    assert model.inner[1].training
    assert guide.inner[1].training
    assert not guide.inner[0].training


def test_gradients_are_off_unless_asked_for():
    model, x = Program(), torch.ones(3, 2)
    with evaluation_mode(model):
        assert not model.method(x).requires_grad
        with torch.enable_grad():
            assert model.method(x).requires_grad
    assert model.method(x).requires_grad


def test_a_seed_makes_a_stream_of_its_own():
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    with evaluation_mode(seed=1):
        one = torch.rand(3)
    assert torch.equal(torch.rand(3), expected)
    with evaluation_mode(seed=1):
        assert torch.equal(torch.rand(3), one)
