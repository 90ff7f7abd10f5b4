r"""Networks whose L2 Lipschitz constant is bounded by construction.

References:
    | Almost-Orthogonal Layers for Efficient General-Purpose Lipschitz Networks
      (Prach and Lampert, 2022), Theorem 1, https://arxiv.org/abs/2208.03160
    | Sorting Out Lipschitz Function Approximation (Anil et al., 2019), the activation,
      https://arxiv.org/abs/1811.05381
    | Certifiably Robust Variational Autoencoders (Barrett et al., 2022),
      https://arxiv.org/abs/2102.07559
"""

import math
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import parametrize

from pyro_seatbelt.errors import InputError
from pyro_seatbelt.models.networks import ImageDecoder, ImageEncoder, ImageShape

ENCODER_LIPSCHITZ = 0.5
"""Of the posterior means: images some 15 apart get means some 7 apart at most, which is what a
standard normal prior in ten dimensions asks for."""

PIXEL_SLOPE = 0.25
"""Of the mean of a pixel in the decoder's output, at most: a sigmoid's in all likelihoods but the
continuous Bernoulli, whose mean is flatter."""

_MARGIN = 1e-5
"""Keeps the norm of a layer below 1 also after rounding in float32."""


class AlmostOrthogonal(nn.Module):
    r"""A parametrisation of a weight that bounds the norm of its layer by 1.

    With the Gram matrix :math:`G = W^\top W`, the map W D with
    :math:`D_{jj} = (\sum_k |G_{jk}|)^{-1/2}` has a spectral norm of 1 at most: this is exact, where
    power iteration underestimates a norm, and it costs one product. The Gram matrix of the outputs
    is taken instead where these are fewer. A convolution with zero padding is a part of the one on
    an infinite grid, and one of stride s is one of stride 1 on the :math:`s^2` phases of its input;
    a transposed convolution has the norm of the convolution.

    Args:
        stride: Of the convolution; it divides the size of the kernel.

    Example:
        >>> layer = nn.Linear(8, 5)
        >>> parametrize.register_parametrization(layer, "weight", AlmostOrthogonal()).weight.shape
        torch.Size([5, 8])
        >>> bool(torch.linalg.matrix_norm(layer.weight, 2) <= 1)
        True
    """

    def __init__(self, stride: int = 1) -> None:
        super().__init__()
        self.stride = stride

    def forward(self, weight: Tensor) -> Tensor:
        """Scales a weight.

        Args:
            weight: Shape `(out, in)` of a linear map, or `(out, in, k, k)`; of a transposed
                convolution, `(in, out, k, k)`.

        Returns:
            The same shape.
        """
        kernel = self.phases(weight if weight.dim() == 4 else weight[:, :, None, None])
        by_input = kernel.shape[1] <= kernel.shape[0]
        some = kernel.transpose(0, 1) if by_input else kernel
        gram = F.conv2d(some, some, padding=some.shape[-1] - 1)
        scale = (gram.abs().sum((1, 2, 3)) * (1 + _MARGIN) + torch.finfo(gram.dtype).tiny).rsqrt()
        scaled = kernel * (scale[:, None, None] if by_input else scale[:, None, None, None])
        return self.kernel(scaled, weight.shape)

    def phases(self, weight: Tensor) -> Tensor:
        """A kernel of stride s as one of stride 1 on s * s times as many channels."""
        out, inputs, size, _ = weight.shape
        small = size // self.stride
        parts = weight.reshape(out, inputs, small, self.stride, small, self.stride)
        return parts.permute(0, 1, 3, 5, 2, 4).reshape(out, -1, small, small)

    def kernel(self, phases: Tensor, shape: torch.Size) -> Tensor:
        """Takes back what :meth:`phases` does, to the shape of the weight."""
        small = phases.shape[-1]
        parts = phases.reshape(shape[0], shape[1], self.stride, self.stride, small, small)
        return parts.permute(0, 1, 4, 2, 5, 3).reshape(shape)


class MaxMin(nn.Module):
    """Sorts pairs of channels: an activation that keeps the norm of gradients, where ReLU loses it.

    Example:
        >>> MaxMin()(torch.tensor([[1.0, 2.0, 3.0, -4.0]]))
        tensor([[ 2.,  3.,  1., -4.]])
    """

    def forward(self, x: Tensor) -> Tensor:
        """Sorts.

        Args:
            x: Shape `(B, C, *)`, C even: channel c is paired with channel C/2 + c at most.
        """
        one, other = x.unflatten(1, (-1, 2)).unbind(2)
        return torch.cat([torch.maximum(one, other), torch.minimum(one, other)], 1)


def bounded(layer: nn.Linear | nn.Conv2d | nn.ConvTranspose2d) -> nn.Module:
    """Bounds the norm of a layer by 1, from a start that keeps norms where it can.

    A convolution starts as an orthogonal map of each block of pixels by itself: from another start
    the bound leaves little of the signal after some layers.

    Args:
        layer: The layer.

    Returns:
        The same layer.
    """
    stride = 1 if isinstance(layer, nn.Linear) else layer.stride[0]
    bound = AlmostOrthogonal(stride)
    with torch.no_grad():
        if isinstance(layer, nn.Linear):
            nn.init.orthogonal_(layer.weight)
        else:
            phases = torch.zeros_like(bound.phases(layer.weight))
            phases[..., 0, 0] = nn.init.orthogonal_(torch.empty_like(phases[..., 0, 0]))
            layer.weight.copy_(bound.kernel(phases, layer.weight.shape))
        if layer.bias is not None:
            layer.bias.zero_()
    return parametrize.register_parametrization(layer, "weight", bound)


