import pytest
import torch

from pyro_seatbelt.attacks import LatentL2
from pyro_seatbelt.errors import InputError


def test_means_are_propagated_through_the_layers(bind, chain):
    model, guide, x, target = chain
    found = bind(LatentL2(layers="top"), model, guide, x, target, samples=0)(x, torch.arange(5))

    def top(images):
        loc = guide.heads[0](guide.encoder(images)).chunk(2, -1)[0]
        return guide.heads[1](loc).chunk(2, -1)[0]

    torch.testing.assert_close(found, (top(x) - top(target)).norm(dim=1))


def test_bad_choices():
    with pytest.raises(InputError, match="'means' or 'draws', got 'modes'"):
        LatentL2("modes")
