"""Naming what broke when a loss or a gradient cannot be believed."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from pyro_seatbelt.traces.programs import trace_pair
from pyro_seatbelt.traces.sites import sample_sites
from pyro_seatbelt.training.metrics import flatten

LIMIT = 1e9
"""Nats per pixel, in either direction, beyond which a loss has diverged though it is finite."""


class TrainingDiverged(RuntimeError):  # noqa: N818 - it is an outcome
    """Training stopped because a number was not finite, or absurdly large.

    The step was not taken: the parameters are those after the step before (running statistics
    of batch normalisation have seen the batch).

    Attributes:
        step: Number of the step that broke.
        term: What broke: `log_likelihood`, `kl[z2]`, `total_correlation`, or the gradient of a
            parameter.
        checkpoint: The last checkpoint, if there is one.
    """

    def __init__(
        self, step: int, term: str, checkpoint: Path | None, *, finite: bool = False
    ) -> None:
        what = f"is beyond {LIMIT:g} nats per pixel" if finite else "is not finite"
        where = f"the last good checkpoint is {checkpoint}" if checkpoint else "no checkpoint yet"
        super().__init__(
            f"training diverged at step {step}: {term} {what}; {where}; try a smaller "
            "learning rate or a clip norm"
        )
        self.step = step
        self.term = term
        self.checkpoint = checkpoint


def sound(nats: Tensor, x: Tensor) -> Tensor:
    """Tells whether a number of nats per image can be believed.

    Args:
        nats: A scalar.
        x: The minibatch, shape `(B, *)`.

    Returns:
        A boolean scalar on the same device: finite, and within :data:`LIMIT`.

    Example:
        >>> sound(torch.tensor([-900.0, 1e12, float("nan")]), torch.zeros(2, 1, 8, 8))
        tensor([ True, False, False])
    """
    return nats.abs() <= LIMIT * x[0].numel()  # a comparison with NaN is false


def broken_term(
    objective: Any,
    x: Tensor,
    *,
    model: nn.Module,
    guide: nn.Module,
    loss: nn.Module,
    seed: Callable[[], None],
    num_data: int,
) -> str:
    """Looks once more at a step that broke and names the part that did.

    Args:
        objective: The objective; its `observing` is used if it has one.
        x: The minibatch.
        model: The model.
        guide: The guide.
        loss: ``objective(model, guide)``, with gradients in place.
        seed: Sets the generators to where they stood before the step.
        num_data: How many images the sums of the traces stand for.

    Returns:
        `log_likelihood`, `kl[...]` with the name of a site, another term that the objective
        reports, or the gradient of a parameter.
    """
    with torch.no_grad():
        seed()
        term = _in_traces(model, guide, x, num_data)
        if term is None:
            seed()
            term = _in_reports(objective, loss, x)
    if term is not None:
        return term
    for name, parameter in loss.named_parameters():
        if parameter.grad is not None and not parameter.grad.isfinite().all():
            return f"the gradient of {name}"
    return "the loss"


def _in_traces(model: nn.Module, guide: nn.Module, x: Tensor, num_data: int) -> str | None:
    """Finds the first site that broke, in the order they run in: the cause, not its effects."""
    traces = trace_pair(model, guide, x).with_log_probs()
    for trace in (traces.guide, traces.model):
        for name, site in sample_sites(trace).items():
            if not sound(site["log_prob_sum"] / num_data, x):
                return "log_likelihood" if site["is_observed"] else f"kl[{name}]"
    return None


def _in_reports(objective: Any, loss: nn.Module, x: Tensor) -> str | None:
    if not hasattr(objective, "observing"):
        return None
    reports: list[Any] = []
    with objective.observing(reports.append):
        loss(x)
    numbers = [pair for report in reports for pair in flatten(report._asdict())]
    broken = [name for name, value in numbers if not sound(torch.tensor(value), x)]
    # the sums of everything break when any part does
    parts = [name for name in broken if name not in {"objective", "elbo"}]
    return next(iter(parts + broken), None)
