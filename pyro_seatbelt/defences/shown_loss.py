"""The bound of images whose guide is shown others."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from torch import Tensor, nn


class TraceObjective(Protocol):
    """A bound on traces, such as :class:`pyro.infer.Trace_ELBO`."""

    def __call__(self, model: nn.Module, guide: nn.Module) -> nn.Module:
        """Returns a module whose value on a minibatch is the loss, a sum over the data set."""


class ShownLoss(nn.Module):
    r"""The loss of an objective, whose guide may be shown other images than the model observes.

    .. math::
        -E_{q(z \mid \tilde x)} \left[ \log p(x, z) - \log q(z \mid \tilde x) \right]

    for a plain ELBO: the bound of the evidence of :math:`x` that the posterior of
    :math:`\tilde x` gives.

    Args:
        objective: The objective.
        model: The model.
        guide: The guide.

    Example:
        >>> import torch
        >>> from pyro.infer import Trace_ELBO
        >>> from pyro_seatbelt import presets
        >>> pair = presets.build("vae", network="mlp", image_shape=(1, 8, 8), num_data=100)
        >>> x = torch.rand(5, 1, 8, 8)
        >>> ShownLoss(Trace_ELBO(), pair.model, pair.guide)(x, x.flip(0)).shape
        torch.Size([])
    """

    def __init__(self, objective: TraceObjective, model: nn.Module, guide: nn.Module) -> None:
        super().__init__()
        self.guide = _Shown(guide)
        self.loss = objective(model, self.guide)

    def forward(self, x: Tensor, seen: Tensor) -> Tensor:
        """Estimates the loss, a sum over the data set, in nats.

        Args:
            x: What the model observes, shape `(B, *image)`.
            seen: What the guide is shown in its place, of the same shape.
        """
        with self.guide.shown(seen):
            loss: Tensor = self.loss(x)
        return loss


class _Shown(nn.Module):
    """A guide that reads one batch whatever it is given."""

    def __init__(self, guide: nn.Module) -> None:
        super().__init__()
        self.guide = guide
        self._seen: Tensor | None = None

    @contextmanager
    def shown(self, seen: Tensor) -> Iterator[None]:
        self._seen = seen
        try:
            yield
        finally:
            self._seen = None

    def forward(self, x: Tensor) -> Any:
        return self.guide(x if self._seen is None else self._seen)
