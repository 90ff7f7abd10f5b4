r"""The guide of the Ladder VAE: what the image says of a layer is held against what the model says.

References:
    | Ladder Variational Autoencoders (Sønderby et al., 2016), Section 2.2
    | https://arxiv.org/abs/1602.02282
"""

from collections.abc import Sequence

import pyro
import pyro.distributions as dist
from torch import Tensor, nn

from pyro_seatbelt.guides.top_down import TopDown
from pyro_seatbelt.traces.children import child


class Ladder(TopDown):
    r"""An amortised posterior that corrects the model's own conditionals, from the top down.

    .. math::
        q(z_L \mid x) = N(\hat\mu_L, \hat\sigma_L^2), \qquad
        q(z_i \mid z_{i+1}, x) \propto N(z_i; \hat\mu_i, \hat\sigma_i^2)\; p(z_i \mid z_{i+1})

    The image says :math:`\hat\mu_i, \hat\sigma_i` by a deterministic way up. They are weighed
    with the mean and the scale of the model by precision:

    .. math::
        \sigma_i^{-2} = \hat\sigma_i^{-2} + \sigma_{p,i}^{-2}, \qquad
        \mu_i = \sigma_i^2 (\hat\mu_i \hat\sigma_i^{-2} + \mu_{p,i} \sigma_{p,i}^{-2})

    The model's conditionals are the same modules in both programs. Scales are those of the
    conditionals that are given; Sønderby et al. take softplus. Their warm-up of the whole KL is a
    setting of training.

    Args:
        encoder: Maps images :math:`(*, C, H, W)` to features :math:`d_1`, shape :math:`(*, F)`.
        conditionals: One per layer, lowest first: maps :math:`d_i` to
            :math:`N(\hat\mu_i, \hat\sigma_i^2)`.
        upward: Maps :math:`d_i` to :math:`d_{i+1}`, lowest first.
        generative: The model's :math:`p(z_i \mid z_{i+1})`, lowest first.
        num_data: Size N of the data set that a minibatch stands for.
        latents: Names of the latent sites, lowest layer first; `z1` ... `zL` by default.
        plate: Name of the plate over images.

    Raises:
        ValueError: Without a conditional or images in the data set, or when there are not as many
            of each network.

    Example:
        >>> import torch
        >>> from pyro_seatbelt.models import ConditionalNormal, MLPEncoder
        >>> guide = Ladder(
        ...     MLPEncoder((1, 8, 8), 32),
        ...     [ConditionalNormal(nn.Linear(32, 8)), ConditionalNormal(nn.Linear(16, 6))],
        ...     upward=[nn.Linear(32, 16)],
        ...     generative=[ConditionalNormal(nn.Linear(3, 8))],
        ...     num_data=100,
        ... )
        >>> [z.shape for z in guide(torch.rand(5, 1, 8, 8))]
        [torch.Size([5, 4]), torch.Size([5, 3])]
    """

    def __init__(
        self,
        encoder: nn.Module,
        conditionals: Sequence[nn.Module],
        *,
        upward: Sequence[nn.Module] = (),
        generative: Sequence[nn.Module] = (),
        num_data: int,
        latents: Sequence[str] | None = None,
        plate: str = "data",
    ) -> None:
        super().__init__(encoder, conditionals, num_data=num_data, latents=latents, plate=plate)
        if not len(upward) == len(generative) == len(conditionals) - 1:
            raise ValueError(
                f"expected {len(conditionals) - 1} networks up and conditionals of the model for "
                f"{len(conditionals)} layers, got {len(upward)} and {len(generative)}"
            )
        self.upward = nn.ModuleList(upward)
        self.generative = nn.ModuleList(generative)

    def _draw(self, features: Tensor, *context: Tensor) -> list[Tensor]:
        climbed = [features]
        for network in child(self, "upward"):
            climbed.append(network(climbed[-1]))
        conditionals, generative = child(self, "conditionals"), child(self, "generative")
        z: list[Tensor] = []
        for layer in reversed(range(len(self.latents))):
            posterior = conditionals[layer](climbed[layer], *context)
            if z:
                prior = generative[layer](z[0], *context)
                posterior = weighed_by_precision(posterior, prior)
            z.insert(0, pyro.sample(self.latents[layer], posterior))
        return z


def weighed_by_precision(one: dist.Independent, other: dist.Independent) -> dist.Independent:
    """The normalised product of the densities of two diagonal Gaussians.

    Args:
        one: A diagonal Gaussian of event shape `(D,)`.
        other: Another; their batch shapes broadcast.

    Example:
        >>> import torch
        >>> one, other = (dist.Normal(torch.full((1,), loc), 1.0).to_event(1) for loc in (0.0, 3.0))
        >>> fn = weighed_by_precision(one, other).base_dist
        >>> fn.loc, fn.variance
        (tensor([1.5000]), tensor([0.5000]))
    """
    here, there = one.base_dist, other.base_dist
    # the share of the precision that is here, without squares that could overflow
    share = (2 * (there.scale.log() - here.scale.log())).sigmoid()
    loc = there.loc + share * (here.loc - there.loc)
    product: dist.Independent = dist.Normal(loc, here.scale * share.sqrt()).to_event(1)
    return product
