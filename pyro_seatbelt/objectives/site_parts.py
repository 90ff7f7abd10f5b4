"""The KL of one site in parts, from the traces of a minibatch."""

import torch
from pyro.distributions.util import scale_and_mask
from torch import Tensor

from pyro_seatbelt.family import EstimatorName
from pyro_seatbelt.objectives.aggregate import AggregateSums, Mixture, aggregate_sums, log_weights
from pyro_seatbelt.objectives.terms import Parts
from pyro_seatbelt.traces.factors import density, entropy, marginals_of
from pyro_seatbelt.traces.log_prob import row_weights
from pyro_seatbelt.traces.plates import data_plate
from pyro_seatbelt.traces.sites import Site, check_reparameterised, describe


def site_parts(
    q: Site, p: Site, *, plate: str | None, estimator: EstimatorName, analytic_entropy: bool
) -> Parts:
    r"""Splits the KL of a site.

    Args:
        q: The site in the guide, with log-probabilities.
        p: The site in the model.
        plate: Name of the plate over images; None for the one around the site.
        estimator: How the minibatch estimates the aggregate posterior.
        analytic_entropy: Whether :math:`\log q` is minus the entropy instead of drawn.

    Raises:
        InputError: When the site is not inside the plate.
        NotImplementedError: When it is not reparameterised, is no vector, or its density cannot be
            computed where it was not drawn.
    """
    check_reparameterised(q)
    log_qz = _aggregate(q, p, plate, estimator)
    log_product = log_qz.marginal.sum()
    log_p = p["log_prob_sum"]
    return Parts(
        mutual_information=log_q_sum(q, analytic_entropy) - log_qz.joint,
        total_correlation=log_qz.joint - log_product,
        dimension_wise_kl=log_product - log_p,
        aggregate_kl=log_qz.joint - log_p,
        joint=joint_family(q),
    )


def joint_family(q: Site) -> str | None:
    """What a guide site's distribution is called, if it has no marginals in closed form."""
    return None if marginals_of(density(q, "decomposed")) is not None else describe(q["fn"])


def log_q_sum(site: Site, analytic_entropy: bool) -> Tensor:
    """A guide site's log-density summed over images, or the negative entropy in its place."""
    total: Tensor = negative_entropy(site).sum() if analytic_entropy else site["log_prob_sum"]
    return total


def negative_entropy(site: Site) -> Tensor:
    """In the batch shape of the site, scaled and masked."""
    weighted: Tensor = scale_and_mask(-entropy(site, site["fn"]), site["scale"], site["mask"])
    return weighted


def mixture_of(q: Site, p: Site, plate_name: str | None, estimator: EstimatorName) -> Mixture:
    """The draws of a decomposed site and the posteriors that they are held against.

    Args:
        q: The site in the guide.
        p: The site in the model.
        plate_name: Name of the plate over images; None for the one around the site.
        estimator: How the minibatch estimates the aggregate posterior.
    """
    posterior = density(q, "decomposed")
    plate = data_plate(q, plate_name)
    # the aggregate stands against the prior: it is scaled and masked as the model is
    z, rows = q["value"], row_weights(p)
    mask = None
    if isinstance(p["mask"], torch.Tensor):
        mask = p["mask"].expand(rows.shape).movedim(plate.dim, 0)
    weights = log_weights(estimator, z.shape[plate.dim - 1], plate.num_data, like=z, mask=mask)
    return Mixture(z, posterior, weights, rows, plate.dim)


def _aggregate(q: Site, p: Site, plate_name: str | None, estimator: EstimatorName) -> AggregateSums:
    mixture = mixture_of(q, p, plate_name, estimator)
    try:
        return aggregate_sums(*mixture[:-1], dim=mixture.dim)
    except (KeyError, NotImplementedError) as error:
        raise NotImplementedError(
            f"site '{q['name']}' cannot be decomposed: {describe(q['fn'])} has no density where it "
            "was not drawn, and the aggregate needs that of every draw under every image's "
            "posterior: use transforms with an inverse, as affine_autoregressive"
        ) from error
