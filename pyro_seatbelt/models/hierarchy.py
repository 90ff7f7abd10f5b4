r"""The generative hierarchy: one parametrised family for every model of the paper.

References:
    | Disentangling Improves VAEs' Robustness to Adversarial Attacks (Willetts et al.), Eqs 6 and 8
"""

from collections.abc import Sequence

import pyro
import pyro.distributions as dist
import torch
from pyro.nn import PyroModule
from torch import Tensor, nn

from pyro_seatbelt.family import name_latents
from pyro_seatbelt.models.networks import concatenate


class Hierarchy(PyroModule):
    r"""A chain of latent layers with a decoder on the lowest, or on all of them.

    .. math::
        p(x, z_1 \dots z_L) = p(x \mid \cdot)\, \prod_{i<L} p(z_i \mid z_{i+1})\, N(z_L; 0, I)

    where the likelihood sees :math:`z_1` alone (``skip=False``, Eq 6) or the
    concatenation of every layer (``skip=True``, Eq 8).

    Args:
        decoder: Maps :math:`(*, D)` to :math:`(*, C, H, W)`, where D is the length of
            :math:`z_1`, or of all layers together with skips, and of the context if there is one.
        likelihood: Maps the decoder's output to a distribution over images.
        conditionals: The :math:`p(z_i \mid z_{i+1})`, lowest first; empty for one layer.
            Each maps a tensor to a distribution (see
            :class:`~pyro_seatbelt.models.ConditionalNormal`).
        top_dim: Length of :math:`z_L`.
        num_data: Size N of the data set that a minibatch stands for.
        skip: Whether the decoder sees every layer.
        latents: Names of the latent sites, lowest layer first; `z1` ... `zL` by default.
        image: Name of the site of the image.
        plate: Name of the plate over images.
        plate_dim: Its dimension, a negative number; by default the rightmost that is free. At -2
            images have shape :math:`(B, *, C, H, W)`, with room for a plate inside it.

    Raises:
        ValueError: Without images in the data set, or when the names are not one per layer.

    Example:
        >>> from pyro_seatbelt.models import ConvDecoder, Likelihood
        >>> model = Hierarchy(ConvDecoder(10, (1, 64, 64)), Likelihood("bernoulli"), top_dim=10,
        ...                   num_data=1000)
        >>> model(num_images=3).shape
        torch.Size([3, 1, 64, 64])
    """

    def __init__(
        self,
        decoder: nn.Module,
        likelihood: nn.Module,
        conditionals: Sequence[nn.Module] = (),
        *,
        top_dim: int,
        num_data: int,
        skip: bool = False,
        latents: Sequence[str] | None = None,
        image: str = "x",
        plate: str = "data",
        plate_dim: int | None = None,
    ) -> None:
        # a PyroModule runs only under the setting that it was made with; this one under both
        with pyro.settings.context(module_local_params=True):
            super().__init__()
        if num_data < 1:
            raise ValueError(f"expected num_data >= 1, got {num_data}")
        self.decoder = decoder
        self.likelihood = likelihood
        self.conditionals = nn.ModuleList(conditionals)
        self.top_dim = top_dim
        self.num_data = num_data
        self.skip = skip
        self.latents = name_latents(len(conditionals) + 1, latents)
        self.image = image
        self.plate = plate
        self.plate_dim = plate_dim
        # on a buffer, so that .to() moves the prior's dtype and device
        self.register_buffer("zero", torch.zeros(()), persistent=False)

    @property
    def num_layers(self) -> int:
        """The number L of latent layers."""
        return len(self.latents)

    def forward(self, x: Tensor | None = None, *context: Tensor, num_images: int = 1) -> Tensor:
        """Runs the generative program.

        Args:
            x: Observed pixels in [0, 1], shape :math:`(B, C, H, W)`; without
                them images are drawn from the prior.
            context: What every layer below the top and the decoder see besides, tensors of shape
                :math:`(B, F_k)`: labels make a conditional VAE.
            num_images: How many images to draw when `x` is None.

        Returns:
            The image: `x`, or a draw.
        """
        size = num_images if x is None else self.num_data
        *lower, top = self.latents
        with pyro.plate(self.plate, size, subsample=x, dim=self.plate_dim):
            prior = dist.Normal(self.zero.expand(self.top_dim), 1.0).to_event(1)
            z = [pyro.sample(top, prior)]
            for name, conditional in reversed(list(zip(lower, self.conditionals, strict=True))):
                z.insert(0, pyro.sample(name, conditional(z[0], *context)))
            seen = [*(z if self.skip else z[:1]), *context]
            logits = self.decoder(concatenate(seen) if len(seen) > 1 else z[0])
            image: Tensor = pyro.sample(self.image, self.likelihood(logits), obs=x)
        return image
