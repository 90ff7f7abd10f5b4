r"""Adversarial training of the encoder.

References:
    | Towards Deep Learning Models Resistant to Adversarial Attacks (Madry et al., 2018)
    | https://arxiv.org/abs/1706.06083
"""

import torch
from torch import Tensor

from pyro_seatbelt.defences.defence import Defence, DefendedLoss
from pyro_seatbelt.defences.posterior_attack import PosteriorAttack
from pyro_seatbelt.defences.shown_loss import TraceObjective


class AdversarialTraining(Defence):
    r"""Shows the guide attacked images, and the model the clean ones.

    .. math::
        -E_{q(z \mid x + d)} \left[ \log p(x, z) - \log q(z \mid x + d) \right]

    for a plain ELBO, with the :math:`d` of :class:`PosteriorAttack`: the posterior of an attacked
    image must explain the image before the attack. No gradient goes through :math:`d`. Batch
    normalisation has the statistics of the clean minibatch, with gradients. Without gradients, as
    where those statistics are calibrated, the loss is that of clean images.

    Args:
        objective: A bound on traces, or another defence.
        attack: How the images are attacked.

    Example:
        >>> from pyro_seatbelt import presets
        >>> pair = presets.build("seatbelt", network="mlp", image_shape=(1, 8, 8), num_data=100)
        >>> loss = AdversarialTraining(pair.objective, PosteriorAttack(0.5))(*pair[:2])
        >>> loss(torch.rand(5, 1, 8, 8)).backward()
    """

    def __init__(self, objective: TraceObjective, attack: PosteriorAttack) -> None:
        super().__init__(objective)
        self.attack = attack

    def loss(self, around: DefendedLoss, x: Tensor, seen: Tensor) -> Tensor:
        """Estimates the loss under attack (see :class:`Defence`)."""
        loss: Tensor
        if not torch.is_grad_enabled():
            loss = around.inner(x, seen)
            return loss
        attacked = self.attack(around.pair(seen), seen)
        with attacked.statistics.applied():
            loss = around.inner(x, attacked.images)
        return loss
