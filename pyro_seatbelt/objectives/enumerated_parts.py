"""The KL of one site in parts, where other sites are enumerated in parallel."""

import math
from collections.abc import Callable

from pyro.distributions.util import scale_and_mask
from pyro.poutine import Trace
from torch import Tensor

from pyro_seatbelt.family import EstimatorName
from pyro_seatbelt.objectives.aggregate import log_weights
from pyro_seatbelt.objectives.terms import Parts
from pyro_seatbelt.traces.factors import density, marginals_of
from pyro_seatbelt.traces.plates import data_plate, plate_stack
from pyro_seatbelt.traces.sites import Site, check_reparameterised, describe, sample_sites


def enumerated_parts(
    model_trace: Trace,
    guide_trace: Trace,
    name: str,
    *,
    plate: str,
    estimator: EstimatorName,
    nesting: int,
) -> Parts:
    r"""Splits the KL of a site, in expectation over the labels that the guide enumerates.

    Args:
        model_trace: Trace of the model with Pyro's enumeration dimensions, and log-probabilities.
        guide_trace: The guide's.
        name: The site.
        plate: Name of the plate over images.
        estimator: How the minibatch estimates the aggregate posterior.
        nesting: How many dimensions plates take: those to the left enumerate.

    Returns:
        The parts; those that need :math:`\log p(z)` are NaN where it depends on a site that the
        model alone enumerates.

    Raises:
        InputError: When the site is not inside the plate.
        NotImplementedError: When labels are not summed out in parallel, or not per image.
    """
    q, p = guide_trace.nodes[name], model_trace.nodes[name]
    check_reparameterised(q)
    labels = _log_labels(guide_trace, q)
    batch = (1,) * (nesting - len(q["fn"].batch_shape)) + tuple(q["fn"].batch_shape)
    ways, plates = batch[:-nesting], batch[-nesting:]
    z = q["value"].reshape(-1, *plates, q["value"].shape[-1])  # (K, *, D)
    share = _without(labels, ways, plates).expand(batch).reshape(-1, *plates)  # (K, *)
    where = data_plate(q, plate)
    mask = None
    if isinstance(p["mask"], Tensor):
        mask = p["mask"].expand(plates).movedim(where.dim, 0)
    log_w = log_weights(estimator, plates[where.dim], where.num_data, like=z, mask=mask)

    def mixture(log_prob: Callable[[Tensor], Tensor], columns: int) -> Tensor:
        """Log-densities of every draw under the mixture, shape `(K, M, *)` or `(K, M, *, D)`."""
        own = z.movedim(where.dim - 1, 1)  # (K, M, *, D) without the images' axis
        value = own.unsqueeze(where.dim - 1).flatten(0, 1)
        value = value.reshape(*own.shape[:2], *(1,) * len(ways), *value.shape[1:])
        log_q = log_prob(value.expand(*own.shape[:2], *batch, z.shape[-1]))
        log_q = log_q.reshape(*own.shape[:2], len(z), *plates, *log_q.shape[log_q.ndim - columns :])
        log_q = log_q.movedim(where.dim - columns, 3)  # (K, M, K', M', *) or (K, M, K', M', *, D)
        log_v = share.movedim(where.dim, 1)  # (K', M', *)
        if log_w.ndim:
            others = log_w.shape[2:] or (1,) * (nesting - 1)
            log_v = log_v + log_w.reshape(1, log_w.shape[0], 1, log_w.shape[1], *others)
        else:
            log_v = log_v + log_w
        return (log_q + log_v.reshape(log_v.shape + (1,) * columns)).logsumexp((2, 3))

    posterior = density(q, "decomposed")
    factors = marginals_of(posterior)
    log_product = z.new_full((), math.nan)
    if factors is not None:
        log_product = mixture(factors.log_prob, 1).sum(-1)
    if posterior.event_shape:
        log_joint = mixture(posterior.log_prob, 0)
    else:
        log_joint = mixture(lambda value: posterior.log_prob(value).sum(-1), 0)
    rows = scale_and_mask(share.exp(), p["scale"], p["mask"]).movedim(where.dim, 1)
    joint, product = (rows * log_joint).sum(), (rows * log_product).sum()
    log_p = rows.new_full((), math.nan)
    if not enumerated_parents(model_trace, guide_trace, name):
        log_p = (labels.exp() * p["log_prob"]).sum()
    log_q = (share.exp() * q["log_prob"].reshape(share.shape)).sum()
    return Parts(
        mutual_information=log_q - joint,
        total_correlation=joint - product,
        dimension_wise_kl=product - log_p,
        aggregate_kl=joint - log_p,
    )


def _log_labels(guide_trace: Trace, q: Site) -> Tensor:
    """Log-probability of the labels of an image, over all that are enumerated per image."""
    own = {frame.name for frame in plate_stack(q)}
    total = q["value"].new_zeros(())
    for name, site in sample_sites(guide_trace).items():
        how = site["infer"].get("enumerate")
        if site["is_observed"] or (how is None and site["fn"].has_rsample):
            continue
        if how != "parallel" or site["infer"].get("num_samples") is not None:
            raise NotImplementedError(
                f"site '{name}': beside a weight other than 1 every discrete site of the guide is "
                f"summed out, and {describe(site['fn'])} is not: give it infer={{'enumerate': "
                "'parallel'}, or draw all of them under TraceTC_ELBO"
            )
        plates = {frame.name for frame in plate_stack(site)}
        if plates == own:
            total = total + site["unscaled_log_prob"]
        elif not plates > own:  # what is further inside does not lead to q
            those, these = (", ".join(sorted(each)) or "none" for each in (plates, own))
            raise NotImplementedError(
                f"site '{name}' is enumerated, and its plates ({those}) are not those of "
                f"'{q['name']}' ({these}): images that share a label have no aggregate posterior "
                "that is a mixture over images and labels; sample it inside the plate"
            )
    return total


def _without(labels: Tensor, ways: tuple[int, ...], plates: tuple[int, ...]) -> Tensor:
    """Sums out the labels that a site does not depend on."""
    enumerated = labels.ndim - len(plates)
    for position in range(enumerated):
        dim = position - labels.ndim  # negative: aligned with the site's own from the right
        place = len(ways) + len(plates) + dim
        if place < 0 or ways[place] == 1:
            labels = labels.logsumexp(dim, keepdim=True)
    while labels.ndim > len(ways) + len(plates):
        labels = labels.squeeze(0)
    return labels


def enumerated_parents(model_trace: Trace, guide_trace: Trace, name: str) -> list[str]:
    """The sites that the model alone enumerates and that a site's prior depends on.

    Args:
        model_trace: Trace of the model with Pyro's enumeration dimensions, and log-probabilities.
        guide_trace: The guide's.
        name: The site.
    """
    log_p = model_trace.nodes[name]["log_prob"]
    dims = {
        other: site["infer"].get("_enumerate_dim", 0)
        for other, site in sample_sites(model_trace).items()
        if other not in guide_trace.nodes
    }
    return [other for other, d in dims.items() if d and log_p.ndim >= -d and log_p.shape[d] > 1]
