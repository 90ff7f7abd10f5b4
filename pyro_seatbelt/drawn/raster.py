"""Draws labelled convex quadrilaterals with a depth buffer, many views in one call."""

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Float32 = NDArray[np.float32]
Int32 = NDArray[np.int32]

_KEY_BITS = 30


class ScreenQuads(NamedTuple):
    """Convex quadrilaterals on the screens of several views.

    Attributes:
        x: Columns of the corners in order round the outline, in screen pixels, shape `(Q, 4)`.
        y: Rows of the corners, downwards, in screen pixels, shape `(Q, 4)`.
        nearness: One over the depth of each corner (it varies linearly across the screen, so
            perspective is exact), shape `(Q, 4)`.
        label: What a quadrilateral leaves in its pixels, int32, shape `(Q,)`.
        view: Which view each one belongs to, int32, shape `(Q,)`.
    """

    x: Float32
    y: Float32
    nearness: Float32
    label: Int32
    view: Int32


class _Spans(NamedTuple):
    """Runs of pixels in one row of one quadrilateral, each of shape `(S,)`."""

    quad: NDArray[np.int64]
    row: Int32
    first: Int32
    length: Int32


def rasterise(
    quads: ScreenQuads,
    *,
    num_views: int,
    resolution: int,
    nearest: float,
    farthest: float,
    label_bits: int = 8,
    background: int = 255,
) -> Tensor:
    """Draw quadrilaterals so that the nearest one shows in every pixel.

    A pixel belongs to a quadrilateral when its centre lies inside. There is no
    loop over quadrilaterals: all spans, then all their pixels, are laid out in
    flat arrays, and a scattered minimum over (depth, label) keys leaves the
    nearest label. The result does not depend on the order of drawing.

    Args:
        quads: What to draw.
        num_views: Number of images.
        resolution: Their height and width in pixels.
        nearest: Largest nearness that occurs, 1 / smallest depth.
        farthest: Smallest nearness that occurs, 1 / largest depth.
        label_bits: Labels are below 2 to this power; the other bits of 30 tell depths apart.
        background: Label where nothing is drawn.

    Returns:
        Labels, int32, shape `(num_views, resolution, resolution)`.

    Example:
        >>> import numpy as np
        >>> square = ScreenQuads(
        ...     x=np.array([[1, 3, 3, 1]], np.float32),
        ...     y=np.array([[0, 0, 2, 2]], np.float32),
        ...     nearness=np.full((1, 4), 0.5, np.float32),
        ...     label=np.array([7], np.int32),
        ...     view=np.array([0], np.int32),
        ... )
        >>> rasterise(square, num_views=1, resolution=4, nearest=1.0, farthest=0.1)[0, :3]
        tensor([[255,   7,   7, 255],
                [255,   7,   7, 255],
                [255, 255, 255, 255]], dtype=torch.int32)
    """
    num_depths = (1 << (_KEY_BITS - label_bits)) - 2
    steps = np.float32(num_depths / (nearest - farthest))
    spans = _spans(quads, resolution)
    slope_x, slope_y, offset = _planes(quads)
    quad, row, first, length = spans
    # depth steps fall by `per_column` a pixel; `start` is the value at the centre of column 0
    per_column = np.take(slope_x * steps, quad)
    row_centre = row + np.float32(0.5)
    start = (nearest - (np.take(slope_y, quad) * row_centre + np.take(offset, quad))) * steps
    start -= per_column * np.float32(0.5)
    # nearly edge-on quadrilaterals extrapolate wildly: keep each within its own corners' depths
    low = np.take((nearest - quads.nearness.max(1)) * steps, quad)
    high = np.take((nearest - quads.nearness.min(1)) * steps, quad)
    label = np.take(quads.label, quad)
    row_start = (np.take(quads.view, quad).astype(np.int64) * resolution + row) * resolution

    within, span = _ragged_arange(length)
    column = within + np.take(first, span)
    depth = np.take(start, span) - np.take(per_column, span) * column
    np.clip(depth, np.take(low, span), np.take(high, span), out=depth)
    key = (depth.astype(np.int32) << label_bits) | np.take(label, span)
    pixel = np.take(row_start, span) + column
    far_away = ((num_depths + 1) << label_bits) | background
    screen = torch.full((num_views * resolution**2,), far_away, dtype=torch.int32)
    screen.scatter_reduce_(0, torch.from_numpy(pixel), torch.from_numpy(key), "amin")
    return (screen & ((1 << label_bits) - 1)).view(num_views, resolution, resolution)


