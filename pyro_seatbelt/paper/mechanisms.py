r"""What makes large numbers of an attack: the same problems, with one thing done otherwise.

The objective that an attack reaches, :math:`\Delta = \text{distance} + \lambda \|d\|`, is read as
robustness where it is large. It is large, too, where a search failed, where its noise was drawn
afresh, or where posteriors are sharp. Each column here changes one of these and keeps the rest.

References:
    | Obfuscated Gradients Give a False Sense of Security (Athalye et al., 2018)
    | Disentangling Improves VAEs' Robustness to Adversarial Attacks (Willetts et al.), Section 5.2
"""

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd
import torch
from torch import Tensor
from torch.distributions import Distribution

from pyro_seatbelt.attacks.attack import BoundAttack
from pyro_seatbelt.attacks.latent_draws import LatentDraws
from pyro_seatbelt.attacks.objectives import LatentW2
from pyro_seatbelt.attacks.problems import PenalisedDistance
from pyro_seatbelt.attacks.result import l2_distance
from pyro_seatbelt.attacks.search_mode import search_mode
from pyro_seatbelt.attacks.solver import first_points, solve
from pyro_seatbelt.traces.frozen_noise import FrozenNoise, noise_seed

CLIPPED_TO = 1.0
"""The largest norm of a clipped gradient."""

VARIANTS = {
    "value": "as here, from the input alone",
    "both_ends": "searched from both ends",
    "fresh": "noise drawn afresh",
    "last": "value last evaluated",
    "clipped": "gradients clipped",
    "squared": "squared norm of d",
    "w2": "W2 in place of KL",
    "clean": "no search at all",
}
"""The columns of :func:`mechanisms` that are objectives, and what is done otherwise in each."""


def mechanisms(attack: BoundAttack) -> pd.DataFrame:
    r"""Attacks every pair with every penalty, each time with one thing done otherwise.

    All searches start at U(-1e-8, 1e-8), have the optimiser of the attack, and are not tested at 0
    beforehand.

    Args:
        attack: A latent attack with targets, bound to a pair of a model and a guide.

    Returns:
        A row per problem with `pair`, `weight`, `norm` and these objectives, in nats but for `w2`:

        - `value`: frozen noise that both sides share, exact gradients, the best value seen;
        - `both_ends`: the lower one of this and of a search from :math:`x_t - x`;
        - `fresh`: the noise of the two sides is drawn apart, and again at every evaluation: the
          value that the optimiser believed to be the best;
        - `last`: the value last evaluated by the search of `value`, not the best;
        - `clipped`: gradients are clipped to a norm of 1;
        - `squared`: the penalty is :math:`\lambda \|d\|^2`;
        - `w2`: the squared 2-Wasserstein distance and the penalty, at the d of `value`;
        - `clean`: the distance at d = 0, and `planted`: the objective at d = x_t - x.
    """
    parts = [_group(attack, numbers) for numbers in attack.groups]
    return pd.concat(parts, ignore_index=True)


def clean_distances(attack: BoundAttack) -> pd.DataFrame:
    """The distances between the posteriors of inputs and targets as they are.

    Args:
        attack: A latent attack with targets, bound to a pair of a model and a guide.

    Returns:
        A row per pair: `pair`, `clean` (by the distance of the attack) and `clean_w2`.
    """
    numbers = range(0, len(attack.x) * len(attack.attack.weights), len(attack.attack.weights))
    with search_mode(attack.pair.model, attack.pair.guide):
        found = {
            name: _distances(each.penalised_distance(numbers)).tolist()
            for name, each in (("clean", attack), ("clean_w2", _by_w2(attack)))
        }
    return pd.DataFrame({"pair": range(len(attack.x)), **found})


