"""Wires networks into the model and the guide of a member of the family."""

from collections.abc import Callable, Sequence
from itertools import pairwise

from torch import nn

from pyro_seatbelt.family import GuideName, Preset
from pyro_seatbelt.guides import Bidirectional, BottomUp, Ladder, TopDown
from pyro_seatbelt.models import (
    BidirectionalHierarchy,
    ConditionalNormal,
    FeatureNetwork,
    Hierarchy,
    ImageDecoder,
    ImageEncoder,
    LipschitzEncoder,
    LipschitzHead,
    latent_network,
)


def model_of(
    preset: Preset,
    make_decoder: Callable[[int], ImageDecoder],
    likelihood: nn.Module,
    dims: Sequence[int],
    hidden: int,
    *,
    num_data: int,
) -> Hierarchy:
    """Builds the model of a member.

    Args:
        preset: The member.
        make_decoder: Makes a decoder of vectors of some length.
        likelihood: Maps its output to a distribution over images.
        dims: Length of every layer, lowest first.
        hidden: Width of the networks between layers.
        num_data: Size N of the training set.
    """
    lower, top = dims[:-1], dims[-1]
    if preset.guides == ("bidirectional",):
        decoder = make_decoder(2 * sum(lower) + top)
        above = [2 * sum(lower[layer + 1 :]) + top for layer in range(len(lower))]
        return BidirectionalHierarchy(
            decoder,
            likelihood,
            downward=[FeatureNetwork(each, hidden) for each in above],
            bottom_up=[_linear(hidden, dim) for dim in lower],
            top_down=[_linear(hidden, dim) for dim in lower],
            top_dim=top,
            num_data=num_data,
        )
    decoder = make_decoder(sum(dims) if preset.skip else dims[0])
    return Hierarchy(
        decoder,
        likelihood,
        [
            ConditionalNormal(latent_network(above, 2 * below, hidden))
            for below, above in pairwise(dims)
        ],
        top_dim=top,
        num_data=num_data,
        skip=preset.skip,
    )


def guide_of(
    name: GuideName,
    encoder: ImageEncoder,
    seen: nn.Module,
    model: Hierarchy,
    dims: Sequence[int],
    hidden: int,
) -> BottomUp | TopDown:
    """Builds a guide of a model.

    Args:
        name: Which.
        encoder: Tells the length of its features.
        seen: The encoder, or what stands before it.
        model: The model; some guides share its networks.
        dims: Length of every layer, lowest first.
        hidden: Width of the networks between layers.
    """
    features, num_data = encoder.num_features, model.num_data
    # as published: one linear map from the encoder's features to the first posterior
    head = LipschitzHead if isinstance(encoder, LipschitzEncoder) else nn.Linear
    start = dims[-1] if name == "top-down" else dims[0]
    first = ConditionalNormal(head(features, 2 * start))
    if name in ("ladder", "bidirectional"):
        widths = [features, *(hidden for _ in dims[1:])]
        heads = [first, *map(_linear, widths[1:], dims[1:])]
        if isinstance(model, BidirectionalHierarchy):
            return Bidirectional(
                seen,
                heads,
                upward=[
                    FeatureNetwork(width + dim, hidden)
                    for width, dim in zip(widths[:-1], dims[:-1], strict=True)
                ],
                downward=list(model.downward),
                top_down=[
                    _linear(width + hidden, dim)
                    for width, dim in zip(widths[:-1], dims[:-1], strict=True)
                ],
                num_data=num_data,
            )
        return Ladder(
            seen,
            heads,
            upward=[FeatureNetwork(width, hidden, normalised=True) for width in widths[:-1]],
            generative=list(model.conditionals),
            num_data=num_data,
        )
    extra = 0 if name == "bottom-up" else features
    if name == "top-down":
        steps = [(above, below) for below, above in pairwise(dims)]
    else:
        steps = list(pairwise(dims))
    others = [
        ConditionalNormal(latent_network(given + extra, 2 * drawn, hidden))
        for given, drawn in steps
    ]
    if name == "top-down":
        return TopDown(seen, [*others, first], num_data=num_data)
    return BottomUp(
        seen, [first, *others], num_data=num_data, condition_on_image=name == "bottom-up-x"
    )


def _linear(num_features: int, dim: int) -> ConditionalNormal:
    return ConditionalNormal(nn.Linear(num_features, 2 * dim))
