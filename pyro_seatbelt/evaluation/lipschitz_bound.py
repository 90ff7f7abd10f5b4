r"""How much a network can stretch the distance of two inputs, at most.

References:
    | The Singular Values of Convolutional Layers (Sedghi et al., 2019),
      https://arxiv.org/abs/1805.10408
"""

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from torch.nn.modules.conv import _ConvNd

FREQUENCIES_PER_DEGREE = 32
r"""How finely symbols are sampled: the bound is :math:`1 / \cos(\pi / 32)`, 0.5 %, too large."""

SLOPES: dict[type[nn.Module], float] = {
    nn.Identity: 1.0,
    nn.Flatten: 1.0,
    nn.ReLU: 1.0,
    nn.Tanh: 1.0,
    nn.Sigmoid: 0.25,
}
"""The steepest slope of layers without weights."""


def lipschitz_bound(module: nn.Module) -> float:
    r"""An upper bound of the L2 Lipschitz constant of a sequence of layers.

    The product of the layers' norms: exact for one linear map, within 0.5 % of the norm on the
    infinite plane for one convolution (which no finite image with zeros around it exceeds), and
    often far too large for many layers. The weights are those of now, in float64; rounding, here
    and in the network's own arithmetic, is not counted.

    Args:
        module: A `Sequential`, nested or not, of linear maps, convolutions, transposed
            convolutions, batch normalisation in evaluation mode, and :data:`SLOPES`.

    Returns:
        The bound: :math:`\|f(a) - f(b)\| \le L \|a - b\|` for all a and b.

    Raises:
        NotImplementedError: For a layer of another kind or setting.

    Example:
        >>> layer = nn.Linear(2, 2)
        >>> with torch.no_grad():
        ...     _ = layer.weight.copy_(torch.tensor([[3.0, 0.0], [0.0, 2.0]]))
        >>> round(lipschitz_bound(nn.Sequential(layer, nn.Sigmoid())), 6)
        0.75
    """
    if type(module) is nn.Sequential:
        return math.prod(lipschitz_bound(layer) for layer in module)
    if type(module) is nn.Linear:
        return matrix_norm(module.weight)
    if type(module) is nn.Conv2d or type(module) is nn.ConvTranspose2d:
        return _convolution_norm(module)
    if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
        return _normalisation_gain(module)
    if type(module) in SLOPES:
        return SLOPES[type(module)]
    raise NotImplementedError(f"no Lipschitz bound is known for a layer {type(module).__name__}")


def matrix_norm(weight: Tensor) -> float:
    """The largest singular value of a matrix, in float64.

    Example:
        >>> round(matrix_norm(torch.eye(3)), 6)
        1.0
    """
    return float(torch.linalg.matrix_norm(weight.detach().double(), ord=2))


def _convolution_norm(layer: "_ConvNd") -> float:
    stride = layer.stride
    if layer.groups != 1 or set(layer.dilation) != {1} or layer.padding_mode != "zeros":
        raise NotImplementedError(
            f"no Lipschitz bound is known for a {type(layer).__name__} with groups, dilation or "
            "padding other than zeros"
        )
    # a transposed convolution is the adjoint of the convolution with the same weights
    kernel = layer.weight.detach().double()
    rows, columns = (-(-size // step) for size, step in zip(kernel.shape[2:], stride, strict=True))
    pad = (0, columns * stride[1] - kernel.shape[3], 0, rows * stride[0] - kernel.shape[2])
    kernel = nn.functional.pad(kernel, pad)
    # strided: one more input channel for each place within a stride
    phases = kernel.reshape(*kernel.shape[:2], rows, stride[0], columns, stride[1])
    phases = phases.permute(0, 1, 3, 5, 2, 4).flatten(1, 3)  # (out, in * stride^2, rows, columns)
    degrees = (rows - 1, columns - 1)
    grid = [max(1, FREQUENCIES_PER_DEGREE * degree) for degree in degrees]
    symbol = torch.fft.fft2(phases, s=grid).permute(2, 3, 0, 1)
    if symbol.shape[2] > symbol.shape[3]:
        symbol = symbol.mH
    largest = max(float(torch.linalg.eigvalsh(row @ row.mH).max()) for row in symbol)
    # |u* A v|^2 is a trigonometric polynomial of those degrees: between two samples it rises by
    # no more than 1 / cos(degree * pi / samples) along each axis (M. Riesz)
    rise = math.prod(
        1 / math.cos(math.pi * degree / size) for degree, size in zip(degrees, grid, strict=True)
    )
    return math.sqrt(max(0.0, largest) * rise)


def _normalisation_gain(layer: nn.BatchNorm1d | nn.BatchNorm2d) -> float:
    if layer.training or layer.running_var is None:
        raise NotImplementedError(
            f"a {type(layer).__name__} in training mode mixes images and has no Lipschitz bound: "
            "call eval() first"
        )
    gain = (layer.running_var.double() + layer.eps).rsqrt()
    if layer.affine:
        gain = gain * layer.weight.detach().double().abs()
    return float(gain.max())
