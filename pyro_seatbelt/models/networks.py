r"""Networks between images, features and latent layers.

Every network takes any number of leading dimensions: particles, batches and
sweeps come free. Image networks keep their convolutions in channels-last
layout, which is about a third faster on a CPU.

References:
    | Isolating Sources of Disentanglement in Variational Autoencoders (Chen et al., 2018)
    | https://arxiv.org/abs/1802.04942
"""

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

LOG_SCALE_BOUND = 6.0
r"""Scales stay within :math:`e^{\pm 6}`: unbounded exponentials overflow in deep chains."""

ImageShape = tuple[int, int, int]


class ImageEncoder(nn.Module):
    """Maps images to features; a subclass gives `_encode` for one leading dimension.

    Args:
        image_shape: Channels, height and width.
        num_features: Length of the feature vector.
    """

    def __init__(self, image_shape: ImageShape, num_features: int) -> None:
        super().__init__()
        self.image_shape = image_shape
        self.num_features = num_features

    def forward(self, x: Tensor) -> Tensor:
        """Encodes images.

        Args:
            x: Pixels in [0, 1], shape :math:`(*, C, H, W)`.

        Returns:
            Features, shape :math:`(*, F)`.

        Raises:
            ValueError: When the images have another shape than the network was made for.
        """
        if tuple(x.shape[-3:]) != self.image_shape:
            raise ValueError(
                f"expected images of shape (*, {', '.join(map(str, self.image_shape))}), "
                f"got {tuple(x.shape)}"
            )
        features: Tensor = self._encode(x.reshape(-1, *self.image_shape))
        return features.reshape(*x.shape[:-3], self.num_features)

    def _encode(self, x: Tensor) -> Tensor:
        raise NotImplementedError(f"{type(self).__name__} must define _encode")


class ConvEncoder(ImageEncoder):
    """The convolutional encoder of Chen et al. for 64x64 images, up to its last layer.

    Five strided convolutions with batch normalisation and ReLU. Their last
    1x1 convolution is the linear map of :class:`~pyro_seatbelt.models.ConditionalNormal`.

    Args:
        image_shape: Channels (1 or 3 or any number), 64 and 64.
        num_features: Length of the feature vector; 512 in the paper.

    Example:
        >>> ConvEncoder((1, 64, 64))(torch.rand(2, 5, 1, 64, 64)).shape
        torch.Size([2, 5, 512])
    """

    def __init__(self, image_shape: ImageShape, num_features: int = 512) -> None:
        super().__init__(image_shape, num_features)
        _require_64(image_shape)
        widths = (image_shape[0], 32, 32, 64, 64)
        layers: list[nn.Module] = []
        for fan_in, fan_out in pairwise(widths):
            layers += [nn.Conv2d(fan_in, fan_out, 4, 2, 1), nn.BatchNorm2d(fan_out), nn.ReLU()]
        layers += [nn.Conv2d(64, num_features, 4), nn.BatchNorm2d(num_features), nn.ReLU()]
        self.layers = nn.Sequential(*layers).to(memory_format=torch.channels_last)

    def _encode(self, x: Tensor) -> Tensor:
        features: Tensor = self.layers(x.contiguous(memory_format=torch.channels_last))
        return features.flatten(1)


class MLPEncoder(ImageEncoder):
    """The fully connected encoder of Chen et al., up to its last layer.

    Args:
        image_shape: Channels, height and width.
        num_features: Width of both hidden layers; 1200 in the paper.

    Example:
        >>> MLPEncoder((1, 8, 8), 16)(torch.rand(3, 1, 8, 8)).shape
        torch.Size([3, 16])
    """

    def __init__(self, image_shape: ImageShape, num_features: int = 1200) -> None:
        super().__init__(image_shape, num_features)
        self.layers = nn.Sequential(
            nn.Linear(math.prod(image_shape), num_features),
            nn.ReLU(),
            nn.Linear(num_features, num_features),
            nn.ReLU(),
        )

    def _encode(self, x: Tensor) -> Tensor:
        features: Tensor = self.layers(x.flatten(1))
        return features


class ImageDecoder(nn.Module):
    """Maps latent vectors to images; a subclass gives `_decode` for one leading dimension.

    Args:
        num_inputs: Length of the latent vector.
        image_shape: Channels, height and width.
    """

    def __init__(self, num_inputs: int, image_shape: ImageShape) -> None:
        super().__init__()
        self.num_inputs = num_inputs
        self.image_shape = image_shape

    def forward(self, z: Tensor) -> Tensor:
        """Decodes latent vectors.

        Args:
            z: Latent vectors, shape :math:`(*, D)`.

        Returns:
            One real number per pixel (logits), shape :math:`(*, C, H, W)`.
        """
        pixels: Tensor = self._decode(z.reshape(-1, self.num_inputs))
        return full_precision(pixels).reshape(*z.shape[:-1], *self.image_shape)

    def _decode(self, z: Tensor) -> Tensor:
        raise NotImplementedError(f"{type(self).__name__} must define _decode")


