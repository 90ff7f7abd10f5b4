r"""The generative program of BIVA: two latents per layer, and connections from every layer to all.

References:
    | BIVA: A Very Deep Hierarchy of Latent Variables for Generative Modeling (Maaløe et al., 2019),
      Section 2.1
    | https://arxiv.org/abs/1902.02102
"""

from collections.abc import Sequence

import pyro
import pyro.distributions as dist
from torch import Tensor, nn

from pyro_seatbelt.family import name_bidirectional
from pyro_seatbelt.models.hierarchy import Hierarchy
from pyro_seatbelt.models.networks import concatenate


class BidirectionalHierarchy(Hierarchy):
    r"""A hierarchy whose layers below the top have a bottom-up and a top-down latent each.

    .. math::
        p(x, z) = p(x \mid z)\, N(z_L; 0, I) \prod_{i<L}
            p(z_i^\mathrm{BU} \mid z_{>i})\, p(z_i^\mathrm{TD} \mid z_{>i})

    Every conditional and the likelihood see all latents above them. The two latents of a layer
    have the same parents and differ in the guide, which draws the one on its way up and the other
    on its way down (:class:`~pyro_seatbelt.guides.Bidirectional`). With one layer it is a VAE.

    Args:
        decoder: Maps :math:`(*, D)` to :math:`(*, C, H, W)`, where D is the length of all latents
            together.
        likelihood: Maps the decoder's output to a distribution over images.
        downward: The deterministic way down, lowest first: maps the latents :math:`z_{>i}` to
            features of layer i, for every layer but the top. The guide shares it.
        bottom_up: Maps the features to :math:`p(z_i^\mathrm{BU} \mid z_{>i})`, lowest first.
        top_down: The same for :math:`z_i^\mathrm{TD}`.
        top_dim: Length of :math:`z_L`.
        num_data: Size N of the data set that a minibatch stands for.

    Raises:
        ValueError: Without images in the data set, or when there are not as many of each network.

    Example:
        >>> from pyro_seatbelt.models import ConditionalNormal, Likelihood, MLPDecoder
        >>> model = BidirectionalHierarchy(
        ...     MLPDecoder(3 + 3 + 2, (1, 8, 8), 16), Likelihood("bernoulli"),
        ...     downward=[nn.Linear(2, 5)], bottom_up=[ConditionalNormal(nn.Linear(5, 6))],
        ...     top_down=[ConditionalNormal(nn.Linear(5, 6))], top_dim=2, num_data=100,
        ... )
        >>> model.latents, model(num_images=4).shape
        (('z1_bu', 'z1_td', 'z2'), torch.Size([4, 1, 8, 8]))
    """

    def __init__(
        self,
        decoder: nn.Module,
        likelihood: nn.Module,
        *,
        downward: Sequence[nn.Module] = (),
        bottom_up: Sequence[nn.Module] = (),
        top_down: Sequence[nn.Module] = (),
        top_dim: int,
        num_data: int,
    ) -> None:
        pairs = [each for both in zip(bottom_up, top_down, strict=True) for each in both]
        super().__init__(
            decoder,
            likelihood,
            pairs,
            top_dim=top_dim,
            num_data=num_data,
            skip=True,
            latents=name_bidirectional(len(bottom_up) + 1),
        )
        if len(downward) != len(bottom_up):
            raise ValueError(
                f"expected a way down to each of {len(bottom_up)} layers, got {len(downward)}"
            )
        self.downward = nn.ModuleList(downward)

    @property
    def num_layers(self) -> int:
        """The number L of layers."""
        return len(self.downward) + 1

    def forward(self, x: Tensor | None = None, *context: Tensor, num_images: int = 1) -> Tensor:
        """Runs the generative program (see :class:`Hierarchy`)."""
        size = num_images if x is None else self.num_data
        with pyro.plate(self.plate, size, subsample=x, dim=self.plate_dim):
            prior = dist.Normal(self.zero.expand(self.top_dim), 1.0).to_event(1)
            z = [pyro.sample(self.latents[-1], prior)]
            for layer in reversed(range(self.num_layers - 1)):
                features = self.downward[layer](*z)
                lower = [
                    pyro.sample(self.latents[i], self.conditionals[i](features, *context))
                    for i in (2 * layer + 1, 2 * layer)
                ]
                z = [*reversed(lower), *z]
            logits = self.decoder(concatenate([*z, *context]))
            image: Tensor = pyro.sample(self.image, self.likelihood(logits), obs=x)
        return image
