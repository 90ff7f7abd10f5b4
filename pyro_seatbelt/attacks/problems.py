"""Some problems of an attack: what moves where, how far, and the function that each minimises."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from pyro_seatbelt.attacks.ball import Ball
from pyro_seatbelt.attacks.limits import Limits, bounds, check_range
from pyro_seatbelt.attacks.objectives.objective import Distance
from pyro_seatbelt.errors import InputError

_SMALLEST_NORM = 1e-12


@dataclass(frozen=True)
class Problems:
    r"""Problems that are solved together, a row per problem.

    Attributes:
        numbers: Number of each problem, ``pair * len(weights) + weight``.
        pair: Index of its input-target pair, shape `(n,)`.
        x: Its input, shape `(n, *image)`.
        target: Its target, of the same shape: the input itself without a target.
        targeted: Whether there are targets; without them the distance is maximised.
        weight: Its penalty :math:`\lambda`, shape `(n,)`.
        lower: Lower bounds of its distortion, shape `(n, D)`.
        upper: Upper bounds.
        low: The least image in the range of the data, in a shape that broadcasts with `x`.
        high: The largest.
    """

    numbers: Sequence[int]
    pair: Tensor
    x: Tensor
    target: Tensor
    targeted: bool
    weight: Tensor
    lower: Tensor
    upper: Tensor
    low: Tensor
    high: Tensor

    @staticmethod
    def choose(
        numbers: Sequence[int],
        x: Tensor,
        target: Tensor | None,
        weights: Sequence[float],
        *,
        limits: Limits,
        ball: Ball | None = None,
    ) -> "Problems":
        """Picks some of the problems of all pairs and weights.

        Args:
            numbers: Their numbers.
            x: The inputs of every pair, shape `(B, *image)`.
            target: Their targets; None for an untargeted attack.
            weights: The penalties of every pair.
            limits: The range of the data.
            ball: Where the distortions must stay besides.
        """
        number = torch.tensor(numbers, device=x.device)
        pair = number // len(weights)
        own = x[pair].detach()
        # MPS has no float64
        exact = torch.float32 if x.device.type == "mps" else torch.float64
        every = torch.tensor(list(weights), dtype=exact, device=x.device)
        lower, upper = distortion_bounds(own, limits, exact)
        if ball is not None:
            lower, upper = ball.cut(lower, upper)
        low, high = bounds(limits, own)
        return Problems(
            numbers=numbers,
            pair=pair,
            x=own,
            target=own if target is None else target[pair].detach(),
            targeted=target is not None,
            weight=every[number % len(weights)],
            lower=lower,
            upper=upper,
            low=low,
            high=high,
        )

    def __len__(self) -> int:
        return len(self.numbers)

    @property
    def rows(self) -> Tensor:
        """All of them, by row: 0, 1, ..., shape `(n,)`."""
        return torch.arange(len(self), device=self.x.device)

    @property
    def sign(self) -> float:
        """What the distance is multiplied by, to be minimised."""
        return 1.0 if self.targeted else -1.0

    def adversarial(self, distortions: Tensor, rows: Tensor) -> Tensor:
        """The distorted inputs of some of the problems, in the range of the data.

        Args:
            distortions: Shape `(m, D)`.
            rows: Whose they are, shape `(m,)`.

        Returns:
            Shape `(m, *image)`.
        """
        distortion = distortions.view(-1, *self.x.shape[1:]).to(self.x)
        return (self.x[rows] + distortion).clamp(self.low, self.high)


class PenalisedDistance:
    r"""The function :math:`\pm \text{distance}(x + d, x_t) + \lambda \|d\|_2` of some problems.

    Args:
        distance: The distance of distorted inputs.
        problems: The problems.
        layers: The sites that it looks at.
        chunk: Problems of one pass through the networks.
        searched: An estimate of the distance to search by, if that is another one at each call:
            what is found is judged by `distance` all the same.
    """

    def __init__(
        self,
        distance: Distance,
        problems: Problems,
        *,
        layers: Sequence[str],
        chunk: int,
        searched: Distance | None = None,
    ) -> None:
        self.problems = problems
        self._distance = distance
        self._searched = searched or distance
        self._layers = layers
        self._chunk = chunk

    def __call__(self, points: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
        """The function and its gradient.

        Args:
            points: Distortions, shape `(m, D)`.
            rows: Which of the problems they belong to, shape `(m,)`.

        Returns:
            Values `(m,)` and gradients `(m, D)`.
        """
        sign, weight = self.problems.sign, self.problems.weight[rows]
        values, gradients = self.distances(points, rows)
        norm = torch.linalg.vector_norm(points, dim=1)
        slope = weight / norm.clamp(min=_SMALLEST_NORM)
        return sign * values + weight * norm, sign * gradients + slope[:, None] * points

    def distances(self, points: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
        """The distance alone and its gradient, a chunk of rows at a time.

        Args:
            points: Distortions, shape `(m, D)`.
            rows: Which of the problems they belong to, shape `(m,)`.

        Returns:
            Values `(m,)` and gradients `(m, D)`.

        Raises:
            InputError: When the distance does not depend on the image.
        """
        values, gradients = [], []
        for some, own in zip(points.split(self._chunk), rows.split(self._chunk), strict=True):
            adversarial = self.problems.adversarial(some, own).requires_grad_()
            value = self._searched(adversarial, own)
            if not value.requires_grad:
                raise InputError(
                    f"the posteriors at {', '.join(self._layers)} do not depend on the image, "
                    "so no gradient reaches it: attack a guide whose networks read x"
                )
            (gradient,) = torch.autograd.grad(value.sum(), adversarial)
            values.append(value.detach())
            gradients.append(gradient.flatten(1))
        return torch.cat(values).to(points), torch.cat(gradients).to(points)

    @torch.no_grad()
    def judge(self, points: Tensor) -> tuple[Tensor, Tensor]:
        """The function at a point of every problem, without its gradient.

        All problems are evaluated, in the same batches at every call: equal points have equal
        values, to the last bit.

        Args:
            points: Distortions, shape `(n, D)`.

        Returns:
            Values and distances, each of shape `(n,)`.
        """
        problems = self.problems
        adversarial = problems.adversarial(points, problems.rows)
        some = problems.rows.split(self._chunk)
        distance = torch.cat([self._distance(adversarial[rows], rows) for rows in some]).to(points)
        norm = torch.linalg.vector_norm(points, dim=1)
        return problems.sign * distance + problems.weight * norm, distance


def distortion_bounds(x: Tensor, limits: Limits, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """The box of the distortions that leave images in the range of the data.

    Args:
        x: The images, shape `(n, *image)`.
        limits: The range.
        dtype: Of the bounds.

    Returns:
        Lower and upper bounds, shape `(n, D)`; no distortion is in every box.
    """
    low, high = bounds(limits, x, dtype)
    images = x.to(dtype)
    return (low - images).flatten(1).clamp(max=0), (high - images).flatten(1).clamp(min=0)


def check_images(x: Tensor, target: Tensor | None, limits: Limits) -> None:
    """Finds out whether images can be attacked.

    Args:
        x: The inputs.
        target: Their targets, if there are any.
        limits: The range of the data.

    Raises:
        InputError: When they are no images in the range, or a target equals its input.
    """
    for name, images in (("input", x), ("target", target)):
        if images is None:
            continue
        if images.ndim < 2 or not len(images) or not images.is_floating_point():
            raise InputError(
                f"expected {name}s of shape (pairs, *image) and a floating dtype, got "
                f"{tuple(images.shape)} of {images.dtype}"
            )
        check_range(name, images, limits)
    if target is None:
        return
    if target.shape != x.shape or target.dtype != x.dtype or target.device != x.device:
        raise InputError(
            f"expected inputs and targets alike, got {tuple(x.shape)} of {x.dtype} on "
            f"{x.device} and {tuple(target.shape)} of {target.dtype} on {target.device}"
        )
    equal = (x == target).flatten(1).all(1)
    if bool(equal.any()):
        raise InputError(
            f"pair {int(equal.nonzero()[0])}: the target equals the input, so there is nothing "
            "to attack; choose another target"
        )
