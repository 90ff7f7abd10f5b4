"""What the optimiser of an attack minimises: a distance and the penalty on the distortion."""

from collections.abc import Sequence

import torch
from torch import Tensor

from pyro_seatbelt.attacks.objectives.objective import Distance
from pyro_seatbelt.attacks.problems import Problems
from pyro_seatbelt.errors import InputError

_SMALLEST_NORM = 1e-12


class PenalisedDistance:
    r"""The function :math:`\pm \text{distance}(x + d, x_t) + \lambda \|d\|_2` of some problems.

    Args:
        distance: The distance of distorted inputs.
        problems: The problems.
        layers: The sites that it looks at.
        chunk: Problems of one pass through the networks.
    """

    def __init__(
        self, distance: Distance, problems: Problems, *, layers: Sequence[str], chunk: int
    ) -> None:
        self.problems = problems
        self._distance = distance
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
            value = self._distance(adversarial, own)
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
    def of_images(self, adversarial: Tensor) -> Tensor:
        """The distance alone of a distorted input of every problem.

        Args:
            adversarial: Shape `(n, *image)`.

        Returns:
            Shape `(n,)`.
        """
        some = self.problems.rows.split(self._chunk)
        return torch.cat([self._distance(adversarial[rows], rows) for rows in some])
