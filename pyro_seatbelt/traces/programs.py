"""Running models and guides for their traces."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from pyro import poutine
from pyro.poutine import Trace
from torch import Tensor, nn

from pyro_seatbelt.traces.reachable import reachable_modules

Program = Callable[..., Any]
"""A model or a guide: a module, a method of one, or a function."""


class PairTraces(NamedTuple):
    """One run of a model and a guide.

    Attributes:
        model: Trace of the model, whose latent sites have the guide's values.
        guide: Trace of the guide.
    """

    model: Trace
    guide: Trace

    def with_log_probs(self) -> "PairTraces":
        """Lets Pyro compute the log-probability of every site, with errors that name the site."""
        self.model.compute_log_prob()
        self.guide.compute_log_prob()
        return self


def trace_pair(
    model: Program, guide: Program, x: Tensor, *context: Tensor, observed: Tensor | None = None
) -> PairTraces:
    """Runs the guide on images, and the model on what the guide drew.

    Args:
        model: Observes images.
        guide: Draws the latents.
        x: What the guide reads, pixels in [0, 1], shape `(B, *image)`.
        context: Further arguments of both, a row for each image.
        observed: What the model observes, where that is not `x`.

    Returns:
        Both traces.

    Example:
        >>> import torch
        >>> from pyro_seatbelt import presets
        >>> family = presets.build("vae", network="mlp", image_shape=(1, 8, 8), num_data=10)
        >>> traces = trace_pair(family.model, family.guide, torch.rand(5, 1, 8, 8))
        >>> traces.model.nodes["z1"]["value"] is traces.guide.nodes["z1"]["value"]
        True
    """
    guide_trace = poutine.trace(guide).get_trace(x, *context)
    seen = x if observed is None else observed
    return PairTraces(replay_model(model, guide_trace, seen, *context), guide_trace)


def replay_model(model: Program, guide_trace: Trace, x: Tensor, *context: Tensor) -> Trace:
    """Runs the model on images with the latents that a guide drew.

    Args:
        model: Observes images.
        guide_trace: Trace of the guide.
        x: The images, shape `(B, *image)`.
        context: Further arguments, a row for each image.
    """
    return poutine.trace(poutine.replay(model, trace=guide_trace)).get_trace(x, *context)


def roots_of(*programs: Program | None) -> list[nn.Module]:
    """The modules that programs are or are bound methods of, each once.

    What a plain function reaches is left out (see :func:`modules_of`).
    """
    owners = (getattr(program, "__self__", program) for program in programs)
    return list(dict.fromkeys(owner for owner in owners if isinstance(owner, nn.Module)))


def modules_of(*programs: Program | None) -> Iterator[nn.Module]:
    """The modules that programs reach, those inside others included, each once.

    See :func:`~pyro_seatbelt.traces.reachable.reachable_modules`.

    Example:
        >>> net = nn.Sequential(nn.Linear(2, 2))
        >>> [type(module).__name__ for module in modules_of(net.forward, net, None)]
        ['Sequential', 'Linear']
    """
    roots = reachable_modules(*programs)
    yield from dict.fromkeys(module for root in roots for module in root.modules())
