"""An attack, as a page shows it."""

from collections.abc import Sequence
from dataclasses import dataclass

from pyro_seatbelt.report.parts import Chart, Fact, Table
from pyro_seatbelt.report.sprite import Sprite


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
        cells: Places of the input, its reconstruction and the target in the sprite.
        problems: One for each penalty, the smallest first.
        shown: Which of them the paper's figures would show.
    """

    label: str
    sprite: Sprite
    cells: tuple[int, int, int]
    problems: Sequence[Problem]
    shown: int


@dataclass(frozen=True, kw_only=True)
class AttackSection:
    """One attack on a run.

    Attributes:
        label: Its name.
        facts: How it was made.
        summary: Means over its problems.
        chart: Its distortion-distance curves.
        pairs: What can be looked at, pair by pair.
        note: What is left out.
    """

    label: str
    facts: Sequence[Fact]
    summary: Table
    chart: Chart | None
    pairs: Sequence[PairView]
    note: str = ""
