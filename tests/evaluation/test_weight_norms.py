import math

import pytest
import torch
from torch import nn

from pyro_seatbelt.evaluation import weight_norm


def test_by_hand():
    first, second, kernel = nn.Linear(2, 3), nn.Linear(3, 1), nn.Conv2d(1, 2, 2)
    for layer, value in ((first, 1.0), (second, 2.0), (kernel, 3.0)):
        nn.init.constant_(layer.weight, value)
        nn.init.constant_(layer.bias, 100.0)
    # 6 ones, 3 twos and 8 threes
    expected = math.sqrt(6 * 1 + 3 * 4 + 8 * 9)
    assert weight_norm(nn.Sequential(first, second), kernel) == pytest.approx(expected)


def test_normalisation_does_not_count():
    layer = nn.Linear(4, 4)
    norm = nn.BatchNorm1d(4)
    nn.init.constant_(norm.weight, 50.0)
    assert weight_norm(layer, norm) == pytest.approx(layer.weight.norm().item())


def test_shared_weights_count_once():
    layer = nn.Linear(4, 4)
    assert weight_norm(layer, nn.Sequential(layer, layer)) == weight_norm(layer)
    assert torch.is_grad_enabled()


def test_nothing_to_measure():
    with pytest.raises(ValueError, match="expected modules with weights, got none"):
        weight_norm(nn.ReLU())
