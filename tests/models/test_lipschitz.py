import pytest
import torch
from torch import nn

from pyro_seatbelt import presets
from pyro_seatbelt.errors import InputError
from pyro_seatbelt.evaluation.reconstruction_bound import constructed_bound, reconstruction_bound
from pyro_seatbelt.family import CHAIN_GUIDES
from pyro_seatbelt.models.lipschitz import (
    AlmostOrthogonal,
    LipschitzDecoder,
    LipschitzEncoder,
    LipschitzHead,
    MaxMin,
    bounded,
    fix_weights,
)
from pyro_seatbelt.traces.reconstruction import reconstruct

LAYERS = {
    "wide": (lambda: nn.Linear(12, 5), (12,)),
    "tall": (lambda: nn.Linear(5, 12), (5,)),
    "convolution": (lambda: nn.Conv2d(3, 4, 4, 2, 1), (3, 8, 8)),
    "contracting": (lambda: nn.Conv2d(8, 2, 4, 2, 1), (8, 8, 8)),
    "transposed": (lambda: nn.ConvTranspose2d(4, 3, 4, 2, 1), (4, 4, 4)),
    "expanding": (lambda: nn.ConvTranspose2d(2, 8, 4, 2, 1), (2, 4, 4)),
}


@pytest.mark.parametrize("start", ["orthogonal", "random", "one large weight"])
@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_stretches_no_vector(name, start):
    """The largest singular value of the matrix that a layer is, written out."""
    make, shape = LAYERS[name]
    layer = bounded(make())
    weight = layer.parametrizations.weight.original
    with torch.no_grad():
        if start != "orthogonal":
            weight.normal_()
        if start == "one large weight":
            weight.view(-1)[3] = 1e4
    x = torch.zeros(shape)
    matrix = torch.autograd.functional.jacobian(lambda x: layer(x[None])[0].flatten(), x)
    norm = torch.linalg.matrix_norm(matrix.flatten(1).double(), 2)
    assert norm <= 1
    assert norm > 0.2  # and it is not bounded by leaving nothing
    if start == "orthogonal":
        assert norm > 0.99


def test_phases_of_a_strided_kernel_are_the_kernel():
    bound = AlmostOrthogonal(2)
    weight = torch.randn(5, 3, 4, 4)
    phases = bound.phases(weight)
    assert phases.shape == (5, 12, 2, 2)
    assert torch.equal(bound.kernel(phases, weight.shape), weight)
    x = torch.randn(1, 3, 8, 8)
    blocks = nn.functional.pixel_unshuffle(x, 2)
    assert torch.allclose(
        nn.functional.conv2d(x, weight, stride=2), nn.functional.conv2d(blocks, phases), atol=1e-4
    )


def test_the_activation_keeps_the_norm():
    x = torch.randn(7, 6, 3)
    assert torch.allclose(MaxMin()(x).flatten(1).norm(dim=1), x.flatten(1).norm(dim=1))


@pytest.fixture
def family():
    torch.manual_seed(0)
    found = presets.build(
        "vae", network="lipschitz", lipschitz=3.0, image_shape=(1, 32, 32), latent_dim=3,
        features=16, num_data=10,
    )  # fmt: skip
    with torch.no_grad():  # as far from the start as training could bring it
        for module in (found.model, found.guide):
            for each in module.parameters():
                each.add_(torch.randn_like(each))
    return found


@pytest.mark.parametrize("guide", CHAIN_GUIDES)
def test_every_guide_of_a_chain_keeps_the_bound(guide):
    found = presets.build(
        "vae", guide=guide, network="lipschitz", lipschitz=3.0, image_shape=(1, 16, 16),
        features=16, num_data=10,
    )  # fmt: skip
    assert constructed_bound(found.model, found.guide) == 3.0


def test_no_direction_moves_the_reconstruction_faster_than_the_bound(family):
    """The norm of the Jacobian, at points that gradient ascent makes as bad as it can."""
    x = torch.rand(3, 1, 32, 32, requires_grad=True)
    bound = constructed_bound(family.model, family.guide)
    assert bound == reconstruction_bound(family.model, family.guide) == 3.0
    direction = torch.randn(3, 1, 32, 32)
    with torch.no_grad():
        for _ in range(10):
            step = 0.01 * direction / direction.flatten(1).norm(dim=1).view(-1, 1, 1, 1)
            moved = reconstruct(family.model, family.guide, x + step)
            moved = moved - reconstruct(family.model, family.guide, x)
            assert (moved.flatten(1).norm(dim=1) <= 0.01 * bound * 1.001).all()
            direction = torch.randn_like(direction) + 3 * direction


def test_fixed_weights_are_those_that_counted(family):
    x = torch.rand(2, 1, 32, 32)
    before = reconstruct(family.model, family.guide, x)
    names = set(family.guide.state_dict())
    for module in (family.model, family.guide):
        fix_weights(module)
    assert torch.equal(reconstruct(family.model, family.guide, x), before)
    assert constructed_bound(family.model, family.guide) == 3.0
    assert names != set(family.guide.state_dict())
    assert not any("parametrizations" in name for name in family.guide.state_dict())


@pytest.mark.parametrize("network", ["conv", "mlp"])
def test_other_networks_have_no_bound(network):
    family = presets.build("vae", network=network, features=8, hidden=8, num_data=10)
    assert constructed_bound(family.model, family.guide) is None
    with pytest.raises(InputError, match=f"lipschitz: the {network} networks have no bound"):
        presets.build("vae", network=network, lipschitz=2.0, num_data=10)


def test_a_hierarchy_has_no_bound():
    family = presets.build(
        "seatbelt", layers=2, network="lipschitz", image_shape=(1, 16, 16), features=8, hidden=8,
        num_data=10,
    )  # fmt: skip
    assert constructed_bound(family.model, family.guide) is None


def test_what_cannot_be_bounded_is_said():
    with pytest.raises(InputError, match="sides that 16 divides, got 20x32"):
        LipschitzEncoder((1, 20, 32), 8)
    with pytest.raises(InputError, match="an even number of features, got 7"):
        LipschitzDecoder(3, (1, 16, 16), 7)
    assert LipschitzHead(8, 6)(torch.zeros(2, 8)).shape == (2, 6)
