"""Pixels in [-1, 1] for an encoder, where those of the user are in [0, 1]."""

from torch import Tensor, nn

SIGNED_SLOPE = 2.0
"""How many times as fast as pixels in [0, 1] those in [-1, 1] move."""


class SignedPixels(nn.Module):
    """Shows an encoder its images in [-1, 1].

    Convolutions pad with 0, which is then the middle grey instead of black: that is
    why the map stands before the encoder and cannot be folded into its weights.

    Args:
        encoder: Maps images in [-1, 1], shape `(*, C, H, W)`, to features, shape `(*, F)`.

    Example:
        >>> import torch
        >>> SignedPixels(nn.Identity())(torch.tensor([0.0, 0.5, 1.0]))
        tensor([-1.,  0.,  1.])
    """

    def __init__(self, encoder: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, x: Tensor) -> Tensor:
        """Encodes images.

        Args:
            x: Pixels in [0, 1], shape `(*, C, H, W)`.

        Returns:
            Features, shape `(*, F)`.
        """
        features: Tensor = self.encoder(SIGNED_SLOPE * x - 1)
        return features
