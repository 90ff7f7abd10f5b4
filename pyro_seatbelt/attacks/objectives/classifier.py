"""The attack on a classifier that reads latents: what a downstream task sees of an image."""

from collections.abc import Callable
from typing import Any, Literal, get_args

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from pyro_seatbelt.attacks.arguments import sha256
from pyro_seatbelt.attacks.latent_draws import LatentDraws
from pyro_seatbelt.attacks.modes import Layers
from pyro_seatbelt.attacks.objectives.objective import Distance, Objective
from pyro_seatbelt.attacks.pair import Pair
from pyro_seatbelt.errors import InputError
from pyro_seatbelt.traces.evaluation_mode import evaluation_mode
from pyro_seatbelt.traces.plates import rows_first
from pyro_seatbelt.traces.reachable import reachable_modules

ClassifierLoss = Literal["cross-entropy", "margin"]
"""What is made small for the label of the target, and large for that of the input."""


class Classifier(Objective):
    r"""The loss of a classifier on the latents, reached through the guide.

    .. math::
        E_{q(z \mid x + d)} \left[ -\log \text{softmax}_y(f(z)) \right]
        \quad \text{or} \quad
        E_{q(z \mid x + d)} \left[ \max_{k \ne y} f_k(z) - f_y(z) \right]

    where y is the label that the classifier gives to the target: with a target the attack makes the
    input take its label, without one it raises the loss of the input's own. The margin changes its
    sign where the label does: ``result.success(distance=0.0)`` says which attacks were successful.

    Args:
        classify: Maps latents `(n, D)` to logits `(n, classes)`. The latents of several layers are
            joined in the order of the layers, each flattened. Its modules are run in eval mode and
            are not trained.
        loss: `cross-entropy` in nats or `margin` in logits.
        layers: `all`, `top`, `base`, or the names of some sites.

    Raises:
        InputError: For an unknown loss; in an attack, when there are no logits of two classes.

    References:
        | Improving VAEs' Robustness to Adversarial Attack (Willetts et al., 2021), on the
          robustness of downstream tasks, https://arxiv.org/abs/1906.00230
        | Towards Evaluating the Robustness of Neural Networks (Carlini and Wagner, 2017), for the
          margin, https://arxiv.org/abs/1608.04644

    Example:
        >>> from pyro_seatbelt import presets
        >>> from pyro_seatbelt.attacks import PGD, Attack, Ball
        >>> family = presets.build("vae", network="mlp", image_shape=(1, 8, 8), num_data=10)
        >>> classify = torch.nn.Linear(10, 3)  # trained on latents
        >>> objective = Classifier(classify, loss="margin")
        >>> attack = Attack(objective, PGD(), weights=[0.0], ball=Ball("linf", 0.1))
        >>> result = attack(family.model, family.guide, torch.rand(4, 1, 8, 8))
        >>> result.success(distance=0.0).shape
        torch.Size([4])
    """

    name = "classifier"

    def __init__(
        self,
        classify: Callable[[Tensor], Tensor],
        *,
        loss: ClassifierLoss = "cross-entropy",
        layers: Layers = "all",
    ) -> None:
        if loss not in get_args(ClassifierLoss):
            among = " or ".join(map(repr, get_args(ClassifierLoss)))
            raise InputError(f"expected a classifier's loss {among}, got {loss!r}")
        self.classify = classify
        self.loss = loss
        self.layers = layers

    @property
    def settings(self) -> dict[str, Any]:
        """The loss, and a hash of the classifier's weights (see :class:`Objective`)."""
        modules = reachable_modules(self.classify)
        weights = [tensor for module in modules for tensor in module.state_dict().values()]
        return {"loss": self.loss, "layers": self.layers, "classifier": sha256(weights)}

    def bind(self, pair: Pair, target: Tensor, draws: LatentDraws) -> Distance:
        """Reads the labels of the targets, from the mean over draws (see :class:`Objective`)."""

        def logits(x: Tensor, problems: Tensor) -> Tensor:
            """Of every draw, shape `(n * K, classes)`."""
            posteriors = pair.posteriors(pair.trace_guide(draws.repeat(x), draws, problems))
            z = torch.cat([rows_first(q.value, q.axis) for q in posteriors.values()], 1)
            return self._logits(z)

        with torch.no_grad():
            every = torch.arange(len(target), device=target.device)
            labels = torch.cat(
                [
                    logits(target[some], some).softmax(1).unflatten(0, (-1, draws.num)).mean(1)
                    for some in every.split(_ROWS)
                ]
            ).argmax(1)

        def distance(x: Tensor, problems: Tensor) -> Tensor:
            found, label = logits(x, problems), draws.repeat(labels[problems])
            if self.loss == "cross-entropy":
                return draws.mean(cross_entropy(found, label, reduction="none"))
            own = found.gather(1, label[:, None])
            others = found.scatter(1, label[:, None], -torch.inf)
            return draws.mean(others.amax(1) - own.squeeze(1))

        return distance

    def _logits(self, z: Tensor) -> Tensor:
        grad = torch.is_grad_enabled()
        with evaluation_mode(self.classify), torch.set_grad_enabled(grad):
            logits = self.classify(z)
        if logits.ndim != 2 or len(logits) != len(z) or logits.shape[1] < 2:
            raise InputError(
                f"expected logits of shape ({len(z)}, classes) from the classifier of latents of "
                f"shape {tuple(z.shape)}, got {tuple(logits.shape)}"
            )
        return logits


_ROWS = 64
"""Targets of one pass when their labels are read."""
