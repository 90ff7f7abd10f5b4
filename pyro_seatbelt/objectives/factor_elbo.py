r"""The objective of FactorVAE: a bound, and a penalty on what a classifier sees of correlation.

References:
    | Disentangling by Factorising (Kim and Mnih, 2018), Eqs 2 and 3, Algorithm 2
    | https://arxiv.org/abs/1802.05983
"""

from collections.abc import Callable
from typing import Any, NamedTuple, NoReturn

import torch
from pyro.infer.elbo import ELBOModule
from pyro.poutine import Trace
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.functional import softplus

from pyro_seatbelt.family import EstimatorName, Weights
from pyro_seatbelt.objectives.tc_elbo import TraceTC_ELBO
from pyro_seatbelt.objectives.terms import Terms
from pyro_seatbelt.traces.log_prob import row_weights
from pyro_seatbelt.traces.plates import data_plate
from pyro_seatbelt.traces.sites import Site

ADAM_BETAS = (0.5, 0.9)
"""Decay rates of Adam for the discriminator, as published."""


class FactorTermsPerImage(NamedTuple):
    """A :class:`~pyro_seatbelt.objectives.TermsPerImage` with what the discriminator says.

    Attributes:
        objective: What is maximised: the bound with its floors, less the penalty.
        elbo: The bound with all weights 1 and no floor.
        log_likelihood: Log-probability of the image.
        kl: KL per latent site, from the same draws.
        mutual_information: Index-code mutual information of the top layer.
        total_correlation: Total correlation of the top layer, a stratified (MSS) estimate that
            the discriminator has no part in.
        dimension_wise_kl: Dimension-wise KL of the top layer.
        density_ratio: Mean log-ratio of the discriminator, which is penalised, in nats. It would
            be the total correlation if the discriminator were the best one there is; it is mostly
            lower, the more so the weaker it is, but nothing bounds it.
        discriminator_accuracy: Share of the draws that the discriminator tells rightly; 0.5 is
            guessing.
    """

    objective: float
    elbo: float
    log_likelihood: float
    kl: dict[str, float]
    mutual_information: float
    total_correlation: float
    dimension_wise_kl: float
    density_ratio: float
    discriminator_accuracy: float


