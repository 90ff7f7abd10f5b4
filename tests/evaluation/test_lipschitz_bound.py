import pytest
import scipy.linalg
import torch
from torch import nn

from pyro_seatbelt.evaluation.lipschitz_bound import lipschitz_bound


def matrix_of(layer, shape):
    basis = torch.eye(torch.Size(shape).numel()).double().reshape(-1, *shape)
    with torch.no_grad():
        return (layer(basis) - layer(torch.zeros_like(basis))).flatten(1).T.numpy()


def test_exact_for_a_linear_map():
    layer = nn.Linear(7, 5).double()
    expected = scipy.linalg.svdvals(layer.weight.detach().numpy())[0]
    assert lipschitz_bound(layer) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("layer", "size", "slack"),
    [
        (nn.Conv2d(2, 3, 4, 2, 1), 16, 0.1),
        (nn.Conv2d(2, 3, 3, 1, 1), 16, 0.1),
        (nn.Conv2d(2, 3, (3, 5), (2, 3), 1), 16, 0.2),
        (nn.ConvTranspose2d(2, 3, 4, 2, 1), 8, 0.1),
        (nn.ConvTranspose2d(2, 3, 1), 3, 1e-6),
    ],
    ids=str,
)
def test_convolutions_against_their_matrix(layer, size, slack):
    layer = layer.double()
    norm = scipy.linalg.svdvals(matrix_of(layer, (2, size, size)))[0]
    assert norm * (1 - 1e-9) <= lipschitz_bound(layer) <= norm * (1 + slack)


def test_no_slope_is_steeper():
    network = nn.Sequential(
        nn.Conv2d(1, 3, 4, 2, 1), nn.BatchNorm2d(3), nn.ReLU(), nn.Flatten(), nn.Linear(48, 4),
        nn.Tanh(), nn.Linear(4, 6), nn.Sigmoid(),
    ).double()  # fmt: skip
    network(10 * torch.rand(20, 1, 8, 8).double())
    network.eval()
    x = torch.rand(200, 1, 8, 8).double()
    slopes = torch.linalg.matrix_norm(
        torch.func.vmap(torch.func.jacrev(lambda a: network(a[None])[0]))(x).flatten(2), ord=2
    )
    assert 0 < slopes.max() <= lipschitz_bound(network)


def test_unknown_layers_are_named():
    with pytest.raises(NotImplementedError, match="layer Softmax"):
        lipschitz_bound(nn.Sequential(nn.Linear(2, 2), nn.Softmax(1)))
    with pytest.raises(NotImplementedError, match="call eval"):
        lipschitz_bound(nn.BatchNorm2d(3))
    with pytest.raises(NotImplementedError, match="groups"):
        lipschitz_bound(nn.Conv2d(2, 2, 3, groups=2))
