"""The KL of one site in parts, where other sites are enumerated in parallel."""

import math
from dataclasses import dataclass

from pyro.distributions.util import scale_and_mask
from pyro.poutine import Trace
from torch import Tensor
from torch.distributions import Distribution

from pyro_seatbelt.family import EstimatorName
from pyro_seatbelt.objectives.aggregate import log_weights
from pyro_seatbelt.objectives.site_parts import joint_family
from pyro_seatbelt.objectives.terms import Parts
from pyro_seatbelt.traces.factors import density, marginals_of
from pyro_seatbelt.traces.plates import data_plate, plate_stack
from pyro_seatbelt.traces.ranks import shared_batch
from pyro_seatbelt.traces.sites import Site, check_reparameterised, describe, sample_sites


def enumerated_parts(
    model_trace: Trace,
    guide_trace: Trace,
    name: str,
    *,
    plate: str | None,
    estimator: EstimatorName,
    nesting: int,
) -> Parts:
    r"""Splits the KL of a site, in expectation over the labels that the guide enumerates.

    Args:
        model_trace: Trace of the model with Pyro's enumeration dimensions, and log-probabilities.
        guide_trace: The guide's.
        name: The site.
        plate: Name of the plate over images; None for the one around the site.
        estimator: How the minibatch estimates the aggregate posterior.
        nesting: How many dimensions plates take: those to the left enumerate.

    Returns:
        The parts; those that need :math:`\log p(z)` are NaN where it depends on a site that the
        model alone enumerates.

    Raises:
        InputError: When the site is not inside the plate.
        NotImplementedError: When labels are not summed out in parallel, or not per image; or
            several processes share the minibatch.
    """
    q, p = guide_trace.nodes[name], model_trace.nodes[name]
    check_reparameterised(q)
    if shared_batch(q) is not None:
        raise NotImplementedError(
            f"site '{name}': the aggregate posterior of a minibatch that several processes share "
            "is not known beside enumerated sites: train in one process"
        )
    labels = _log_labels(guide_trace, q)
    mixture = _mixture(q, p, labels, plate=plate, estimator=estimator, nesting=nesting)
    posterior = density(q, "decomposed")
    factors = marginals_of(posterior)
    log_q_d = None if factors is None else mixture.pairs(factors)
    if log_q_d is None or posterior.event_shape:
        log_joint = mixture.log_density(mixture.pairs(posterior))
    else:
        log_joint = mixture.log_density(log_q_d.sum(-1))
    share = mixture.log_share.exp()
    rows = scale_and_mask(share, p["scale"], p["mask"]).movedim(mixture.dim, 1)
    joint, product = (rows * log_joint).sum(), rows.new_full((), math.nan)
    if log_q_d is not None:
        product = (rows * mixture.log_density(log_q_d).sum(-1)).sum()
    log_p = rows.new_full((), math.nan)
    if not enumerated_parents(model_trace, guide_trace, name):
        log_p = (labels.exp() * p["log_prob"]).sum()
    log_q = (share * q["log_prob"].reshape(share.shape)).sum()
    return Parts(
        mutual_information=log_q - joint,
        total_correlation=joint - product,
        dimension_wise_kl=product - log_p,
        aggregate_kl=joint - log_p,
        joint=joint_family(q),
    )


@dataclass(frozen=True)
class _Mixture:
    """The mixture of the posteriors of every label and image, with a draw from each.

    Attributes:
        z: The draws, shape `(K, *plates, D)`.
        log_share: Log-probability of the labels given the image, shape `(K, *plates)`.
        log_weights: Of every image's draw against every image's posterior.
        ways: The enumeration dimensions of the site, K labels together.
        dim: The dimension of the plates that holds the images.
    """

    z: Tensor
    log_share: Tensor
    log_weights: Tensor
    ways: tuple[int, ...]
    dim: int

    def pairs(self, posterior: Distribution) -> Tensor:
        """Log-densities of every draw under every posterior.

        Args:
            posterior: A distribution over vectors, or its factors.

        Returns:
            Shape `(K, M, K', M', *)`, and of factors `(K, M, K', M', *, D)`.
        """
        plates = self.log_share.shape[1:]
        own = self.z.movedim(self.dim - 1, 1)  # (K, M, *, D) without the images' dimension
        value = own.unsqueeze(self.dim - 1)
        value = value.reshape(*own.shape[:2], *(1,) * len(self.ways), *value.shape[2:])
        log_q = posterior.log_prob(value.expand(*own.shape[:2], *self.ways, *plates, own.shape[-1]))
        columns = 1 - len(posterior.event_shape)
        last = log_q.shape[log_q.ndim - columns :]
        log_q = log_q.reshape(*own.shape[:2], len(self.z), *plates, *last)
        return log_q.movedim(self.dim - columns, 3)

    def log_density(self, pairs: Tensor) -> Tensor:
        """Log-densities of every draw under the mixture, shape `(K, M, *)` or `(K, M, *, D)`."""
        log_v = self.log_share.movedim(self.dim, 1)  # (K', M', *)
        if self.log_weights.ndim:
            rows, columns, *others = self.log_weights.shape
            others = others or [1] * (log_v.ndim - 2)
            log_v = log_v + self.log_weights.reshape(rows, 1, columns, *others)  # (M, K', M', *)
        else:
            log_v = log_v + self.log_weights
        if pairs.ndim > 2 + self.log_share.ndim:
            log_v = log_v[..., None]
        return (pairs + log_v).logsumexp((2, 3))


def _mixture(
    q: Site, p: Site, labels: Tensor, *, plate: str | None, estimator: EstimatorName, nesting: int
) -> _Mixture:
    shape = q["fn"].batch_shape
    batch = (1,) * (nesting - len(shape)) + tuple(shape)
    ways, plates = batch[:-nesting], batch[-nesting:]
    z = q["value"].reshape(-1, *plates, q["value"].shape[-1])
    where = data_plate(q, plate)
    mask = None
    if isinstance(p["mask"], Tensor):
        mask = p["mask"].expand(plates).movedim(where.dim, 0)
    return _Mixture(
        z=z,
        log_share=_without(labels, ways, plates).expand(batch).reshape(-1, *plates),
        log_weights=log_weights(estimator, plates[where.dim], where.num_data, like=z, mask=mask),
        ways=ways,
        dim=where.dim,
    )


def _log_labels(guide_trace: Trace, q: Site) -> Tensor:
    """Log-probability of the labels of an image, over all that are enumerated per image."""
    own = {frame.name for frame in plate_stack(q)}
    total: Tensor = q["value"].new_zeros(())
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
