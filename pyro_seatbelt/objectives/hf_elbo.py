r"""The hierarchically factorised ELBO: total correlation between groups and inside them.

References:
    | Structured Disentangled Representations (Esmaeili et al., 2019), Section 3
    | https://arxiv.org/abs/1804.02086
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from pyro.poutine import Trace
from torch import Tensor

from pyro_seatbelt.family import EstimatorName
from pyro_seatbelt.objectives.grouped import total_correlation_within
from pyro_seatbelt.objectives.site_parts import mixture_of
from pyro_seatbelt.objectives.tc_elbo import TraceTC_ELBO
from pyro_seatbelt.objectives.weight import Weight
from pyro_seatbelt.traces.factors import factorised


class GroupedTermsPerImage(NamedTuple):
    """A :class:`~pyro_seatbelt.objectives.TermsPerImage` whose total correlation is split.

    Attributes:
        objective: What is maximised: the bound with its weights and floors.
        elbo: The bound with all weights 1 and no floor.
        log_likelihood: Log-probability of the image.
        kl: KL per latent site, from the same draws.
        mutual_information: Index-code mutual information of the top layer.
        total_correlation: Total correlation of the top layer: the sum of the last two.
        dimension_wise_kl: Dimension-wise KL of the top layer.
        between_groups: Total correlation between groups, a stratified (MSS) estimate.
        within_groups: Total correlation inside groups, likewise.
    """

    objective: float
    elbo: float
    log_likelihood: float
    kl: dict[str, float]
    mutual_information: float
    total_correlation: float
    dimension_wise_kl: float
    between_groups: float
    within_groups: float


class TraceHF_ELBO(TraceTC_ELBO):
    r"""The ELBO whose total correlation is weighed between groups of dimensions and inside them.

    .. math::
        \mathcal{L} = E_q \Big[ \log p(x \mid z)
          - \alpha \log \tfrac{q(z \mid x)}{q(z)}
          - \beta \log \tfrac{q(z)}{\prod_g q(z_g)}
          - \delta \sum_g \log \tfrac{q(z_g)}{\prod_{d \in g} q(z_{g,d})}
          - \gamma \sum_{g,d} \log \tfrac{q(z_{g,d})}{p(z_{g,d})} \Big]

    where :math:`\delta` is `within`, which Esmaeili et al. call gamma; the weight of their last
    term is 1. The prior is factorised here, so that its ratios, which they have in the two middle
    terms, are 0. With groups of one dimension, or `within` equal to `beta`, it is the bound of
    :class:`TraceTC_ELBO`; lower layers count as there.

    Args:
        latent: Name of the site whose KL is decomposed, the top layer.
        groups: How many neighbouring dimensions each group has.
        within: Weight of the total correlation inside groups.
        options: As :class:`TraceTC_ELBO`; `beta` is the weight between groups.

    Raises:
        ValueError: On an empty group or a weight that is none; while running, when the groups do
            not have the dimensions of the site.

    Example:
        >>> from pyro_seatbelt import presets
        >>> family = presets.build("vae", network="mlp", image_shape=(1, 8, 8), num_data=100)
        >>> elbo = TraceHF_ELBO("z1", groups=(4, 6), beta=6.0, within=2.0)
        >>> loss = elbo.loss(family.model, family.guide, torch.rand(16, 1, 8, 8))
    """

    within = Weight()

    def __init__(
        self, latent: str, *, groups: Sequence[int], within: float = 1.0, **options: Any
    ) -> None:
        super().__init__(latent, **options)
        if not groups or min(groups) < 1:
            raise ValueError(f"expected groups of one dimension or more, got {tuple(groups)}")
        self.groups = tuple(groups)
        self.within = within

    def _penalty(
        self, model_trace: Trace, guide_trace: Trace, estimator: EstimatorName
    ) -> Tensor | None:
        """The bound weighs all of the total correlation by beta: what is inside is made up for."""
        weight: float = self.within - self.beta
        return weight * self._within(model_trace, guide_trace, estimator)

    def _within(self, model_trace: Trace, guide_trace: Trace, estimator: EstimatorName) -> Tensor:
        q, p = guide_trace.nodes[self.latent], model_trace.nodes[self.latent]
        factorised(q, "split into groups")
        return total_correlation_within(mixture_of(q, p, self.plate, estimator), self.groups)

    @torch.no_grad()
    def _per_image(  # type: ignore[override]  # what the bound reports, and more
        self, model_trace: Trace, guide_trace: Trace, missing: Tensor | None
    ) -> GroupedTermsPerImage:
        terms = super()._per_image(model_trace, guide_trace, missing)
        num_images = self.terms(model_trace, guide_trace).num_images
        within = (self._within(model_trace, guide_trace, "mss") / num_images).item()
        return GroupedTermsPerImage(
            *terms, between_groups=terms.total_correlation - within, within_groups=within
        )
