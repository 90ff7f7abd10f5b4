"""Solves some problems of an attack together."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from pyro_seatbelt.attacks.draws import Draws
from pyro_seatbelt.attacks.objectives import Distance
from pyro_seatbelt.attacks.optimisers.minimum import Minimum, StopReason
from pyro_seatbelt.attacks.outcome import log_likelihoods, reconstruct
from pyro_seatbelt.attacks.pair import Pair, Program
from pyro_seatbelt.attacks.result import AttackResult
from pyro_seatbelt.attacks.start import feasible_descent, starting_point, zero_is_optimal
from pyro_seatbelt.errors import InputError
from pyro_seatbelt.progress import NO_NUMBERS, Progress
from pyro_seatbelt.traces.frozen_noise import noise_seed

if TYPE_CHECKING:
    from pyro_seatbelt.attacks.attack import Attack

_SMALLEST_NORM = 1e-12


class Solver:
    """Some problems of an attack while they are solved.

    Args:
        attack: The attack.
        pair: The model and the guide.
        x: The inputs of every pair, shape `(B, *image)`.
        target: Their targets; None for an untargeted attack.
        problems: Numbers of the problems to solve (``pair * len(weights) + weight``).

    Attributes:
        lower: Lower bounds of the distortions, shape `(n, D)`.
        upper: Upper bounds.
    """

    def __init__(
        self,
        attack: "Attack",
        pair: Pair,
        x: Tensor,
        target: Tensor | None,
        problems: Sequence[int],
    ) -> None:
        self.attack = attack
        self.pair = pair
        self.problems = problems
        number = torch.tensor(problems, device=x.device)
        self.pair_index = number // len(attack.weights)
        self.x = x[self.pair_index].detach()
        self.targeted = target is not None
        self.sign = 1.0 if target is not None else -1.0
        self.target = self.x if target is None else target[self.pair_index].detach()
        # MPS has no float64
        exact = torch.float32 if x.device.type == "mps" else torch.float64
        weights = torch.tensor(list(attack.weights), dtype=exact, device=x.device)
        self.weights = weights[number % len(attack.weights)]
        flat = self.x.flatten(1).to(exact)
        low, high = attack.limits
        self.lower, self.upper = low - flat, high - flat
        if attack.ball is not None:
            self.lower, self.upper = attack.ball.cut(self.lower, self.upper)
        self.chunk = max(1, self._rows() // attack.samples)

    def _rows(self) -> int:
        return self.attack.rows or (64 if self.x.device.type == "cpu" else 1024)

    def bind(self) -> Distance:
        """The distance of the problems, each with its target and its noise."""
        attack = self.attack
        draws = (
            Draws(1, None)
            if attack.noise == "mean"
            else Draws.frozen(self.problems, attack.samples, seed=attack.seed)
        )
        return attack.objective.bind(self.pair, self.target, draws)

    def run(self, progress: Progress) -> AttackResult:
        """Settles what needs no search, searches for the rest, and records the outcome."""
        attack = self.attack
        distance = self.bind()
        everyone = torch.arange(len(self.problems), device=self.x.device)
        zero = torch.zeros_like(self.lower)
        at_zero, gradient = self.distances(distance, zero, everyone)
        finite = at_zero.isfinite() & gradient.isfinite().all(1)
        descent = feasible_descent(self.sign * gradient, self.lower, self.upper)
        if not self.targeted:
            descent = zero  # the distance from itself is least at 0: what is left is rounding
        settled = finite & zero_is_optimal(descent, self.weights)
        settled = settled & self.targeted & attack.zero_test
        searched = (finite & ~settled).nonzero().squeeze(1)

        stop: list[StopReason] = ["zero" if ok else "nan" for ok in finite.tolist()]
        distortion, value = zero, self.sign * at_zero
        gradient_norm = torch.where(finite, 0, torch.nan).to(value)
        iterations = torch.zeros(len(stop), dtype=torch.int64)
        evaluations = torch.ones(len(stop), dtype=torch.int64)
        if len(searched):
            found = self._search(distance, descent, searched, progress)
            # where the search ends above d = 0, the attacker keeps d = 0
            worse = found.value > value[searched]
            rows = searched.cpu()
            distortion = distortion.index_copy(0, searched, torch.where(worse[:, None], 0, found.x))
            gradient_norm = gradient_norm.index_copy(
                0, searched, torch.where(worse, 0, found.gradient_norm)
            )
            iterations[rows] = found.iterations
            evaluations[rows] += found.evaluations
            for row, reason, kept in zip(rows.tolist(), found.stop, worse.tolist(), strict=True):
                stop[row] = "zero" if kept and reason != "nan" else reason
        else:
            progress("problems", len(stop), len(stop), {"round": 1})
        return self._outcome(distance, distortion, gradient_norm, iterations, evaluations, stop)

    def _search(
        self, distance: Distance, descent: Tensor, searched: Tensor, progress: Progress
    ) -> Minimum:
        attack = self.attack
        settled = len(self.problems) - len(searched)
        seeds = [noise_seed(attack.seed, self.problems[row], "start") for row in searched.tolist()]
        uniform = torch.stack(
            [
                torch.rand(
                    self.lower.shape[1],
                    generator=torch.Generator().manual_seed(seed),
                    dtype=torch.float64,
                )
                for seed in seeds
            ]
        )
        lower, upper = self.lower[searched], self.upper[searched]
        start = attack.start
        if start == "auto":
            start = "uniform" if self.targeted else "gradient"
        x0 = starting_point(start, descent[searched], lower, upper, (2 * uniform - 1).to(lower))

        def function(points: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
            return self.objective(distance, points, searched[rows])

        def report(
            stage: str, done: float, total: float, numbers: Mapping[str, Any] = NO_NUMBERS
        ) -> None:
            progress(stage, done + settled, total + settled, numbers)

        return attack.optimiser.minimise(
            function,
            x0,
            lower,
            upper,
            ball=attack.ball,
            seeds=torch.tensor(seeds) + 1,
            progress=report,
        )

    def objective(self, distance: Distance, points: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
        """The penalised objective and its gradient at some distortions.

        Args:
            distance: What :meth:`bind` returns.
            points: Distortions, shape `(m, D)`.
            rows: Which of the problems they belong to, shape `(m,)`.

        Returns:
            Values `(m,)` and gradients `(m, D)`.
        """
        values, gradients = self.distances(distance, points, rows)
        norm = torch.linalg.vector_norm(points, dim=1)
        weight = self.weights[rows]
        slope = weight / norm.clamp(min=_SMALLEST_NORM)
        return self.sign * values + weight * norm, self.sign * gradients + slope[:, None] * points

    def distances(self, distance: Distance, points: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
        """The distance and its gradient, a chunk of rows at a time."""
        values, gradients = [], []
        for some, own in zip(points.split(self.chunk), rows.split(self.chunk), strict=True):
            adversarial = self._adversarial(some, own).requires_grad_()
            value = distance(adversarial, own)
            if not value.requires_grad:
                raise InputError(
                    f"the posteriors at {', '.join(self.pair.layers)} do not depend on the image, "
                    "so no gradient reaches it: attack a guide whose networks read x"
                )
            (gradient,) = torch.autograd.grad(value.sum(), adversarial)
            values.append(value.detach())
            gradients.append(gradient.flatten(1))
        return torch.cat(values).to(points), torch.cat(gradients).to(points)

    def _adversarial(self, points: Tensor, rows: Tensor) -> Tensor:
        distortion = points.view(-1, *self.x.shape[1:]).to(self.x)
        return (self.x[rows] + distortion).clamp(*self.attack.limits)

    @torch.no_grad()
    def _outcome(
        self,
        distance: Distance,
        distortion: Tensor,
        gradient_norm: Tensor,
        iterations: Tensor,
        evaluations: Tensor,
        stop: list[StopReason],
    ) -> AttackResult:
        attack, model = self.attack, self.pair.model
        number = torch.tensor(self.problems, device=self.x.device)
        fresh = Draws.frozen(
            self.problems, attack.record_samples, seed=noise_seed(attack.seed, "record", "")
        )
        everyone = torch.arange(len(number), device=number.device)
        adversarial = self._adversarial(distortion, everyone)
        final = torch.cat(
            [distance(adversarial[rows], rows) for rows in everyone.split(self.chunk)]
        ).to(distortion)
        reconstruction = clean = target_nll = log_likelihood = None
        if model is not None:
            reconstruction = self._reconstruct(model, adversarial)
            # the problems of a pair share its input
            pairs, own = self.pair_index.unique(return_inverse=True)
            first = torch.stack([(self.pair_index == pair).nonzero()[0, 0] for pair in pairs])
            clean = self._reconstruct(model, self.x[first])[own]
            of_target, of_input = [], []
            for rows in everyone.split(max(1, self._rows() // attack.record_samples)):
                likelihoods = log_likelihoods(
                    self.pair,
                    model,
                    adversarial[rows],
                    [self.target[rows], self.x[rows]],
                    fresh,
                    rows,
                )
                of_target.append(likelihoods[0])
                of_input.append(likelihoods[1])
            target_nll, log_likelihood = -torch.cat(of_target), torch.cat(of_input)
        norm = torch.linalg.vector_norm(distortion, dim=1)
        result = AttackResult(
            mode=attack.objective.name,
            layers=self.pair.layers,
            targeted=self.targeted,
            problem=number,
            pair=self.pair_index,
            weight=self.weights,
            distortion=distortion.view_as(self.x).to(self.x),
            adversarial=adversarial,
            value=self.sign * final + self.weights * norm,
            distance=final,
            norm=norm,
            target_nll=target_nll,
            input_log_likelihood=log_likelihood,
            reconstruction=reconstruction,
            l2_target=None if reconstruction is None else _l2(reconstruction, self.target),
            l2_clean=None
            if reconstruction is None or clean is None
            else _l2(reconstruction, clean),
            gradient_norm=gradient_norm,
            iterations=iterations,
            evaluations=evaluations,
            stop=tuple(stop),
        )
        return result.cpu()

    def _reconstruct(self, model: Program, images: Tensor) -> Tensor:
        return torch.cat(
            [reconstruct(self.pair, model, some) for some in images.split(self._rows())]
        )


def _l2(one: Tensor, other: Tensor) -> Tensor:
    distance: Tensor = torch.linalg.vector_norm((one - other).flatten(1), dim=1)
    return distance
