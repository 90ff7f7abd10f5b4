"""Projected gradient descent in a norm ball, on many problems at once."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from pyro_seatbelt.attacks.ball import Ball
from pyro_seatbelt.attacks.modes import Norm
from pyro_seatbelt.attacks.optimisers.minimum import Minimum
from pyro_seatbelt.attacks.optimisers.optimiser import BatchedFunction, Optimiser, check_box
from pyro_seatbelt.attacks.optimisers.visits import Visits
from pyro_seatbelt.errors import InputError
from pyro_seatbelt.progress import Progress, silent


@dataclass(frozen=True, kw_only=True)
class PGD(Optimiser):
    r"""Projected gradient descent over the intersection of a ball and a box.

    .. math::
        d \leftarrow \Pi\left(d - \alpha\, g / \|g\|_2\right) \quad (L_2), \qquad
        d \leftarrow \Pi\left(d - \alpha\, \mathrm{sign}(g)\right) \quad (L_\infty)

    Attributes:
        steps: Steps of each run.
        restarts: Runs; the first starts where the attack says, the others at random points of
            the ball. The best point of all of them counts.
        step_size: Length of a step as a share of the radius; :math:`2.5 / \text{steps}` by
            default, so that a run can cross the ball whatever its number of steps.

    Raises:
        InputError: For a setting out of range.

    References:
        | Towards Deep Learning Models Resistant to Adversarial Attacks (Madry et al., 2018)
        | https://arxiv.org/abs/1706.06083

    Example:
        >>> x0 = torch.zeros(1, 2)
        >>> def linear(d, problems):
        ...     return d.sum(1), torch.ones_like(d)
        >>> thorough = PGD(steps=100, restarts=3, step_size=0.05)
        >>> thorough.minimise(linear, x0, x0 - 1, x0 + 1, ball=Ball("linf", 0.5)).x
        tensor([[-0.5000, -0.5000]])
    """

    balls: ClassVar[frozenset[Norm | None]] = frozenset({"l2", "linf"})
    line_search: ClassVar[bool] = False

    steps: int = 40
    restarts: int = 1
    step_size: float | None = None

    def __post_init__(self) -> None:
        for name in ("steps", "restarts"):
            if getattr(self, name) < 1:
                raise InputError(f"expected {name} >= 1, got {getattr(self, name)}")
        if self.step_size is not None and not self.step_size > 0:
            raise InputError(f"expected step_size > 0, got {self.step_size}")

    def minimise(
        self,
        function: BatchedFunction,
        x0: Tensor,
        lower: Tensor,
        upper: Tensor,
        *,
        ball: Ball | None = None,
        seeds: Tensor | None = None,
        progress: Progress = silent,
    ) -> Minimum:
        """Finds the best point that each problem visits (see :class:`Optimiser`).

        The box must hold 0; clipping to it after the projection onto the ball then never leaves
        the ball.
        """
        self.check_ball(ball)
        assert ball is not None
        x0, lower, upper = check_box(x0, lower, upper, ball)
        if not bool(((lower <= 0) & (upper >= 0)).all()):
            raise ValueError("expected a box of distortions that holds 0")
        seeds = torch.arange(len(x0)) if seeds is None else seeds.cpu()
        generators = [torch.Generator().manual_seed(int(seed)) for seed in seeds]
        length = ball.radius * (self.step_size or 2.5 / self.steps)

        def project(distortion: Tensor) -> Tensor:
            return torch.minimum(torch.maximum(ball.project(distortion), lower), upper)

        visits = Visits(function, x0, progress)
        for restart in range(self.restarts):
            start = x0
            if restart:
                draws = [ball.sample(1, x0.shape[1], generator) for generator in generators]
                start = torch.cat(draws).to(x0)
            x = project(start)
            for _ in range(self.steps + 1):
                if visits.over:
                    break
                x = project(x - length * ball.ascent(visits.gradients(x)))
        return visits.minimum(lower, upper, starts=self.restarts)
