"""White shapes on black by their numbers in the published order."""

import math

import torch
from torch import Tensor

from pyro_seatbelt.drawn.sprites.grid import FACTOR_SIZES
from pyro_seatbelt.drawn.sprites.outlines import ellipse, heart, square, squared_radii

_SIZE = 64
_NUM_DIRECTIONS = 2048
_WINDOW = 30  # the largest shape, turned any way, fits


def sprite_factors(numbers: Tensor) -> Tensor:
    """Return the factors of images by their numbers in the published order.

    The published factor `color`, which has one value, is left out.

    Args:
        numbers: Image numbers, int64, shape `(B,)`.

    Returns:
        Class numbers in the order of the factors of the grid, int64, shape `(B, 5)`.

    Example:
        >>> sprite_factors(torch.tensor([0, 1, 32, 737279])).tolist()
        [[0, 0, 0, 0, 0], [0, 0, 0, 0, 1], [0, 0, 0, 1, 0], [2, 5, 39, 31, 31]]
    """
    classes = []
    for size in reversed(FACTOR_SIZES):
        classes.append(numbers % size)
        numbers = numbers // size
    return torch.stack(classes[::-1], -1)


def shape_radii() -> Tensor:
    """Measure the square, the ellipse and the heart from their centres in all directions.

    Returns:
        Squared distances to the outlines, float32, shape `(3 * 2048,)`.

    Example:
        >>> shape_radii().shape
        torch.Size([6144])
    """
    outlines = (square(), ellipse(), heart())
    return torch.cat([squared_radii(outline, _NUM_DIRECTIONS) for outline in outlines])


def draw_sprites(numbers: Tensor, radii: Tensor) -> Tensor:
    """Draw images by their numbers in the published order.

    Some pixels on the edges of shapes differ from the published file, and a few between kinds of
    devices.

    Args:
        numbers: Image numbers, int64, shape `(B,)`.
        radii: From :func:`shape_radii`, on the same device.

    Returns:
        Grey values 0 or 255, uint8, shape `(B, 1, 64, 64)`.

    References:
        | dSprites: Disentanglement testing Sprites dataset (Matthey et al., 2017)
        | https://github.com/google-deepmind/dsprites-dataset

    Example:
        >>> draw_sprites(torch.tensor([0, 245_760]), shape_radii()).shape
        torch.Size([2, 1, 64, 64])
    """
    shape, scale_class, orientation, column, row = sprite_factors(numbers).unbind(-1)
    scale = 0.5 + 0.1 * scale_class.float()
    angle = orientation.float() * (2 * math.pi / 39)
    x, y = 16 + column * (32 / 31), 16 + row * (32 / 31)
    left, top = (x - _WINDOW / 2).floor().long(), (y - _WINDOW / 2).floor().long()
    step = torch.arange(_WINDOW, device=numbers.device)
    columns, rows = left[:, None] + step, top[:, None] + step  # (B, W)
    dx = (columns + 0.5 - x[:, None]) / scale[:, None]
    dy = (rows + 0.5 - y[:, None]) / scale[:, None]
    # turn back into the shape's own frame
    cos, sin = angle.cos()[:, None], angle.sin()[:, None]
    u = (cos * dx)[:, None, :] - (sin * dy)[:, :, None]  # (B, W, W)
    v = (sin * dx)[:, None, :] + (cos * dy)[:, :, None]
    # in place: fresh memory for two million numbers costs more than the arithmetic
    sector = torch.atan2(v, u).add_(math.pi).mul_(_NUM_DIRECTIONS / (2 * math.pi)).long()
    sector.clamp_(0, _NUM_DIRECTIONS - 1).add_((shape * _NUM_DIRECTIONS)[:, None, None])
    inside = u.square_().add_(v.square_()) < radii[sector]
    images = torch.zeros(len(numbers), _SIZE**2, dtype=torch.uint8, device=numbers.device)
    pixels = (rows * _SIZE)[:, :, None] + columns[:, None, :]
    images.scatter_(1, pixels.flatten(1), inside.flatten(1).to(torch.uint8) * 255)
    return images.view(-1, 1, _SIZE, _SIZE)
