import pytest
import torch

from pyro_seatbelt.objectives.free_bits import shortfall


def test_with_the_kl_it_is_the_floored_sum():
    kl = torch.tensor([0.0, 1.0, 5.0, -0.5], dtype=torch.float64, requires_grad=True)
    total = kl.sum() + shortfall(kl, 0.5, torch.tensor(4.0))
    assert total.item() == pytest.approx(sum(max(2.0, value) for value in kl.tolist()))
    (gradient,) = torch.autograd.grad(total, kl)
    assert gradient.tolist() == [0, 0, 1, 0]