class ConvDecoder(ImageDecoder):
    """The convolutional decoder of Chen et al. for 64x64 images.

    Args:
        num_inputs: Length of the latent vector.
        image_shape: Channels, 64 and 64.
        num_features: Channels after the first layer; 512 in the paper.

    Example:
        >>> ConvDecoder(10, (3, 64, 64))(torch.zeros(2, 10)).shape
        torch.Size([2, 3, 64, 64])
    """

    def __init__(self, num_inputs: int, image_shape: ImageShape, num_features: int = 512) -> None:
        super().__init__(num_inputs, image_shape)
        _require_64(image_shape)
        layers: list[nn.Module] = [
            nn.ConvTranspose2d(num_inputs, num_features, 1),
            nn.BatchNorm2d(num_features),
            nn.ReLU(),
            nn.ConvTranspose2d(num_features, 64, 4),
            nn.BatchNorm2d(64),
            nn.ReLU(),
        ]
        widths = (64, 64, 32, 32)
        for fan_in, fan_out in pairwise(widths):
            layers += [
                nn.ConvTranspose2d(fan_in, fan_out, 4, 2, 1),
                nn.BatchNorm2d(fan_out),
                nn.ReLU(),
            ]
        layers += [nn.ConvTranspose2d(32, image_shape[0], 4, 2, 1)]
        self.layers = nn.Sequential(*layers).to(memory_format=torch.channels_last)

    def _decode(self, z: Tensor) -> Tensor:
        z = z[..., None, None].contiguous(memory_format=torch.channels_last)
        pixels: Tensor = self.layers(z)
        return pixels


class MLPDecoder(ImageDecoder):
    """The fully connected decoder of Chen et al.: three tanh layers.

    Args:
        num_inputs: Length of the latent vector.
        image_shape: Channels, height and width.
        num_features: Width of the hidden layers; 1200 in the paper.

    Example:
        >>> MLPDecoder(10, (1, 8, 8), 16)(torch.zeros(4, 10)).shape
        torch.Size([4, 1, 8, 8])
    """

    def __init__(self, num_inputs: int, image_shape: ImageShape, num_features: int = 1200) -> None:
        super().__init__(num_inputs, image_shape)
        self.layers = nn.Sequential(
            nn.Linear(num_inputs, num_features),
            nn.Tanh(),
            nn.Linear(num_features, num_features),
            nn.Tanh(),
            nn.Linear(num_features, num_features),
            nn.Tanh(),
            nn.Linear(num_features, math.prod(image_shape)),
        )

    def _decode(self, z: Tensor) -> Tensor:
        pixels: Tensor = self.layers(z)
        return pixels


def latent_network(num_inputs: int, num_outputs: int, num_features: int = 256) -> nn.Sequential:
    """A two-layer network from one latent layer to the parameters of the next.

    Example:
        >>> latent_network(10, 20)(torch.zeros(7, 3, 10)).shape
        torch.Size([7, 3, 20])
    """
    return nn.Sequential(
        nn.Linear(num_inputs, num_features),
        nn.ReLU(),
        nn.Linear(num_features, num_features),
        nn.ReLU(),
        nn.Linear(num_features, num_outputs),
    )


def bounded_scale(raw: Tensor) -> Tensor:
    r"""Makes scales within :math:`e^{\pm 6}` of real numbers.

    Example:
        >>> bounded_scale(torch.tensor([0.0, 1e9]))
        tensor([  1.0000, 403.4288])
    """
    return (LOG_SCALE_BOUND * torch.tanh(raw / LOG_SCALE_BOUND)).exp()


def concatenate(tensors: Sequence[Tensor]) -> Tensor:
    """Joins vectors along the last dimension after broadcasting the others.

    Example:
        >>> concatenate([torch.zeros(7, 3, 2), torch.zeros(3, 5)]).shape
        torch.Size([7, 3, 7])
    """
    lead = torch.broadcast_shapes(*(t.shape[:-1] for t in tensors))
    return torch.cat([t.expand(*lead, t.shape[-1]) for t in tensors], dim=-1)


def full_precision(t: Tensor) -> Tensor:
    """Lifts half-precision outputs to float32; densities in bfloat16 would lose whole nats."""
    return t.to(torch.promote_types(t.dtype, torch.float32))


def _require_64(image_shape: ImageShape) -> None:
    if image_shape[1:] != (64, 64):
        raise ValueError(
            f"the convolutional networks take 64x64 images, got {image_shape[1]}x{image_shape[2]}: "
            "resize the images or choose the mlp networks"
        )
