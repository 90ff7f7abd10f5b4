"""Folding changes how a network is computed, not what it computes, and leaves no trace."""

import pyro.nn
import pytest
import torch
from torch import nn

from pyro_seatbelt import presets
from pyro_seatbelt.attacks.folding import folded


def worn(module: nn.Module) -> nn.Module:
    """Gives normalisations statistics and weights that are far from the identity."""
    for part in module.modules():
        if isinstance(part, nn.BatchNorm1d | nn.BatchNorm2d):
            part.running_mean.normal_()
            part.running_var.uniform_(0.1, 3)
            if part.affine:
                nn.init.normal_(part.weight)
                nn.init.normal_(part.bias)
    return module.eval().double()


NETWORKS = {
    "linear": (lambda: [nn.Linear(6, 4), nn.BatchNorm1d(4)], (5, 6)),
    "convolution": (lambda: [nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)], (2, 3, 8, 8)),
    "without bias": (lambda: [nn.Conv2d(3, 4, 3, bias=False), nn.BatchNorm2d(4)], (2, 3, 8, 8)),
    "not affine": (lambda: [nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4, affine=False)], (2, 3, 8, 8)),
    "groups": (lambda: [nn.Conv2d(4, 6, 3, groups=2), nn.BatchNorm2d(6)], (2, 4, 8, 8)),
    "transposed": (lambda: [nn.ConvTranspose2d(3, 4, 3), nn.BatchNorm2d(4)], (2, 3, 8, 8)),
    "transposed groups": (
        lambda: [nn.ConvTranspose2d(4, 6, 3, groups=2), nn.BatchNorm2d(6)],
        (2, 4, 8, 8),
    ),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_the_function_stays_and_so_does_the_network(name):
    layers, shape = NETWORKS[name]
    net = worn(nn.Sequential(*layers(), nn.ReLU()))
    x = torch.randn(shape, dtype=torch.float64, requires_grad=True)
    before = net(x)
    (slope,) = torch.autograd.grad(before.square().sum(), x)
    modules = list(net.modules())
    state = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    with folded(net) as count:
        assert isinstance(net[1], nn.Identity)
        after = net(x)
        (folded_slope,) = torch.autograd.grad(after.square().sum(), x)
    assert count == 1
    torch.testing.assert_close(after, before, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(folded_slope, slope, rtol=1e-10, atol=1e-12)
    assert [id(module) for module in net.modules()] == [id(module) for module in modules]
    assert all(torch.equal(tensor, state[name]) for name, tensor in net.state_dict().items())


def test_every_normalisation_of_the_family_is_folded():
    family = presets.build("seatbelt", layers=2, num_data=100)
    for module in (family.model, family.guide):
        module.eval()
    norms = sum(
        isinstance(part, nn.BatchNorm2d)
        for module in (family.model, family.guide)
        for part in module.modules()
    )
    with folded(family.model, family.guide) as count:
        assert count == norms > 0


@pytest.mark.parametrize(
    "why", ["training", "hook", "shared", "apart", "own class", "no statistics"]
)
def test_what_may_not_be_folded_stays(why):
    convolution, norm = nn.Conv2d(3, 3, 3, padding=1), nn.BatchNorm2d(3)
    layers = [convolution, norm]
    if why == "hook":
        convolution.register_forward_hook(lambda module, inputs, output: output + 1)
    if why == "shared":
        layers = [convolution, norm, convolution]
    if why == "apart":
        layers = [convolution, nn.ReLU(), norm]
    if why == "no statistics":
        layers = [convolution, nn.BatchNorm2d(3, track_running_stats=False)]
    net = nn.Sequential(*layers).eval()
    if why == "own class":

        class Backwards(nn.Sequential):
            def forward(self, x):
                for module in reversed(self):
                    x = module(x)
                return x

        net = Backwards(*layers).eval()
    if why == "training":
        net.train()
    with folded(net) as count:
        assert count == 0


def test_pyro_modules_and_other_programs():
    class Guide(pyro.nn.PyroModule):
        def __init__(self):
            super().__init__()
            self.net = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3))

        def forward(self, x):
            return self.net(x)

        def program(self, x):
            return self.net(x)

    guide = Guide().eval()
    for program in (guide, guide.program):
        with folded(program, None, lambda x: x) as count:
            assert count == 1


def test_the_network_comes_back_after_an_error():
    net = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3)).eval()
    with pytest.raises(ZeroDivisionError), folded(net):
        1 / 0  # noqa: B018
    assert isinstance(net[1], nn.BatchNorm1d)