class TraceFactor_ELBO(TraceTC_ELBO):
    r"""A bound less :math:`\beta` times the log-ratio of a discriminator of draws and permutations.

    .. math::
        \mathcal{L}(x) - \beta\, E_{q(z)} \left[ \log \frac{D(z)}{1 - D(z)} \right]

    where :math:`D(z)`, the sigmoid of what the discriminator returns, is its probability that
    :math:`z` comes from :math:`q(z)` and not from :math:`\prod_j q(z_j)`. It learns at the same
    time to classify draws of one half of the minibatch and permuted draws of the other half, by
    cross-entropy. Kim and Mnih call the weight gamma and take a second minibatch to permute; with
    halves both classes come from different images as well. Draws are permuted by a shift of
    dimension d by d images: minibatches are in random order, so this is as good as a random
    permutation, and no permuted draw has two dimensions of one image while there are as many
    images as dimensions.

    Both are learned from one loss: the discriminator's weights are constants in the penalty, and
    the draws are constants in the cross-entropy, which adds its gradient to the loss and not its
    value. Under Adam, whose steps are per parameter and do not depend on the scale of gradients,
    one backward pass and one optimiser with the groups of :meth:`own_groups` are the two
    alternating steps of Algorithm 2, both taken at the weights before the step (there the
    discriminator learns from draws of the updated encoder). A clipped gradient is that of both.
    :class:`pyro.infer.SVI` knows nothing of the discriminator and is refused.

    `alpha`, `gamma`, `lower` and `free_bits` act on the bound as in :class:`TraceTC_ELBO`, where
    the weight of the total correlation is 1.

    Args:
        latent: Name of the site whose draws are discriminated, the top layer.
        discriminator: Maps draws :math:`(*, D)` to logits :math:`(*)`.
        beta: Weight of the penalty.
        learning_rate: Adam's step size for the discriminator.
        options: As :class:`TraceTC_ELBO`.

    Example:
        >>> from pyro_seatbelt import presets
        >>> model, guide, elbo = presets.build(
        ...     "factor-vae", network="mlp", image_shape=(1, 8, 8), num_data=100, beta=3.0
        ... )
        >>> loss_module = elbo(model, guide)
        >>> own = [weight for group in elbo.own_groups() for weight in group["params"]]
        >>> pair = [*model.parameters(), *guide.parameters()]
        >>> optimizer = torch.optim.Adam([{"params": pair}, *elbo.own_groups()], lr=1e-3)
        >>> (loss_module(torch.rand(16, 1, 8, 8)) / 100).backward()
        >>> optimizer.step()
    """

    def __init__(
        self,
        latent: str,
        discriminator: nn.Module,
        *,
        beta: float,
        learning_rate: float = 1e-4,
        **options: Any,
    ) -> None:
        super().__init__(latent, beta=beta, **options)
        if not learning_rate > 0:
            raise ValueError(f"expected learning_rate > 0, got {learning_rate}")
        self.discriminator = discriminator
        self.learning_rate = learning_rate

    @property
    def networks(self) -> dict[str, nn.Module]:
        """What is learned beside model and guide, by name."""
        return {"discriminator": self.discriminator}

    def own_groups(self) -> list[dict[str, Any]]:
        """The groups of parameters of Adam that are not the pair's, with settings of their own."""
        rate = self.learning_rate
        parameters = list(self.discriminator.parameters())
        return [{"params": parameters, "lr": rate, "initial_lr": rate, "betas": ADAM_BETAS}]

    def __call__(self, model: Callable[..., Any], guide: Callable[..., Any]) -> ELBOModule:
        """A module that computes the loss, with the parameters of all three.

        Args:
            model: A model, a module if it has parameters.
            guide: A guide, a module if it has parameters.
        """
        loss = super().__call__(model, guide)
        loss.discriminator = self.discriminator
        return loss

    def loss_and_grads(self, model: Any, guide: Any, *args: Any, **kwargs: Any) -> NoReturn:
        """Refuses SVI.

        Raises:
            NotImplementedError: Always.
        """
        raise NotImplementedError(
            "SVI does not know of the discriminator, which would not learn: take a torch optimizer "
            "of elbo(model, guide).parameters()"
        )

    def _weighted(self, terms: Terms) -> list[tuple[float, Tensor]]:
        weights = Weights(self.alpha, 1.0, self.gamma)
        decomposed = terms.parts[self.latent].weighted(self.latent, weights)
        return [(self.lower, terms.lower_kl), *decomposed]

    def _penalty(
        self,
        model_trace: Trace,
        guide_trace: Trace,
        estimator: EstimatorName,  # noqa: ARG002 - the discriminator takes the place of both
    ) -> Tensor | None:
        log_ratio, cross_entropy, _ = self._judge(model_trace, guide_trace)
        return self.beta * log_ratio + cross_entropy - cross_entropy.detach()

    def _judge(self, model_trace: Trace, guide_trace: Trace) -> "_Judgement":
        """Classifies draws; a permuted one counts as little as any draw that it is made of."""
        q: Site = guide_trace.nodes[self.latent]
        dim = data_plate(q, self.plate).dim
        z = q["value"].movedim(dim - 1, 0)
        z = z.reshape(len(z), -1, z.shape[-1])  # (n, K, D)
        weights = row_weights(model_trace.nodes[self.latent]).movedim(dim, 0).reshape(len(z), -1)
        constant = {name: each.detach() for name, each in self.discriminator.named_parameters()}
        log_ratio = (weights * functional_call(self.discriminator, constant, (z,))).sum()

        half = len(z) // 2
        drawn, permuted = z[:half].detach(), _shifted(z[half:].detach())
        counts = weights[:half], _shifted(weights[half:, :, None].expand_as(z[half:])).amin(-1)
        own, other = self.discriminator(drawn), self.discriminator(permuted)
        return _Judgement(
            log_ratio,
            weights.sum() * _mean_of_classes(softplus(-own), softplus(other), counts),
            _mean_of_classes((own > 0).to(z), (other <= 0).to(z), counts),
        )

    @torch.no_grad()
    def _per_image(  # type: ignore[override]  # what the bound reports, and more
        self, model_trace: Trace, guide_trace: Trace, missing: Tensor | None
    ) -> FactorTermsPerImage:
        terms = super()._per_image(model_trace, guide_trace, missing)
        judged = self._judge(model_trace, guide_trace)
        num_images = self.terms(model_trace, guide_trace).num_images
        return FactorTermsPerImage(
            *terms,
            density_ratio=(judged.log_ratio / num_images).item(),
            discriminator_accuracy=judged.accuracy.item(),
        )


class _Judgement(NamedTuple):
    """Sums over the plate's images: the log-ratio and the cross-entropy; and a share."""

    log_ratio: Tensor
    cross_entropy: Tensor
    accuracy: Tensor


def _shifted(z: Tensor) -> Tensor:
    """Moves dimension d by d images: `(n, K, D)`."""
    return torch.stack([each.roll(d, 0) for d, each in enumerate(z.unbind(-1))], -1)


def _mean_of_classes(own: Tensor, other: Tensor, counts: tuple[Tensor, Tensor]) -> Tensor:
    """The mean of two weighted means; one image alone makes no class of its own."""
    means = [
        (count * each).sum() / count.sum().clamp_min(torch.finfo(each.dtype).tiny)
        for each, count in zip((own, other), counts, strict=True)
    ]
    return (means[0] + means[1]) / 2
