"""What guides have in common whose networks read images."""

from abc import abstractmethod
from collections.abc import Sequence

import pyro
from pyro.nn import PyroModule
from torch import Tensor, nn

from pyro_seatbelt.family import name_latents
from pyro_seatbelt.traces.children import child


class AmortisedGuide(PyroModule):
    """A guide that encodes images and draws latents given their features, in a plate over images.

    Args:
        encoder: Maps images :math:`(*, C, H, W)` to features :math:`(*, F)`.
        conditionals: One per layer, lowest first.
        num_data: Size N of the data set that a minibatch stands for.
        latents: Names of the latent sites, lowest layer first; `z1` ... `zL` by default.
        plate: Name of the plate over images.
        plate_dim: Its dimension, a negative number; by default the rightmost that is free. At -2
            images have shape :math:`(B, *, C, H, W)`, with room for a plate inside it.

    Raises:
        ValueError: Without a conditional or images in the data set, or when the names are not one
            per layer.
    """

    def __init__(
        self,
        encoder: nn.Module,
        conditionals: Sequence[nn.Module],
        *,
        num_data: int,
        latents: Sequence[str] | None = None,
        plate: str = "data",
        plate_dim: int | None = None,
    ) -> None:
        # a PyroModule runs only under the setting that it was made with; this one under both
        with pyro.settings.context(module_local_params=True):
            super().__init__()
        if not conditionals:
            raise ValueError("expected one conditional per layer, got none")
        if num_data < 1:
            raise ValueError(f"expected num_data >= 1, got {num_data}")
        self.encoder = encoder
        self.conditionals = nn.ModuleList(conditionals)
        self.num_data = num_data
        self.latents = name_latents(len(conditionals), latents)
        self.plate = plate
        self.plate_dim = plate_dim

    def forward(self, x: Tensor, *context: Tensor) -> list[Tensor]:
        """Draws every latent given images.

        Args:
            x: Pixels in [0, 1], shape :math:`(B, C, H, W)`.
            context: What every conditional sees besides, after its other inputs, tensors of shape
                :math:`(B, F_k)`: labels make a conditional VAE.

        Returns:
            The latents in the order of `latents`, lowest layer first, each of shape
            :math:`(*, B, D_i)`.
        """
        with pyro.plate(self.plate, self.num_data, subsample=x, dim=self.plate_dim):
            return self._draw(child(self, "encoder")(x), *context)

    @abstractmethod
    def _draw(self, features: Tensor, *context: Tensor) -> list[Tensor]:
        """Draws every latent given the features of images."""
