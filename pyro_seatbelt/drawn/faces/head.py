"""The head that all synthetic faces are shaped from.

``head.npz`` holds the head of the MakeHuman base mesh and how its targets move
the corners, as published with MPFB2 under CC0: see NOTICE.
"""

from collections import defaultdict
from dataclasses import dataclass
from functools import cache
from importlib import resources
from itertools import product
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pyro_seatbelt.drawn.mesh import Points

_OPPOSITES = (
    ("incr", "decr"), ("up", "down"), ("out", "in"), ("forward", "backward"),
    ("convex", "concave"), ("uncompress", "compress"), ("right", "left"),
)  # fmt: skip
# they only move a part sideways or the head as a whole
_LEFT_OUT = (
    "head/head-trans-", "nose/nose-trans-in", "nose/nose-trans-out", "mouth/mouth-trans-in",
    "mouth/mouth-trans-out",
)  # fmt: skip
# quadrilaterals with longer diagonals are cut in 2x2 or 4x4, in the units of the mesh
_LONG, _VERY_LONG = 0.13, 0.26


class Opposites(NamedTuple):
    """Two shapes that undo each other, with all parts of the face that take them together.

    Attributes:
        name: Without left and right: `eye-scale`.
        more: Shapes one way: the left and the right one, or a single one.
        less: Shapes the other way, in the same order.
    """

    name: str
    more: tuple[int, ...]
    less: tuple[int, ...]


class SurfaceGrid(NamedTuple):
    """The mesh with its large faces cut up.

    Attributes:
        parents: Corners of the original mesh between which each point lies, shape `(P, 4)`.
        shares: How much of each, shape `(P, 4)`; a row adds up to one.
        quads: Points at the corners of each face, shape `(Q, 4)`.
        eye: Which eye a face is part of: 0 none, 1 one, 2 the other; shape `(Q,)`.
    """

    parents: NDArray[np.int64]
    shares: NDArray[np.float64]
    quads: NDArray[np.int64]
    eye: NDArray[np.int64]

    def at(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Interpolate what is known at the original corners, shape `(N, ...)`, to the points."""
        shares = self.shares.reshape(*self.shares.shape, *[1] * (values.ndim - 1))
        interpolated: NDArray[np.float64] = (values[self.parents] * shares).sum(1)
        return interpolated


@dataclass(frozen=True, eq=False)
class Head:
    """The mean head and what can be done to it.

    Attributes:
        points: Corners of the mesh: x to the right, y to the back, z up; shape `(N, 3)`.
        quads: Corners of each face, shape `(F, 4)`.
        shapes: Names of all shapes in order.
        moves: How each shape at full strength moves the corners, in steps, int8, shape
            `(S, N, 3)`.
        steps: Size of a step of each shape, shape `(S,)`.
        opposites: Pairs of shapes that undo each other.
        grid: The mesh with its large faces cut up.
    """

    points: Points
    quads: NDArray[np.int64]
    shapes: tuple[str, ...]
    moves: NDArray[np.int8]
    steps: NDArray[np.float64]
    opposites: tuple[Opposites, ...]
    grid: SurfaceGrid

    def shaped(self, strengths: NDArray[np.float64]) -> Points:
        """Move the corners.

        Args:
            strengths: How much of each shape, shape `(S,)`.

        Returns:
            Corners, shape `(N, 3)`.
        """
        used = np.flatnonzero(strengths)
        weights = (strengths * self.steps)[used]
        moved: Points = self.points + np.tensordot(weights, self.moves[used].astype(float), 1)
        return moved

    def reach(self, *names: str) -> NDArray[np.float64]:
        """Measure how far any of some shapes moves each corner, as a share of the most."""
        rows = [self.shapes.index(name) for name in names]
        reach = np.abs(self.moves[rows] * self.steps[rows, None, None]).max((0, 2))
        shares: NDArray[np.float64] = reach / reach.max()
        return shares


@cache
def head() -> Head:
    """Read the head that comes with the library.

    Returns:
        The head.

    Example:
        >>> head().points.shape, head().quads.shape
        ((4510, 3), (4482, 4))
    """
    asset = resources.files("pyro_seatbelt.drawn.faces") / "head.npz"
    with asset.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
        x, up, front = arrays["v"].astype(float).T
        points = np.stack([x, -front, up], 1)
        moves = np.ascontiguousarray(arrays["delta"][:, :, [0, 2, 1]])
        moves[:, :, 1] *= -1
        quads = arrays["quads"].astype(np.int64)
        shapes = tuple(str(name) for name in arrays["names"])
        steps = arrays["scale"].astype(float) / 127
        eye = arrays["eye"].astype(np.int64)
    eyeballs = np.flatnonzero(eye)
    eye[eyeballs[len(eyeballs) // 2 :]] = 2
    return Head(
        points=points,
        quads=quads,
        shapes=shapes,
        moves=moves,
        steps=steps,
        opposites=_opposites(shapes),
        grid=_cut(points, quads, eye),
    )


def _opposites(shapes: tuple[str, ...]) -> tuple[Opposites, ...]:
    """Pair shapes by their names, left and right ones together."""
    numbers = {name: number for number, name in enumerate(shapes)}
    pairs: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for name, number in numbers.items():
        if name.startswith(("macrodetails", *_LEFT_OUT)):
            continue
        for more, less in _OPPOSITES:
            stem = name.removesuffix(f"-{more}")
            if stem != name and f"{stem}-{less}" in numbers:
                both = stem.replace("/l-", "/").replace("/r-", "/") + f"-{more}"
                pairs[both].append((number, numbers[f"{stem}-{less}"]))
    return tuple(
        Opposites(name, *(tuple(side) for side in zip(*numbers, strict=True)))
        for name, numbers in pairs.items()
    )


def _cut(points: Points, quads: NDArray[np.int64], eye: NDArray[np.int64]) -> SurfaceGrid:
    """Cut large faces into smaller ones; points on an edge are shared by both sides of it."""
    corners = points[quads]
    diagonal = np.linalg.norm(corners[:, [0, 1]] - corners[:, [2, 3]], axis=-1).max(1)
    cuts = np.where(diagonal > _VERY_LONG, 4, np.where(diagonal > _LONG, 2, 1))
    numbers: dict[tuple[tuple[int, float], ...], int] = {}
    small_quads: list[list[int]] = []
    for quad, count in zip(quads.tolist(), cuts.tolist(), strict=True):
        grid = [
            [_number(quad, row / count, column / count, numbers) for column in range(count + 1)]
            for row in range(count + 1)
        ]
        small_quads += [
            [grid[r][c], grid[r][c + 1], grid[r + 1][c + 1], grid[r + 1][c]]
            for r, c in product(range(count), repeat=2)
        ]
    padded = [[*lies, *[(0, 0.0)] * (4 - len(lies))] for lies in numbers]
    table = np.array(padded)
    return SurfaceGrid(
        parents=table[..., 0].astype(np.int64),
        shares=table[..., 1],
        quads=np.array(small_quads),
        eye=np.repeat(eye, cuts**2),
    )


def _number(
    quad: list[int], row: float, column: float, numbers: dict[tuple[tuple[int, float], ...], int]
) -> int:
    """Return the number of a point within a face, a new one if it is a new point."""
    shares = [(1 - row) * (1 - column), (1 - row) * column, row * column, row * (1 - column)]
    lies = tuple(sorted((c, s) for c, s in zip(quad, shares, strict=True) if s))
    return numbers.setdefault(lies, len(numbers))
