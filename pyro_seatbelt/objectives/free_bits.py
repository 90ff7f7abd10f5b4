r"""Free bits: a floor under the KL of every latent dimension.

References:
    | Improving Variational Inference with Inverse Autoregressive Flow (Kingma et al., 2016), Eq 15
    | https://arxiv.org/abs/1606.04934
"""

from collections.abc import Mapping, Sequence

from torch import Tensor

from pyro_seatbelt.traces.factors import entropy, marginals
from pyro_seatbelt.traces.log_prob import row_weights, sum_over_draws
from pyro_seatbelt.traces.sites import Site


def shortfall(kl: Tensor, floor: float, num_images: Tensor) -> Tensor:
    r"""What a floor adds to a loss that already holds the KL.

    The floor is under the mean over the minibatch, per dimension:
    :math:`\mathrm{KL}_d + \max(0, \mathrm{floor} - \mathrm{KL}_d) = \max(\mathrm{floor},
    \mathrm{KL}_d)`. A dimension below its floor therefore has no KL gradient.

    Args:
        kl: KL per dimension, summed over images, shape :math:`(D,)`, in nats.
        floor: Nats per image and dimension that cost nothing.
        num_images: How many images the sum stands for, a scalar.

    Returns:
        The missing nats, summed over dimensions and images.

    Example:
        >>> import torch
        >>> shortfall(torch.tensor([1.0, 8.0]), 0.5, torch.tensor(4.0))
        tensor(1.)
    """
    return (floor * num_images - kl).clamp_min(0).sum()


def site_shortfall(q: Site, p: Site, floor: float, *, analytic_entropy: bool) -> Tensor:
    r"""What a floor under the dimensions of one site adds to a loss (see :func:`shortfall`).

    The KL of a dimension is that of its marginals: of a normal with correlations it is less than
    the dimension's part in the whole.

    Args:
        q: The site in the guide.
        p: The site in the model.
        floor: Nats per image and dimension.
        analytic_entropy: Whether :math:`\log q` is minus the entropy instead of drawn.

    Raises:
        NotImplementedError: When the dimensions have no distributions in closed form.
    """
    posterior, prior = marginals(q, "given free bits"), marginals(p, "given free bits")
    log_q = -entropy(q, posterior) if analytic_entropy else posterior.log_prob(q["value"])
    log_ratio = sum_over_draws(log_q, q) - sum_over_draws(prior.log_prob(q["value"]), p)
    return shortfall(log_ratio, floor, row_weights(q).sum())


def floors_by_site(
    free_bits: float | Mapping[str, float], latents: Sequence[str]
) -> dict[str, float]:
    """The sites that have a floor above 0.

    Args:
        free_bits: A floor for all sites, or floors by site.
        latents: The latent sites that guide and model share.

    Raises:
        ValueError: When a floor is of no such site.

    Example:
        >>> floors_by_site({"z2": 0.1}, ["z1", "z2"]), floors_by_site(0.0, ["z1"])
        ({'z2': 0.1}, {})
    """
    if not isinstance(free_bits, Mapping):
        return dict.fromkeys(latents, free_bits) if free_bits > 0 else {}
    for site in free_bits:
        if site not in latents:
            raise ValueError(
                f"free_bits: '{site}' is not a latent site of both model and guide (those are: "
                f"{', '.join(latents)})"
            )
    return {site: floor for site, floor in free_bits.items() if floor > 0}
