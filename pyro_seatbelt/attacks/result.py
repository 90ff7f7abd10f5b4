"""What is known of every problem of an attack."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import torch
from torch import Tensor

from pyro_seatbelt.attacks.incumbent import Solution
from pyro_seatbelt.attacks.latent_draws import LatentDraws
from pyro_seatbelt.attacks.optimisers.minimum import StopReason
from pyro_seatbelt.attacks.pair import Pair
from pyro_seatbelt.attacks.problems import Problems
from pyro_seatbelt.errors import InputError
from pyro_seatbelt.traces.coverage import covered_share, l2_norms
from pyro_seatbelt.traces.programs import Program, replay_model
from pyro_seatbelt.traces.sites import sample_sites

_PAIR_ROWS = 64
"""Images of one pass when those of pairs are reconstructed."""


@dataclass(frozen=True)
class AttackResult:
    r"""The outcome of P problems; row i of every field belongs to one pair and one weight.

    Tensors are on the CPU. What depends on draws :math:`\tilde z \sim q(z \mid x^*)` is a mean
    over fresh draws, not over the frozen ones that the attacker could see. Fields that need the
    model are None without one.

    Attributes:
        mode: Short name of the objective.
        layers: The sites that it looked at.
        targeted: Whether there was a target; without one the attack maximised the distance
            from the input's own posterior.
        problem: Number of the problem, ``pair * num_weights + weight``, shape `(P,)`.
        pair: Index of the input-target pair, shape `(P,)`.
        weight: The penalty's weight :math:`\lambda`, shape `(P,)`.
        distortion: :math:`d = x^* - x`, shape `(P, *image)`.
        adversarial: :math:`x^* = x + d`, in the data's range, shape `(P, *image)`.
        value: The final objective, :math:`\pm \text{distance} + \lambda \|d\|_2`, shape `(P,)`.
            The lower, the better for the attacker.
        value_at_input: The objective at :math:`d = 0`, shape `(P,)`.
        value_at_target: The objective at :math:`d = x_t - x`, or as far that way as a ball goes,
            shape `(P,)`; None without targets.
        failed: Whether the attack ended above one of these two, which are always open to it, or
            the problem was retired, shape `(P,)`. With both ends searched, the latter alone.
        distance: The distance alone, shape `(P,)`.
        norm: :math:`\|d\|_2`, shape `(P,)`.
        target_nll: :math:`-\log p(x_t \mid \tilde z)` in nats, shape `(P,)` (of the input itself,
            without a target).
        input_log_likelihood: :math:`\log p(x \mid \tilde z)` in nats, shape `(P,)`.
        reconstruction: Mean image of the model at the posterior means of :math:`x^*`,
            shape `(P, *image)`.
        l2_target: Euclidean distance of that from the target, shape `(P,)`.
        l2_clean: Its Euclidean distance from the reconstruction of the input, shape `(P,)`.
        covered: The share of the way from the reconstruction of the input to that of the target
            that it has gone, shape `(P,)`; NaN where the two are hardly apart (see
            :func:`~pyro_seatbelt.traces.coverage.covered_share`), None without targets.
        gradient_norm: Largest component of the projected gradient, shape `(P,)`.
        iterations: Iterations of the optimiser, shape `(P,)`.
        evaluations: Evaluations of the objective, shape `(P,)`.
        stop: Why each problem stopped; `nan` names the retired ones.
    """

    mode: str
    layers: tuple[str, ...]
    targeted: bool
    problem: Tensor
    pair: Tensor
    weight: Tensor
    distortion: Tensor
    adversarial: Tensor
    value: Tensor
    value_at_input: Tensor
    value_at_target: Tensor | None
    failed: Tensor
    distance: Tensor
    norm: Tensor
    target_nll: Tensor | None
    input_log_likelihood: Tensor | None
    reconstruction: Tensor | None
    l2_target: Tensor | None
    l2_clean: Tensor | None
    covered: Tensor | None
    gradient_norm: Tensor
    iterations: Tensor
    evaluations: Tensor
    stop: tuple[StopReason, ...]

    def success(self, *, covered: float | None = None, distance: float | None = None) -> Tensor:
        """Tells which problems were successful attacks, by one's own criterion.

        Args:
            covered: The least share of the way that the reconstruction must have gone to that of
                the target: 0.5 for half of it.
            distance: The largest distance that may be left to the target; without a target the
                least that must have been reached from the input's own.

        Returns:
            Whether all that is asked for holds, shape `(P,)`; never for a retired problem.

        Raises:
            InputError: When nothing is asked for, or a share without a model or without targets.

        Example:
            >>> from pyro_seatbelt import presets
            >>> from pyro_seatbelt.attacks import Attack, LatentKL
            >>> family = presets.build("vae", network="mlp", image_shape=(1, 8, 8), num_data=10)
            >>> x, target = torch.rand(2, 2, 1, 8, 8)
            >>> result = Attack(LatentKL(), weights=[0.0, 1e6])(*family[:2], x, target)
            >>> result.success(distance=1e-3).tolist()
            [True, False, True, False]
        """
        success = torch.tensor([reason != "nan" for reason in self.stop], dtype=torch.bool)
        if covered is None and distance is None:
            raise InputError("expected a criterion of success: give covered=, distance= or both")
        if covered is not None:
            if self.covered is None:
                raise InputError(
                    "covered= is a share of the way to a target's reconstruction: attack with the "
                    "model and with targets, or give distance="
                )
            success = success & (self.covered >= covered)
        if distance is not None:
            near = self.distance <= distance if self.targeted else self.distance >= distance
            success = success & near
        return success

    @staticmethod
    def concatenate(parts: Sequence["AttackResult"]) -> "AttackResult":
        """Joins the results of groups, in the order of the problems.

        Args:
            parts: Results of one attack, at least one.
        """
        if len(parts) == 1:
            return parts[0]
        order = torch.cat([part.problem for part in parts]).argsort()
        joined: dict[str, Any] = {}
        for field in fields(AttackResult):
            values = [getattr(part, field.name) for part in parts]
            if isinstance(values[0], Tensor):
                joined[field.name] = torch.cat(values)[order]
            elif field.name == "stop":
                reasons = [reason for part in parts for reason in part.stop]
                joined[field.name] = tuple(reasons[i] for i in order.tolist())
            else:
                joined[field.name] = values[0]
        return AttackResult(**joined)

    def cpu(self) -> "AttackResult":
        """The same with every tensor on the CPU."""
        moved: dict[str, Any] = {
            field.name: value.cpu()
            for field in fields(self)
            if isinstance(value := getattr(self, field.name), Tensor)
        }
        return replace(self, **moved)

    def columns(self) -> dict[str, list[object]]:
        """Every scalar of every problem by name, for a table: no images.

        Layers are joined by `+`; what is not known without a model is None.
        """
        table: dict[str, list[object]] = {}
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, Tensor) and value.ndim == 1:
                table[field.name] = value.tolist()
            elif field.name == "stop":
                table[field.name] = list(value)
            elif field.name == "layers":
                table[field.name] = ["+".join(value)] * len(self.problem)
            elif not isinstance(value, Tensor) and field.name != "reconstruction":
                table[field.name] = [value] * len(self.problem)
        return table


@torch.no_grad()
def record_result(
    pair: Pair,
    problems: Problems,
    solution: Solution,
    draws: LatentDraws,
    *,
    mode: str,
    rows: int,
) -> AttackResult:
    """Looks at what the distortions do to posteriors and outputs.

    Args:
        pair: The model and the guide.
        problems: The problems.
        solution: What came of them.
        draws: Fresh draws, which the attacker could not see.
        mode: Short name of the objective.
        rows: Rows of one pass through the networks.

    Returns:
        A row per problem, on the CPU.
    """
    found = solution.found
    adversarial = problems.adversarial(found.x, problems.rows)
    reconstruction = clean = target_nll = log_likelihood = covered = None
    if pair.model is not None:
        reconstruction = _reconstruct(pair, adversarial, rows)
        # the problems of a pair share its input
        pairs, own = problems.pair.unique(return_inverse=True)
        first = torch.stack([(problems.pair == each).nonzero()[0, 0] for each in pairs])
        clean = _reconstruct(pair.of_rows(first), problems.x[first], rows)[own]
        of_target, log_likelihood = log_likelihoods(
            pair, pair.model, adversarial, problems, draws, rows
        )
        target_nll = -of_target
        if problems.targeted:
            aim = _reconstruct(pair, problems.target[first], rows)[own]
            far, way, apart = map(
                l2_norms, (reconstruction - aim, clean - aim, problems.x - problems.target)
            )
            covered = torch.from_numpy(covered_share(far, way, apart))
    return AttackResult(
        mode=mode,
        layers=pair.layers,
        targeted=problems.targeted,
        problem=torch.tensor(problems.numbers),
        pair=problems.pair,
        weight=problems.weight,
        distortion=found.x.view_as(problems.x).to(problems.x),
        adversarial=adversarial,
        value=found.value,
        value_at_input=solution.value_at_input,
        value_at_target=solution.value_at_target,
        failed=solution.failed,
        distance=solution.distance,
        norm=torch.linalg.vector_norm(found.x, dim=1),
        target_nll=target_nll,
        input_log_likelihood=log_likelihood,
        reconstruction=reconstruction,
        l2_target=None if reconstruction is None else l2_distance(reconstruction, problems.target),
        l2_clean=None
        if reconstruction is None or clean is None
        else l2_distance(reconstruction, clean),
        covered=covered,
        gradient_norm=found.gradient_norm,
        iterations=found.iterations,
        evaluations=found.evaluations,
        stop=found.stop,
    ).cpu()


@torch.no_grad()
def reconstructions(pair: Pair, images: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """What the model makes of images that are not attacked.

    Args:
        pair: The model and the guide.
        images: The images by name, each of shape `(B, *image)`.

    Returns:
        The mean image of each by its name and `_reconstruction`; nothing without a model.
    """
    if pair.model is None:
        return {}
    return {
        f"{name}_reconstruction": _reconstruct(
            pair.of_targets() if name == "target" else pair, each, _PAIR_ROWS
        )
        for name, each in images.items()
    }


def _reconstruct(pair: Pair, images: Tensor, rows: int) -> Tensor:
    every = torch.arange(len(images), device=images.device)
    return torch.cat([pair.of_rows(some).reconstruct(images[some]) for some in every.split(rows)])


def log_likelihoods(
    pair: Pair,
    model: Program,
    adversarial: Tensor,
    problems: Problems,
    draws: LatentDraws,
    rows: int,
) -> list[Tensor]:
    r"""Unbiased estimates of :math:`E_{q(z \mid x^*)} \log p(x' \mid z)`.

    Args:
        pair: The model and the guide.
        model: The model.
        adversarial: The images :math:`x^*` of the problems, shape `(n, *image)`.
        problems: The problems.
        draws: Draws of each.
        rows: Rows of one pass through the networks.

    Returns:
        For the targets and for the inputs, nats, each of shape `(n,)`.
    """
    parts: list[list[Tensor]] = [[], []]
    for some in problems.rows.split(max(1, rows // draws.num)):
        guide_trace = pair.trace_guide(draws.repeat(adversarial[some]), draws, some)
        for part, images in zip(parts, (problems.target, problems.x), strict=True):
            beside = pair.beside(draws, some)
            trace = replay_model(model, guide_trace, draws.repeat(images[some]), *beside)
            observed = [node for node in sample_sites(trace).values() if node["is_observed"]]
            terms = torch.stack([pair.log_prob(node) for node in observed])
            part.append(draws.mean(terms.sum(0)))
    return [torch.cat(part) for part in parts]


def l2_distance(one: Tensor, other: Tensor) -> Tensor:
    """How far images are from others, in the L2 norm of pixels.

    Args:
        one: Shape `(n, *image)`.
        other: Of that shape.

    Returns:
        Shape `(n,)`.
    """
    distance: Tensor = torch.linalg.vector_norm((one - other).flatten(1), dim=1)
    return distance
