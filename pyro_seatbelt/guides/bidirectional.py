r"""The guide of BIVA: some latents are drawn on the way up, the others on the way down.

References:
    | BIVA: A Very Deep Hierarchy of Latent Variables for Generative Modeling (Maaløe et al., 2019),
      Section 2.2
    | https://arxiv.org/abs/1902.02102
"""

from collections.abc import Sequence

import pyro
from torch import Tensor, nn

from pyro_seatbelt.family import name_bidirectional
from pyro_seatbelt.guides.bottom_up import BottomUp
from pyro_seatbelt.traces.children import child


class Bidirectional(BottomUp):
    r"""An amortised posterior that climbs with one latent of a layer and descends with the other.

    .. math::
        q(z \mid x) = \prod_{i<L} q(z_i^\mathrm{BU} \mid x, z_{<i}^\mathrm{BU})\;
            q(z_L \mid x, z_{<L}^\mathrm{BU})\;
            \prod_{i<L} q(z_i^\mathrm{TD} \mid x, z_{<i}^\mathrm{BU}, z_{>i})

    Features :math:`b_1` of the image and :math:`b_{i+1}` of :math:`b_i` and
    :math:`z_i^\mathrm{BU}` carry what is known on the way up to every layer; on the way down they
    meet the features that the model has of :math:`z_{>i}`, whose networks are the same modules.

    Args:
        encoder: Maps images :math:`(*, C, H, W)` to features :math:`b_1`, shape :math:`(*, F)`.
        conditionals: One per layer, lowest first: maps :math:`b_i` to the distribution of
            :math:`z_i^\mathrm{BU}`, the last to that of :math:`z_L`.
        upward: Maps :math:`b_i` and :math:`z_i^\mathrm{BU}` to :math:`b_{i+1}`, lowest first.
        downward: Those of the model
            (:class:`~pyro_seatbelt.models.BidirectionalHierarchy`).
        top_down: Maps :math:`b_i` and the features of :math:`z_{>i}` to the distribution of
            :math:`z_i^\mathrm{TD}`, lowest first.
        num_data: Size N of the data set that a minibatch stands for.

    Raises:
        ValueError: Without images in the data set, or when there are not as many of each network.

    Example:
        >>> import torch
        >>> from pyro_seatbelt import presets
        >>> family = presets.build(
        ...     "biva", layers=2, latent_dim=3, network="mlp", image_shape=(1, 8, 8), num_data=100
        ... )
        >>> [z.shape for z in family.guide(torch.rand(5, 1, 8, 8))]
        [torch.Size([5, 3]), torch.Size([5, 3]), torch.Size([5, 3])]
    """

    def __init__(
        self,
        encoder: nn.Module,
        conditionals: Sequence[nn.Module],
        *,
        upward: Sequence[nn.Module] = (),
        downward: Sequence[nn.Module] = (),
        top_down: Sequence[nn.Module] = (),
        num_data: int,
    ) -> None:
        super().__init__(encoder, conditionals, num_data=num_data)
        counts = [len(each) for each in (upward, downward, top_down)]
        if counts != [len(conditionals) - 1] * 3:
            raise ValueError(
                f"expected {len(conditionals) - 1} networks up, down and of latents on the way "
                f"down, for {len(conditionals)} layers, got {', '.join(map(str, counts))}"
            )
        self.latents = name_bidirectional(len(conditionals))
        self.upward = nn.ModuleList(upward)
        self.downward = nn.ModuleList(downward)
        self.top_down = nn.ModuleList(top_down)

    def _draw(self, features: Tensor, *context: Tensor) -> list[Tensor]:
        upward, downward, top_down = (
            child(self, name) for name in ("upward", "downward", "top_down")
        )
        known = [features]
        climbed: list[Tensor] = []
        names = [*self.latents[:-1:2], self.latents[-1]]
        for layer, (name, conditional) in enumerate(
            zip(names, child(self, "conditionals"), strict=True)
        ):
            if layer:
                known.append(upward[layer - 1](known[-1], climbed[-1]))
            climbed.append(pyro.sample(name, conditional(known[-1], *context)))
        z = [climbed[-1]]
        for layer in reversed(range(len(upward))):
            above = downward[layer](*z)
            posterior = top_down[layer](known[layer], above, *context)
            z = [climbed[layer], pyro.sample(self.latents[2 * layer + 1], posterior), *z]
        return z
