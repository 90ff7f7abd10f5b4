"""What is known of every problem of an attack."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import torch
from torch import Tensor

from pyro_seatbelt.attacks.optimisers.minimum import StopReason


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
        distance: The distance alone, shape `(P,)`.
        norm: :math:`\|d\|_2`, shape `(P,)`.
        target_nll: :math:`-\log p(x_t \mid \tilde z)` in nats, shape `(P,)` (of the input itself,
            without a target).
        input_log_likelihood: :math:`\log p(x \mid \tilde z)` in nats, shape `(P,)`.
        reconstruction: Mean image of the model at the posterior means of :math:`x^*`,
            shape `(P, *image)`.
        l2_target: Euclidean distance of that from the target, shape `(P,)`.
        l2_clean: Its Euclidean distance from the reconstruction of the input, shape `(P,)`.
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
    distance: Tensor
    norm: Tensor
    target_nll: Tensor | None
    input_log_likelihood: Tensor | None
    reconstruction: Tensor | None
    l2_target: Tensor | None
    l2_clean: Tensor | None
    gradient_norm: Tensor
    iterations: Tensor
    evaluations: Tensor
    stop: tuple[StopReason, ...]

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
