r"""The two ends of a problem: the input and the target, between which an attack searches.

A distortion of 0 and one of :math:`x_t - x` are always allowed, so that no attack that has
converged ends above the objective at either of them. A search that does has failed.
"""

import torch
from torch import Tensor

from pyro_seatbelt.attacks.ball import Ball
from pyro_seatbelt.attacks.problems import Problems


def target_end(problems: Problems, ball: Ball | None = None) -> Tensor:
    """The distortion that turns inputs into their targets, as far as a ball lets it.

    Args:
        problems: Problems with targets.
        ball: Where the distortions must stay besides their box.

    Returns:
        In the box and the ball, shape `(n, D)`.
    """
    distortion = (problems.target.to(problems.lower) - problems.x.to(problems.lower)).flatten(1)
    if ball is not None:
        distortion = ball.project(distortion)
    return torch.minimum(torch.maximum(distortion, problems.lower), problems.upper)


def above_an_end(value: Tensor, *ends: Tensor | None) -> Tensor:
    """Whether a search ended above an end, or cannot be compared with it.

    Args:
        value: What the searches reached, shape `(n,)`.
        ends: The objective at each end; None for an end that the problems do not have.

    Returns:
        Shape `(n,)`; True wherever a value is NaN.

    Example:
        >>> nan = float("nan")
        >>> above_an_end(torch.tensor([1.0, 3.0, nan]), torch.tensor([2.0, 2.0, 2.0])).tolist()
        [False, True, True]
    """
    known = [end for end in ends if end is not None]
    return torch.stack([~(value <= end) for end in known]).any(0)
