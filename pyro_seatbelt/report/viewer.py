"""Attacks as something to move through: words and places for the script of the page."""

import math
from collections.abc import Sequence
from typing import Any

from pyro_seatbelt.report.attacks import AttackSection
from pyro_seatbelt.report.pair_view import PairView, Problem
from pyro_seatbelt.report.quantity import ABSENT, measured, quantity

STOPS = {
    "zero": "d = 0 is already optimal",
    "value": "the objective no longer fell",
    "gradient": "the gradient vanished",
    "iterations": "cap on iterations",
    "evaluations": "cap on evaluations",
    "line-search": "no step went lower",
    "steps": "all its steps made",
    "nan": "given up: not finite",
    "target": "nothing is better than the target itself",
}
"""Why an optimiser stopped, in words."""


def sprite_id(prefix: str, attack: int, pair: int) -> str:
    """Names the sprite of a pair within a page.

    Args:
        prefix: Of the run.
        attack: Number of the attack.
        pair: Number of the pair in it.

    Example:
        >>> sprite_id("run-1", 0, 2)
        'run-1-sprite-0-2'
    """
    return f"{prefix}-sprite-{attack}-{pair}"


def windows(pair: PairView, problem: Problem) -> list[str]:
    """Where the six images of a problem lie in the sprite of its pair.

    Args:
        pair: The pair.
        problem: One of its problems.

    Returns:
        A `viewBox` for each of :data:`pyro_seatbelt.plots.attack_panels.PANELS`.
    """
    clean, reconstruction, target = pair.cells
    adversarial, distortion, adversarial_reconstruction = problem.cells
    cells = (clean, reconstruction, adversarial, distortion, adversarial_reconstruction, target)
    return [pair.sprite.window(cell) for cell in cells]


def readings(problem: Problem) -> list[str]:
    """The numbers beside the images of a problem, as texts.

    Args:
        problem: The problem.

    Returns:
        The objective, its distance, the size of the distortion, the negative log-likelihood and
        the distance of the target, that of the clean reconstruction, why the optimiser stopped.
    """
    numbers = (
        problem.value,
        problem.distance,
        problem.norm,
        problem.target_nll,
        problem.l2_target,
        problem.l2_clean,
    )
    return [*map(measured, numbers), STOPS.get(problem.stop, problem.stop or ABSENT)]


def penalty(problem: Problem) -> str:
    """The penalty of a problem as text.

    Args:
        problem: The problem.
    """
    return quantity(problem.weight, 2)


def spoken(problem: Problem, *, shown: bool) -> str:
    """What a screen reader says where the slider stands.

    Args:
        problem: The problem there.
        shown: Whether it is the one that the paper's figures would show.
    """
    text = f"lambda {penalty(problem)}, |d| {quantity(problem.norm, 2)}"
    return f"{text}, the paper's choice" if shown else text


def script_data(prefix: str, attacks: Sequence[AttackSection]) -> list[dict[str, Any]]:
    """All that the script of the page needs, as JSON has it.

    Args:
        prefix: Of the run.
        attacks: Its attacks.

    Returns:
        For each attack its name and its pairs, and for each of those its problems.
    """
    return [
        {
            "label": attack.label,
            "pairs": [
                {
                    "label": pair.label,
                    "sprite": sprite_id(prefix, number, place),
                    "shown": pair.shown,
                    "norm": _trace([each.norm for each in pair.problems]),
                    "l2": _trace([each.l2_target for each in pair.problems]),
                    "problems": [
                        {
                            "penalty": penalty(each),
                            "spoken": spoken(each, shown=index == pair.shown),
                            "windows": windows(pair, each),
                            "readings": readings(each),
                        }
                        for index, each in enumerate(pair.problems)
                    ],
                }
                for place, pair in enumerate(attack.pairs)
            ],
        }
        for number, attack in enumerate(attacks)
        if attack.pairs
    ]


def _trace(values: Sequence[float]) -> dict[str, str]:
    """A line over the penalties, from 0 to the largest value: on a plane of 100 by 100.

    It is a part of the control: the script draws it over the slider, with a cursor at its place.
    """
    finite = [value for value in values if math.isfinite(value)]
    top = max(finite, default=0.0)
    step = 100 / max(1, len(values) - 1)
    points = [
        f"{round(index * step, 2):g},{round(100 - 100 * value / top, 1):g}"
        for index, value in enumerate(values)
        if math.isfinite(value) and top > 0
    ]
    return {"points": " ".join(points), "top": quantity(top, 3)}