def downsample(images: Tensor, factor: int) -> Tensor:
    """Average square blocks of pixels.

    Args:
        images: Grey values, of any type, shape `(V, H, W)`.
        factor: Side of a block; it divides the height and the width.

    Returns:
        Rounded means, uint8, shape `(V, H // factor, W // factor)`.

    Example:
        >>> import torch
        >>> downsample(torch.tensor([[[0, 255], [0, 255]]], dtype=torch.uint8), 2)
        tensor([[[128]]], dtype=torch.uint8)
    """
    blocks = torch.nn.functional.avg_pool2d(images.unsqueeze(1).float(), factor)
    return (blocks + 0.5).to(torch.uint8).squeeze(1)


def _spans(quads: ScreenQuads, resolution: int) -> _Spans:
    """Cut every quadrilateral into the rows whose centres it covers."""
    x, y = quads.x, quads.y
    top = np.clip(np.ceil(y.min(1) - 0.5), 0, resolution).astype(np.int32)
    bottom = np.clip(np.floor(y.max(1) - 0.5), -1, resolution - 1).astype(np.int32)
    within, quad = _ragged_arange(np.maximum(bottom - top + 1, 0))
    row = within + np.take(top, quad)
    centre = row + np.float32(0.5)
    left = np.full(len(row), np.inf, np.float32)
    right = np.full(len(row), -np.inf, np.float32)
    for corner in range(4):
        following = (corner + 1) % 4
        xa, xb, ya, yb = x[:, corner], x[:, following], y[:, corner], y[:, following]
        rise = yb - ya
        slanted = np.abs(rise) > 1e-6
        slope = np.where(slanted, (xb - xa) / np.where(slanted, rise, 1), 0).astype(np.float32)
        crossing = np.take(xa - ya * slope, quad) + centre * np.take(slope, quad)
        crosses = np.take(np.minimum(ya, yb), quad) <= centre
        crosses &= centre < np.take(np.maximum(ya, yb), quad)
        np.minimum(left, crossing, out=left, where=crosses)
        np.maximum(right, crossing, out=right, where=crosses)
    # rows that no edge crosses keep left = inf and get no pixels
    first = np.clip(np.ceil(left - 0.5), 0, resolution).astype(np.int32)
    last = np.clip(np.floor(right - 0.5), -1, resolution - 1).astype(np.int32)
    length = np.maximum(last - first + 1, 0)
    kept = np.flatnonzero(length)
    return _Spans(quad[kept], row[kept], first[kept], length[kept])


def _planes(quads: ScreenQuads) -> tuple[Float32, Float32, Float32]:
    """Fit nearness = a x + b y + c to each quadrilateral, on its larger half for accuracy."""
    dx, dy, dn = (v[:, 1:] - v[:, :1] for v in (quads.x, quads.y, quads.nearness))
    first_half = dx[:, 0] * dy[:, 1] - dy[:, 0] * dx[:, 1]
    second_half = dx[:, 1] * dy[:, 2] - dy[:, 1] * dx[:, 2]
    corner = (np.abs(second_half) > np.abs(first_half)).astype(np.intp)
    quad = np.arange(len(corner))
    px, py, pn = (d[quad, corner] for d in (dx, dy, dn))
    qx, qy, qn = (d[quad, corner + 1] for d in (dx, dy, dn))
    area = px * qy - py * qx
    area = np.where(np.abs(area) < 1e-9, np.float32(1e-9), area)
    slope_x = (pn * qy - qn * py) / area
    slope_y = (qn * px - pn * qx) / area
    offset = quads.nearness[:, 0] - slope_x * quads.x[:, 0] - slope_y * quads.y[:, 0]
    return slope_x, slope_y, offset


def _ragged_arange(lengths: Int32) -> tuple[Int32, NDArray[np.int64]]:
    """Count 0, 1, ... within every run, and say which run each count belongs to."""
    owner = np.repeat(np.arange(len(lengths)), lengths)
    starts = np.cumsum(lengths) - lengths
    counts = np.arange(len(owner)) - np.take(starts, owner)
    return counts.astype(np.int32), owner
