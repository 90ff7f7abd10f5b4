"""The images and numbers of attacks, pair by pair, packed for a page."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pyro_seatbelt.evaluation.attack_summary import shown_rows
from pyro_seatbelt.plots.attack_panels import normalised
from pyro_seatbelt.report.byte_budget import ByteBudget
from pyro_seatbelt.report.sprite import Sprite, make_sprite
from pyro_seatbelt.runs.records import Findings

_QUALITIES = (None, 85, 60)
"""From every pixel as it is to the smallest."""


@dataclass(frozen=True, kw_only=True)
class Problem:
    r"""One attack on one pair with one penalty.

    Attributes:
        weight: The penalty :math:`\lambda`.
        value: The final objective :math:`\Delta`.
        distance: Its distance alone.
        norm: :math:`\|d\|_2`.
        target_nll: :math:`-\log p(x_t \mid \tilde z)`, nats.
        l2_target: Distance of the adversarial reconstruction from the target.
        l2_clean: Its distance from the reconstruction of the input.
        stop: Why the optimiser stopped.
        cells: Places of the adversarial input, the distortion and the adversarial reconstruction
            in the sprite of the pair.
    """

    weight: float
    value: float
    distance: float
    norm: float
    target_nll: float
    l2_target: float
    l2_clean: float
    stop: str
    cells: tuple[int, int, int]


@dataclass(frozen=True, kw_only=True)
class PairView:
    """An input and a target, and what was found between them.

    Attributes:
        label: Its name.
        sprite: All its images.
        cells: Places of the input, its reconstruction and the target in the sprite; without a
            target its place is taken by the input, from which the attack moves away.
        problems: One for each penalty, the smallest first.
        shown: Which of them the paper's figures would show.
    """

    label: str
    sprite: Sprite
    cells: tuple[int, int, int]
    problems: Sequence[Problem]
    shown: int


def pair_views(attacks: Sequence[Findings], budget: ByteBudget) -> list[list[PairView]]:
    """Packs what attacks found.

    Args:
        attacks: What each attack found, its rows sorted by pair and penalty.
        budget: How much fits. Images are kept pixel by pixel if they fit like that, else packed
            with a loss; what still does not fit is left out, pair by pair.

    Returns:
        The pairs of each attack.
    """
    unpacked = [_unpacked(found) for found in attacks]
    views: list[list[PairView]] = [[] for _ in attacks]
    order = list(_in_turns(unpacked))
    if not order:
        return views
    for quality in _QUALITIES:
        sample = order[0][1].packed(quality).sprite.num_bytes
        if quality == _QUALITIES[-1] or 1.1 * sample * len(order) <= budget.left:
            break
    for number, pair in order:
        view = pair.packed(quality)
        if budget.take(view.sprite.num_bytes):
            views[number].append(view)
    return views


@dataclass(frozen=True)
class _Unpacked:
    """A pair, before its images are packed."""

    label: str
    images: Sequence[NDArray[np.uint8]]
    problems: Sequence[Problem]
    shown: int

    def packed(self, quality: int | None) -> PairView:
        sprite, cells = make_sprite(self.images, quality=quality)
        places = np.reshape(cells[3:], (-1, 3)).tolist()
        return PairView(
            label=self.label,
            sprite=sprite,
            cells=(cells[0], cells[1], cells[2]),
            problems=[
                replace(problem, cells=tuple(place))
                for problem, place in zip(self.problems, places, strict=True)
            ],
            shown=self.shown,
        )


def _in_turns(attacks: Sequence[Sequence[_Unpacked]]) -> Iterator[tuple[int, _Unpacked]]:
    """The first pair of every attack, then the second: few pairs serve all attacks alike."""
    for place in range(max(map(len, attacks), default=0)):
        for number, pairs in enumerate(attacks):
            if place < len(pairs):
                yield number, pairs[place]


def _unpacked(found: Findings) -> list[_Unpacked]:
    chosen = shown_rows(found.table)
    pairs = []
    for pair, rows in found.table.groupby("pair", sort=True):
        place, at = int(pair), rows.index.to_numpy()
        clean = found.pairs["input"][place]
        images = [clean, found.pairs.get("input_reconstruction", found.pairs["input"])[place]]
        images.append(found.pairs.get("target", found.pairs["input"])[place])
        again = found.images.get("reconstruction", np.zeros_like(found.images["adversarial"]))
        visible = normalised(found.images["distortion"][at])
        for row, distortion in zip(at, visible, strict=True):
            images += [found.images["adversarial"][row], distortion, again[row]]
        pairs.append(
            _Unpacked(
                label=_pair_label(place, rows.iloc[0]),
                images=[_bytes(image) for image in images],
                problems=[_problem(row) for _, row in rows.iterrows()],
                shown=int(np.flatnonzero(at == chosen[place])[0]) if place in chosen else 0,
            )
        )
    return pairs


def _bytes(image: NDArray[Any]) -> NDArray[np.uint8]:
    pixels: NDArray[np.uint8] = (np.nan_to_num(image).clip(0, 1) * 255 + 0.5).astype(np.uint8)
    return pixels


def _pair_label(pair: int, row: pd.Series) -> str:
    ends = [row.get(f"{name}_image") for name in ("input", "target")]
    if any(end is None for end in ends):
        return str(pair)
    return f"{pair}: image {ends[0]} to {ends[1]}"


def _problem(row: pd.Series) -> Problem:
    def cell(name: str) -> float:
        value = row.get(name)
        return math.nan if value is None or isinstance(value, str) else float(value)

    return Problem(
        weight=cell("weight"),
        value=cell("value"),
        distance=cell("distance"),
        norm=cell("norm"),
        target_nll=cell("target_nll"),
        l2_target=cell("l2_target"),
        l2_clean=cell("l2_clean"),
        stop=str(row.get("stop", "")),
        cells=(0, 0, 0),
    )
