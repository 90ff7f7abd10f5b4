"""Generative programs and the networks and likelihoods that they are made of."""

from pyro_seatbelt.models.bidirectional import BidirectionalHierarchy
from pyro_seatbelt.models.conditionals import (
    ConditionalFlow,
    ConditionalLocationScale,
    ConditionalLowRankNormal,
    ConditionalNormal,
)
from pyro_seatbelt.models.discriminator import Discriminator
from pyro_seatbelt.models.features import FeatureNetwork
from pyro_seatbelt.models.hierarchy import Hierarchy
from pyro_seatbelt.models.likelihoods import GreyBernoulli, Likelihood
from pyro_seatbelt.models.lipschitz import (
    LipschitzDecoder,
    LipschitzEncoder,
    LipschitzHead,
)
from pyro_seatbelt.models.networks import (
    ConvDecoder,
    ConvEncoder,
    ImageDecoder,
    ImageEncoder,
    ImageShape,
    MLPDecoder,
    MLPEncoder,
    concatenate,
    latent_network,
)
from pyro_seatbelt.models.signed_pixels import SignedPixels

__all__ = [
    "BidirectionalHierarchy",
    "ConditionalFlow",
    "ConditionalLocationScale",
    "ConditionalLowRankNormal",
    "ConditionalNormal",
    "ConvDecoder",
    "ConvEncoder",
    "Discriminator",
    "FeatureNetwork",
    "GreyBernoulli",
    "Hierarchy",
    "ImageDecoder",
    "ImageEncoder",
    "ImageShape",
    "Likelihood",
    "LipschitzDecoder",
    "LipschitzEncoder",
    "LipschitzHead",
    "MLPDecoder",
    "MLPEncoder",
    "SignedPixels",
    "concatenate",
    "latent_network",
]
