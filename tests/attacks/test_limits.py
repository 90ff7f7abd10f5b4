"""Normalised images, whose channels have ranges of their own."""

import json

import numpy as np
import pytest
import torch
from torch import nn

from pyro_seatbelt import from_modules
from pyro_seatbelt.attacks import LBFGSB, PGD, Attack, Ball, LatentKL, MinimumNorm
from pyro_seatbelt.errors import InputError

MEAN, STD = torch.tensor([0.485, 0.456]), torch.tensor([0.229, 0.5])
LIMITS = ((0 - MEAN.double()) / STD.double(), (1 - MEAN.double()) / STD.double())


def normalise(x):
    return (x - MEAN.to(x).view(2, 1, 1)) / STD.to(x).view(2, 1, 1)


@pytest.fixture
def pair(pairs):
    encoder, decoder = pairs.linear(6, 32, 1, 4.0), pairs.linear(32, 3, 2, 4.0)
    return from_modules(
        lambda x: encoder(x.flatten(1)).chunk(2, -1), decoder, spread="log_scale", likelihood=1.0
    )


@pytest.fixture
def images():
    """With pixels at both ends of the range."""
    draw = 1.6 * torch.rand(2, 3, 2, 4, 4, generator=torch.Generator().manual_seed(0)) - 0.3
    return normalise(draw.clamp(0, 1))


@pytest.mark.parametrize(
    "attack",
    [
        Attack(LatentKL(), LBFGSB(), [0.0, 0.1], limits=LIMITS),
        Attack(LatentKL(), LBFGSB(), [0.0], ball=Ball("linf", 0.3), limits=LIMITS),
        Attack(LatentKL(), PGD(), [0.0], ball=Ball("l2", 1.0), restarts=1, limits=LIMITS),
    ],
)
def test_no_channel_leaves_its_own_range(pair, images, attack):
    result = attack(*pair, *images)
    low, high = (side.float() for side in LIMITS)
    by_channel = result.adversarial.transpose(0, 1).flatten(1)
    assert bool((by_channel.amin(1) >= low).all())
    assert bool((by_channel.amax(1) <= high).all())
    assert bool((by_channel.amin(1) == low).all())  # they are reached, too
    assert not bool(result.failed.any())


def test_it_is_the_attack_on_plain_pixels_where_a_channel_is_only_shifted(pairs, images):
    encoder, decoder = pairs.linear(6, 32, 1, 4.0), pairs.linear(32, 3, 2, 4.0)
    shift = torch.tensor([0.5, -2.0]).view(2, 1, 1)

    def make(shifted):
        return from_modules(
            lambda x: encoder((x - shifted).flatten(1)).chunk(2, -1),
            lambda z: decoder(z).view(-1, 2, 4, 4) + shifted,
            spread="log_scale",
        )

    x, target = torch.rand(2, 3, 2, 4, 4)
    limits = (shift.flatten().tolist(), (1 + shift).flatten().tolist())
    for attack in (Attack(LatentKL(), weights=[0.1]), MinimumNorm()):
        plain = attack(*make(torch.zeros(1)), x, target)
        kind = {"limits": limits} | ({"weights": [0.1]} if isinstance(attack, Attack) else {})
        args = [LatentKL()] if isinstance(attack, Attack) else []
        other = type(attack)(*args, **kind)(*make(shift), x + shift, target + shift)
        torch.testing.assert_close(other.norm, plain.norm, rtol=1e-3, atol=1e-3)


def test_an_attack_is_known_again(pair, images):
    kinds = [LIMITS, tuple(side.tolist() for side in LIMITS), tuple(map(np.asarray, LIMITS))]
    known = [
        json.dumps(Attack(LatentKL(), limits=limits).bind(*pair, *images).arguments["limits"])
        for limits in kinds
    ]
    assert known[0] == known[1] == known[2] == json.dumps([side.tolist() for side in LIMITS])


def test_columns_of_a_table_have_ranges_too():
    low, high = [0.0, -5.0, 10.0], [1.0, 5.0, 30.0]
    _, guide = from_modules(lambda x: (x, torch.ones_like(x)), nn.Identity(), spread="scale")
    x, target = torch.tensor([[[0.5, 0.0, 20.0]], [[1.0, 5.0, 30.0]]])
    result = Attack(LatentKL(), weights=[0.0], limits=(low, high))(None, guide, x, target)
    torch.testing.assert_close(result.adversarial, target, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        (([0.0, 0.0], [1.0, 0.0]), r"low < high.*got \[\[0.0, 0.0\], \[1.0, 0.0\]\]"),
        (([0.0, 0.0], [1.0]), "numbers or a number per channel each"),
        ((0.0, [1.0]), "numbers or a number per channel each"),
        ((0.0, float("nan")), "low < high"),
    ],
)
@pytest.mark.parametrize("make", [lambda **k: Attack(LatentKL(), **k), MinimumNorm])
def test_what_is_no_range(make, limits, message):
    with pytest.raises(InputError, match=message):
        make(limits=limits)


def test_images_out_of_their_channels_range(pair, images):
    x, target = images
    narrow = ([-3.0, -0.1], [3.0, 0.1])
    with pytest.raises(InputError, match=r"every channel in \[-3, 3\], \[-0.1, 0.1\], got"):
        Attack(LatentKL(), limits=narrow).bind(*pair, x, target)
    with pytest.raises(InputError, match=r"limits for 2 channels of images.*\(2, 4, 4\), got 3"):
        Attack(LatentKL(), limits=([0.0] * 3, [1.0] * 3)).bind(*pair, x, target)
