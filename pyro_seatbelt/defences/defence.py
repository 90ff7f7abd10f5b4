"""What a defence is: an objective around another, whose loss learns to withstand something."""

from abc import ABC, abstractmethod
from typing import Any

import torch
from torch import Tensor, nn

from pyro_seatbelt.attacks.pair import Pair, read_pair
from pyro_seatbelt.defences.shown_loss import ShownLoss, TraceObjective
from pyro_seatbelt.traces.evaluation_mode import evaluation_mode


class Defence(ABC):
    """An objective around another one.

    As Pyro's own, ``defence(model, guide)`` is a module whose value on a minibatch is the loss.
    Model and guide are trained as they are: nothing is added to them, and they are evaluated,
    attacked and saved as any other pair. Defences compose: give one to another as its objective.
    The outer one acts first, and what it shows the guide is what the inner one starts from.

    Args:
        objective: A bound on traces, or another defence.
    """

    def __init__(self, objective: TraceObjective) -> None:
        self.objective = objective

    def __call__(self, model: nn.Module, guide: nn.Module) -> "DefendedLoss":
        """Puts the defence around a pair.

        Args:
            model: A module whose `forward` is the program and observes the images.
            guide: A module whose `forward` draws the model's latents, given the same.
        """
        return DefendedLoss(self, model, guide)

    @property
    def observing(self) -> Any:
        """The `observing` of the objective inside, where it has one."""
        return self.objective.observing  # type: ignore[attr-defined]

    @property
    def networks(self) -> Any:
        """The `networks` of the objective inside, where it has some."""
        return self.objective.networks  # type: ignore[attr-defined]

    @property
    def own_groups(self) -> Any:
        """The `own_groups` of the objective inside, where it has some."""
        return self.objective.own_groups  # type: ignore[attr-defined]

    @abstractmethod
    def loss(self, around: "DefendedLoss", x: Tensor, seen: Tensor) -> Tensor:
        """Estimates the loss in training, a sum over the data set, in nats.

        Args:
            around: The loss module that asks: has the guide, and what is inside the defence.
            x: What the model observes, shape `(B, *image)`.
            seen: What an outer defence shows the guide in its place, of the same shape.
        """


class DefendedLoss(nn.Module):
    """The loss of a pair with a defence around it.

    In eval mode it is that of the objective alone.

    Args:
        defence: The defence.
        model: The model.
        guide: The guide.

    Attributes:
        guide: The guide, as it was given.
        inner: Maps what the model observes and what the guide is shown to the loss inside.
    """

    def __init__(self, defence: Defence, model: nn.Module, guide: nn.Module) -> None:
        super().__init__()
        self.defence = defence
        self.guide = guide
        inner = defence.objective
        self.inner: nn.Module = (
            inner(model, guide) if isinstance(inner, Defence) else ShownLoss(inner, model, guide)
        )
        self._pair: Pair | None = None

    def forward(self, x: Tensor, seen: Tensor | None = None) -> Tensor:
        """Estimates the loss, a sum over the data set, in nats.

        Args:
            x: Pixels, shape `(B, *image)`.
            seen: What an outer defence shows the guide in their place.
        """
        seen = x if seen is None else seen
        if self.training:
            return self.defence.loss(self, x, seen)
        loss: Tensor = self.inner(x, seen)
        return loss

    def pair(self, x: Tensor) -> Pair:
        """The guide as attacks read it: its plate over images, its sites.

        Args:
            x: Images, shape `(B, *image)`.

        Raises:
            InputError: When the guide cannot be attacked.
        """
        if self._pair is None:
            with evaluation_mode(self.guide), torch.no_grad():
                self._pair = read_pair(None, self.guide, x)
        return self._pair