class UnsharedNoise(FrozenNoise):
    """Noise that is another one each time it is asked for: that of a guide run twice as it is."""

    calls = 0

    def draw(
        self, name: str, fn: Distribution, *, axis: int | None, rows: Sequence[int] | Tensor
    ) -> Tensor:
        """Draws as :class:`FrozenNoise` does, with other noise at every call."""
        self.calls += 1
        seed = noise_seed(self.seed, self.calls, "unshared")
        return FrozenNoise(self.keys, seed=seed).draw(name, fn, axis=axis, rows=rows)


def _group(attack: BoundAttack, numbers: Sequence[int]) -> pd.DataFrame:
    with search_mode(attack.pair.model, attack.pair.guide):
        function = attack.penalised_distance(numbers)
        problems, optimiser = function.problems, attack.attack.optimiser
        zero = torch.zeros_like(problems.lower)
        bounds = problems.lower, problems.upper
        first = first_points(problems, zero, "uniform", attack.attack.seed)

        def best(searched: "_Function") -> Tensor:
            return optimiser.minimise(searched, first, *bounds).value

        watched = _Last(function)
        control = optimiser.minimise(watched, first, *bounds)
        both = solve(function, optimiser, start="uniform", ends="both", zero_test=False)
        norm = torch.linalg.vector_norm(control.x, dim=1)
        planted = l2_distance(problems.target, problems.x).to(norm)
        w2 = _distances(_by_w2(attack).penalised_distance(numbers), control.x)
        columns = {
            "pair": problems.pair,
            "weight": problems.weight,
            "norm": norm,
            "value": control.value,
            "both_ends": torch.minimum(both.found.value, control.value),
            "fresh": best(_Fresh(attack, numbers, function)),
            "last": watched.values,
            "clipped": best(_Clipped(function)),
            "squared": best(_Squared(function)),
            "w2": w2 + problems.weight * norm,
            "clean": _distances(function),
            "planted": problems.weight * planted,
        }
    return pd.DataFrame({name: column.cpu().numpy() for name, column in columns.items()})


def _distances(function: PenalisedDistance, distortions: Tensor | None = None) -> Tensor:
    """The distances alone at some distortions, by default at 0."""
    problems = function.problems
    points = torch.zeros_like(problems.lower) if distortions is None else distortions
    return function.judge(points)[1]


def _by_w2(attack: BoundAttack) -> BoundAttack:
    return replace(attack, attack=replace(attack.attack, objective=LatentW2(attack.layers)))


class _Function:
    """A function of some problems that is made of another."""

    def __init__(self, function: PenalisedDistance) -> None:
        self.function = function

    def __call__(self, points: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
        return self.function(points, rows)


class _Last(_Function):
    """Remembers the value that each problem was last told."""

    def __init__(self, function: PenalisedDistance) -> None:
        super().__init__(function)
        self.values = torch.full_like(function.problems.weight, torch.nan)

    def __call__(self, points: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
        values, gradients = self.function(points, rows)
        self.values[rows] = values.to(self.values)
        return values, gradients


class _Clipped(_Function):
    def __call__(self, points: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
        values, gradients = self.function(points, rows)
        length = torch.linalg.vector_norm(gradients, dim=1, keepdim=True)
        return values, gradients * (CLIPPED_TO / length).clamp(max=1)


class _Squared(_Function):
    def __call__(self, points: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
        values, gradients = self.function.distances(points, rows)
        weight = self.function.problems.weight[rows]
        return (
            values + weight * (points**2).sum(1),
            gradients + 2 * weight[:, None] * points,
        )


class _Fresh(_Function):
    """Reads the targets' posteriors anew at every evaluation, with noise of their own."""

    def __init__(
        self, attack: BoundAttack, numbers: Sequence[int], function: PenalisedDistance
    ) -> None:
        super().__init__(function)
        self.attack = attack
        self.noise = LatentDraws(1, UnsharedNoise(numbers, seed=attack.attack.seed))

    def __call__(self, points: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
        attack, problems = self.attack, self.function.problems
        distance = attack.attack.objective.bind(attack.pair, problems.target, self.noise)
        return PenalisedDistance(distance, problems, layers=attack.layers, chunk=attack.rows)(
            points, rows
        )
