r"""Mutual information, total correlation and dimension-wise KL under the aggregate posterior.

References:
    | Isolating Sources of Disentanglement in Variational Autoencoders (Chen et al., 2018), Eq 2
    | https://arxiv.org/abs/1802.04942
    | Disentangling Improves VAEs' Robustness to Adversarial Attacks (Willetts et al.), Eqs 2 and 3
"""

import math
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pyro_seatbelt.objectives.aggregate import LogDensity

SATURATED = 1.0
"""Nats below the logarithm of the number of images where the mutual information is too low."""


class AggregateTerms(NamedTuple):
    r"""The KL of a layer in three parts, means over draws in nats per image.

    Attributes:
        mutual_information: Index-code mutual information,
            :math:`E[\log q(z \mid \text{pa}) - \log q(z)]`.
        total_correlation: :math:`E[\log q(z) - \sum_j \log q(z_j)]`.
        dimension_wise_kl: :math:`E[\sum_j \log q(z_j) - \log p(z)]`.
    """

    mutual_information: float
    total_correlation: float
    dimension_wise_kl: float


def aggregate_terms(log_q: float, log_p: float, density: "LogDensity") -> AggregateTerms:
    r"""Divides a KL into its three parts.

    Args:
        log_q: :math:`\log q(z_i \mid \text{pa}_i)` summed over the draws.
        log_p: :math:`\log p(z_i)` summed over the draws.
        density: Log-densities of the draws under the aggregate posterior.

    Returns:
        Means over the draws; they add up to :math:`(\log q - \log p) / n`.

    Example:
        >>> import torch
        >>> from pyro_seatbelt.objectives.aggregate import LogDensity
        >>> density = LogDensity(torch.tensor([-1.0]), torch.tensor([[-2.0, -3.0]]))
        >>> aggregate_terms(-0.5, -7.0, density)
        AggregateTerms(mutual_information=0.5, total_correlation=4.0, dimension_wise_kl=2.0)
    """
    n = len(density.joint)
    joint = density.joint.cpu().double().sum().item()
    marginal = density.marginal.cpu().double().sum().item()
    return AggregateTerms((log_q - joint) / n, (joint - marginal) / n, (marginal - log_p) / n)


def saturation_warning(mutual_information: float, num_images: int) -> str:
    r"""Says so where a mutual information is about as large as its images allow.

    The aggregate posterior of n images is a mixture of n posteriors. Where these hardly overlap
    each draw is explained by its own image alone, and the mutual information is :math:`\log n`
    whatever the model. What it lacks the total correlation has too much, because the product of
    the marginals is a much denser mixture.

    Args:
        mutual_information: In nats per image.
        num_images: Images in the aggregate posterior.

    Returns:
        A sentence, where less than :data:`SATURATED` nats are left; otherwise nothing.

    Example:
        >>> saturation_warning(2.5, 100)
        ''
        >>> saturation_warning(4.0, 100)[:47]
        'The mutual information is near log 100 = 4.61, '
    """
    most = math.log(num_images)
    if not mutual_information >= most - SATURATED:  # nor where it is no number
        return ""
    return (
        f"The mutual information is near log {num_images:,} = {most:.2f}, the most that "
        f"{num_images:,} images can show: it is too low and the total correlation too high; more "
        "images show more."
    )