class LipschitzEncoder(ImageEncoder):
    """A convolutional encoder whose features move no faster than the image.

    Strided convolutions and a linear map, each of norm 1 at most, and no batch normalisation.

    Args:
        image_shape: Channels, and a height and width that 16 divides.
        num_features: Length of the feature vector, an even number.

    Raises:
        ValueError: When the images or the features have another size.

    Example:
        >>> encoder = LipschitzEncoder((1, 32, 32), 16)
        >>> x, d = torch.rand(1, 1, 32, 32), 0.1 * torch.rand(1, 1, 32, 32)
        >>> bool((encoder(x + d) - encoder(x)).norm() <= d.norm())
        True
    """

    def __init__(self, image_shape: ImageShape, num_features: int = 512) -> None:
        super().__init__(image_shape, num_features)
        _check(image_shape, num_features)
        layers: list[nn.Module] = []
        for fan_in, fan_out in pairwise((image_shape[0], 32, 32, 64, 64)):
            layers += [bounded(nn.Conv2d(fan_in, fan_out, 4, 2, 1)), MaxMin()]
        size = 64 * math.prod(image_shape[1:]) // 256
        layers += [nn.Flatten(), bounded(nn.Linear(size, num_features)), MaxMin()]
        self.layers = nn.Sequential(*layers)

    def _encode(self, x: Tensor) -> Tensor:
        features: Tensor = self.layers(x)
        return features


class LipschitzHead(nn.Module):
    """From features to means that move no faster than they do, and to log-scales that may.

    Args:
        num_inputs: Length of the feature vector.
        num_outputs: Twice the length of the latent layer.
        lipschitz: How many times as fast the means may move.

    Example:
        >>> LipschitzHead(16, 10)(torch.rand(3, 16)).shape
        torch.Size([3, 10])
    """

    def __init__(
        self, num_inputs: int, num_outputs: int, *, lipschitz: float = ENCODER_LIPSCHITZ
    ) -> None:
        super().__init__()
        self.loc = bounded(nn.Linear(num_inputs, num_outputs // 2))
        self.raw_scale = nn.Linear(num_inputs, num_outputs // 2)
        self.lipschitz = lipschitz

    def forward(self, features: Tensor) -> Tensor:
        """Gives means and raw log-scales.

        Args:
            features: Shape :math:`(*, F)`.

        Returns:
            Both side by side, shape :math:`(*, 2D)`.
        """
        return torch.cat([self.lipschitz * self.loc(features), self.raw_scale(features)], -1)


class LipschitzDecoder(ImageDecoder):
    """A convolutional decoder with a bound on how fast its pixels move with the latents.

    Args:
        num_inputs: Length of the latent vector.
        image_shape: Channels, and a height and width that 16 divides.
        num_features: Width after the first layer, an even number.
        lipschitz: The bound, of what it returns.

    Raises:
        ValueError: When the images or the features have another size.

    Example:
        >>> decoder = LipschitzDecoder(4, (1, 32, 32), 16, lipschitz=2.0)
        >>> z, d = torch.randn(1, 4), 0.1 * torch.randn(1, 4)
        >>> bool((decoder(z + d) - decoder(z)).norm() <= 2 * d.norm())
        True
    """

    def __init__(
        self,
        num_inputs: int,
        image_shape: ImageShape,
        num_features: int = 512,
        *,
        lipschitz: float = 1.0,
    ) -> None:
        super().__init__(num_inputs, image_shape)
        _check(image_shape, num_features)
        channels, height, width = image_shape
        size = 64 * height * width // 256
        layers: list[nn.Module] = [
            bounded(nn.Linear(num_inputs, num_features)),
            MaxMin(),
            bounded(nn.Linear(num_features, size)),
            MaxMin(),
            nn.Unflatten(1, (64, height // 16, width // 16)),
        ]
        for fan_in, fan_out in pairwise((64, 64, 32, 32)):
            layers += [bounded(nn.ConvTranspose2d(fan_in, fan_out, 4, 2, 1)), MaxMin()]
        layers += [bounded(nn.ConvTranspose2d(32, channels, 4, 2, 1))]
        self.layers = nn.Sequential(*layers)
        self.shift = nn.Parameter(torch.zeros(channels, 1, 1))
        self.lipschitz = lipschitz

    def _decode(self, z: Tensor) -> Tensor:
        pixels: Tensor = self.lipschitz * self.layers(z) + self.shift
        return pixels


def fix_weights(module: nn.Module) -> None:
    """Puts weights in the place of parametrisations, once no more is learned: it is much faster.

    Args:
        module: The module; its weights are as large as they were in effect.
    """
    for each in module.modules():
        if parametrize.is_parametrized(each, "weight"):
            parametrize.remove_parametrizations(each, "weight")


def _check(image_shape: ImageShape, num_features: int) -> None:
    if image_shape[1] % 16 or image_shape[2] % 16:
        raise InputError(
            f"the lipschitz networks take sides that 16 divides, got {image_shape[1]}x"
            f"{image_shape[2]}: resize the images or choose the mlp networks"
        )
    if num_features % 2:
        raise InputError(f"expected an even number of features, got {num_features}")
