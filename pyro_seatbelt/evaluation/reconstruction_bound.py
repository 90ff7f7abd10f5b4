"""How far a distortion can move the reconstruction of a pair, at most."""

from torch import nn

from pyro_seatbelt.evaluation.lipschitz_bound import SLOPES, lipschitz_bound, matrix_norm
from pyro_seatbelt.guides.bottom_up import BottomUp
from pyro_seatbelt.models.conditionals import ConditionalNormal
from pyro_seatbelt.models.hierarchy import Hierarchy
from pyro_seatbelt.models.likelihoods import Likelihood
from pyro_seatbelt.models.lipschitz import (
    PIXEL_SLOPE,
    LipschitzDecoder,
    LipschitzEncoder,
    LipschitzHead,
)
from pyro_seatbelt.models.networks import (
    ConvDecoder,
    ConvEncoder,
    MLPDecoder,
    MLPEncoder,
)
from pyro_seatbelt.models.signed_pixels import SIGNED_SLOPE, SignedPixels
from pyro_seatbelt.traces.evaluation_mode import evaluation_mode


def constructed_bound(model: nn.Module, guide: nn.Module) -> float | None:
    r"""The bound that networks have by construction, which costs nothing.

    .. math::
        \|r(x + d) - r(x)\|_2 \le K \|d\|_2

    The product of the bounds of the encoder's pixels, of the posterior mean, of the decoder, and of
    the likelihood's mean.

    Args:
        model: A model.
        guide: Its guide, also with an encoder that is averaged over noise, which moves no faster.

    Returns:
        K, distance of reconstructions per distance of images; None for other networks, and for more
        than one layer.

    Example:
        >>> from pyro_seatbelt import presets
        >>> family = presets.build("vae", network="lipschitz", lipschitz=3.0, num_data=10)
        >>> constructed_bound(family.model, family.guide)
        3.0
    """
    conditionals = list(getattr(guide, "conditionals", []))
    if not isinstance(model, Hierarchy) or len(conditionals) != 1:
        return None
    encoder, head = getattr(guide, "encoder", None), getattr(conditionals[0], "network", None)
    slope = PIXEL_SLOPE
    while (inner := getattr(encoder, "encoder", None)) is not None:
        slope *= SIGNED_SLOPE if isinstance(encoder, SignedPixels) else 1.0
        encoder = inner
    if (
        isinstance(encoder, LipschitzEncoder)
        and isinstance(head, LipschitzHead)
        and isinstance(model.decoder, LipschitzDecoder)
        and isinstance(model.likelihood, Likelihood)
    ):
        return head.lipschitz * model.decoder.lipschitz * slope
    return None


def reconstruction_bound(model: nn.Module, guide: nn.Module) -> float:
    r"""An upper bound of the L2 Lipschitz constant of reconstruction through posterior means.

    That of :func:`constructed_bound` where there is one. Otherwise it is read off the weights: the
    product over the encoder, the means of :math:`q(z_1 \mid x)`, the decoder and the mean of
    the likelihood, whose slope is 1/4 at most (a sigmoid, or the variance of a continuous
    Bernoulli on [0, 1]). For networks that were not trained for it the product is large, and what
    follows from it true but little.

    Args:
        model: A :class:`~pyro_seatbelt.models.Hierarchy` whose decoder sees the lowest layer only.
        guide: A :class:`~pyro_seatbelt.guides.BottomUp`.

    Returns:
        The bound, distance of reconstructions per distance of images.

    Raises:
        NotImplementedError: For other programs or networks.

    Example:
        >>> from pyro_seatbelt import presets
        >>> family = presets.build("vae", network="mlp", image_shape=(1, 8, 8), num_data=100)
        >>> 0 < reconstruction_bound(family.model, family.guide) < float("inf")
        True
    """
    if (known := constructed_bound(model, guide)) is not None:
        return known
    if (
        type(model) is not Hierarchy
        or type(guide) is not BottomUp
        or (model.skip and model.num_layers > 1)
    ):
        raise NotImplementedError(
            "a bound is known for a BottomUp guide and a Hierarchy whose decoder sees z1 only, got "
            f"{type(guide).__name__} and {type(model).__name__}: skip connections have none"
        )
    encoder, first, decoder = guide.encoder, guide.conditionals[0], model.decoder
    if (
        not isinstance(encoder, ConvEncoder | MLPEncoder)
        or not isinstance(decoder, ConvDecoder | MLPDecoder)
        or type(model.likelihood) is not Likelihood
        or not isinstance(first, ConditionalNormal)
        or not isinstance(first.network, nn.Linear)
    ):
        raise NotImplementedError(
            "a bound is known for the conv and mlp networks with a linear map to z1, got "
            f"{type(encoder).__name__} and {type(decoder).__name__}"
        )
    with evaluation_mode(model, guide):
        to_mean = matrix_norm(first.network.weight.chunk(2)[0])
        return (
            lipschitz_bound(encoder.layers)
            * to_mean
            * lipschitz_bound(decoder.layers)
            * SLOPES[nn.Sigmoid]
        )
