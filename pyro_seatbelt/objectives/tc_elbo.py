r"""An ELBO whose top layer is split into mutual information, total correlation and the rest.

References:
    | Disentangling Improves VAEs' Robustness to Adversarial Attacks (Willetts et al.), Eqs 4, 9-11
    | Isolating Sources of Disentanglement in Variational Autoencoders (Chen et al., 2018),
      https://arxiv.org/abs/1802.04942
"""

import math
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, cast, get_args

import torch
from pyro import poutine
from pyro.distributions.util import scale_and_mask
from pyro.infer import Trace_ELBO
from pyro.infer.elbo import ELBOModule
from pyro.infer.util import torch_item
from pyro.poutine import Trace
from torch import Tensor, nn

from pyro_seatbelt.errors import InputError
from pyro_seatbelt.family import EstimatorName
from pyro_seatbelt.objectives.aggregate import AggregateSums, aggregate_sums, log_weights
from pyro_seatbelt.objectives.free_bits import shortfall
from pyro_seatbelt.objectives.loss_module import LossModule
from pyro_seatbelt.objectives.score_function import score_function
from pyro_seatbelt.objectives.terms import Terms, TermsPerImage
from pyro_seatbelt.objectives.weight import Weight
from pyro_seatbelt.traces.factors import entropy, factorised
from pyro_seatbelt.traces.log_prob import row_weights, sum_over_draws
from pyro_seatbelt.traces.plates import data_plate, find_plate
from pyro_seatbelt.traces.ranks import shared_batch
from pyro_seatbelt.traces.sites import (
    Site,
    check_not_enumerated,
    check_reparameterised,
    sample_sites,
    shared_latents,
)


class TraceTC_ELBO(Trace_ELBO):
    r"""The total-correlation decomposed ELBO of a hierarchy, on Pyro traces.

    With the top site :math:`z_L` and its guide parent :math:`\mathrm{pa}`:

    .. math::
        \mathcal{L} = E_q \Big[ \log p(x \mid z)
          - \sum_{i<L} \log \tfrac{q(z_i \mid \cdot)}{p(z_i \mid z_{i+1})}
          - \alpha \log \tfrac{q(z_L \mid \mathrm{pa})}{q(z_L)}
          - \beta \log \tfrac{q(z_L)}{\prod_j q(z_{L,j})}
          - \gamma \sum_j \log \tfrac{q(z_{L,j})}{p(z_{L,j})} \Big]

    The expectation is over the joint guide, by draws. With
    :math:`\alpha = \beta = \gamma` = 1 and no floor the value and its gradient
    equal those of :class:`pyro.infer.Trace_ELBO`. The constant
    :math:`-E_{q(x)} \log q(x) = \log N` of Eq 9 is left out.

    It reads only the traces: any model and guide will do whose site `latent`
    is `Independent(base, 1)`, reparameterised, inside the plate. N is the
    plate's size. Other sites of the guide may be discrete: their gradient comes from the score
    function, as in :class:`pyro.infer.Trace_ELBO`; none is enumerated. It works in
    :class:`pyro.infer.SVI` and, as ``elbo(model, guide)``, under a torch optimizer. `alpha`,
    `beta`, `gamma` and `free_bits` are attributes: assign to them to anneal.

    Args:
        latent: Name of the site whose KL is decomposed, the top layer.
        alpha: Weight of the index-code mutual information.
        beta: Weight of the total correlation.
        gamma: Weight of the dimension-wise KL.
        estimator: How a minibatch estimates :math:`q(z_L)` in the loss: `mws` (the paper's) or
            `mss`.
        free_bits: Floor under the KL of every latent dimension of every layer, in nats per image.
            At the top it is under the ordinary KL; weights other than 1 act outside the floor.
            Vectorised particles share one floor under their mean, others have one each.
        analytic_entropy: Use the closed-form entropy of each guide conditional instead of
            :math:`-\log q` at the draw: same mean, and a smaller variance while the guide is
            narrower than the true posterior, as amortised guides are (near the exact posterior
            the draw's own :math:`\log q` cancels more).
        plate: Name of the plate over images.
        num_particles: Draws of the latents per evaluation.
        vectorize_particles: Draw them in parallel.
        max_plate_nesting: As in Pyro; give it (1 for our models) with vectorised particles, or
            the pair is run once more to guess it.
        strict_enumeration_warning: As in Pyro.
        retain_graph: As in Pyro.

    Raises:
        TypeError: On a weight that is no number, or a name that is none.
        ValueError: On a negative weight or floor (assigned later, too) or an unknown estimator;
            while running, when the site or the plate is missing, or model and guide stand for
            data sets of two sizes.
        NotImplementedError: While running, when the site cannot be decomposed or reparameterised,
            or any is to be enumerated.

    Example:
        >>> import pyro
        >>> from pyro_seatbelt import presets
        >>> family = presets.build("beta-tcvae", network="mlp", image_shape=(1, 8, 8), num_data=100)
        >>> elbo = TraceTC_ELBO("z1", beta=6.0)
        >>> loss = elbo.loss(family.model, family.guide, torch.rand(16, 1, 8, 8))
    """

    alpha = Weight()
    beta = Weight()
    gamma = Weight()
    free_bits = Weight()

    def __init__(
        self,
        latent: str,
        *,
        alpha: float = 1.0,
        beta: float = 1.0,
        gamma: float = 1.0,
        estimator: EstimatorName = "mws",
        free_bits: float = 0.0,
        analytic_entropy: bool = False,
        plate: str = "data",
        num_particles: int = 1,
        vectorize_particles: bool = False,
        max_plate_nesting: float = math.inf,
        strict_enumeration_warning: bool = True,
        retain_graph: bool | None = None,
    ) -> None:
        super().__init__(  # type: ignore[no-untyped-call]
            num_particles=num_particles,
            vectorize_particles=vectorize_particles,
            max_plate_nesting=max_plate_nesting,
            strict_enumeration_warning=strict_enumeration_warning,
            retain_graph=retain_graph,
        )
        for name, value, kind in (("latent", latent, "site"), ("plate", plate, "plate")):
            if not isinstance(value, str):
                raise TypeError(f"expected {name} to be the name of a {kind}, got {value!r}")
        if estimator not in get_args(EstimatorName):
            raise ValueError(
                f"unknown estimator '{estimator}': choose from {', '.join(get_args(EstimatorName))}"
            )
        self.latent = latent
        self.alpha = alpha
        self.beta = beta
        self.gamma = gamma
        self.estimator: EstimatorName = estimator
        self.free_bits = free_bits
        self.analytic_entropy = analytic_entropy
        self.plate = plate
        self._whole: int | None = None  # size of a plate that its batch filled
        self._observers: list[Callable[[TermsPerImage], None]] = []

    def __call__(self, model: Callable[..., Any], guide: Callable[..., Any]) -> ELBOModule:
        """A module that computes the loss and has the parameters of model and guide.

        Args:
            model: A model, a module if it has parameters.
            guide: A guide, a module if it has parameters.
        """
        return LossModule(cast(nn.Module, model), cast(nn.Module, guide), self)

    def terms(
        self, model_trace: Trace, guide_trace: Trace, *, estimator: EstimatorName | None = None
    ) -> Terms:
        """Splits the bound of one pair of traces into its named parts.

        Args:
            model_trace: Trace of the model, replayed against the guide's.
            guide_trace: Trace of the guide.
            estimator: Instead of the objective's own; `mss` for numbers to report.

        Returns:
            Differentiable scaled sums, in nats. With the estimator `mws` the three parts of the
            top layer are off by multiples of log N.
        """
        self._check_plates(model_trace, guide_trace)
        model_trace.compute_log_prob()
        guide_trace.compute_log_prob()
        names = shared_latents(model_trace, guide_trace, self.latent)
        q = guide_trace.nodes[self.latent]
        check_reparameterised(q)
        for trace in (guide_trace, model_trace):
            check_not_enumerated(*sample_sites(trace).values())
        kl = {
            name: self._log_q(guide_trace.nodes[name]) - model_trace.nodes[name]["log_prob_sum"]
            for name in names
        }
        log_qz = self._aggregate(q, model_trace.nodes[self.latent], estimator or self.estimator)
        log_product = log_qz.marginal.sum()
        zero = torch.zeros_like(log_product)
        lower = [value for name, value in kl.items() if name != self.latent]
        # sites of one program alone (auxiliary, or drawn from the prior) count as in Trace_ELBO
        model_sites, guide_sites = sample_sites(model_trace), sample_sites(guide_trace)
        lower += [s["log_prob_sum"] for name, s in guide_sites.items() if name not in kl]
        lower += [
            -s["log_prob_sum"]
            for name, s in model_sites.items()
            if name not in kl and not s["is_observed"]
        ]
        return Terms(
            log_likelihood=sum(
                (site["log_prob_sum"] for site in model_sites.values() if site["is_observed"]),
                zero,
            ),
            lower_kl=sum(lower, zero),
            mutual_information=self._log_q(q) - log_qz.joint,
            total_correlation=log_qz.joint - log_product,
            dimension_wise_kl=log_product - model_trace.nodes[self.latent]["log_prob_sum"],
            kl=kl,
            num_images=row_weights(model_trace.nodes[self.latent]).sum(),
        )

    @contextmanager
    def observing(self, callback: Callable[[TermsPerImage], None]) -> Iterator[None]:
        """While open, gives a :class:`TermsPerImage` of every particle that a loss is computed for.

        The reports come from the same traces as the loss; they cost one more
        aggregate posterior each and no gradient.

        Args:
            callback: Called once per particle (vectorised particles are one).
        """
        self._observers.append(callback)
        try:
            yield
        finally:
            self._observers.remove(callback)

    @torch.no_grad()
    def loss(
        self, model: Callable[..., Any], guide: Callable[..., Any], *args: Any, **kwargs: Any
    ) -> float:
        """Estimates the negative objective, a sum over the plate's images, in nats."""
        loss: float = self.differentiable_loss(model, guide, *args, **kwargs).item()
        if math.isnan(loss):
            warnings.warn("Encountered NaN: loss", stacklevel=2)
        return loss

    def differentiable_loss(
        self, model: Callable[..., Any], guide: Callable[..., Any], *args: Any, **kwargs: Any
    ) -> Tensor:
        """Estimates the negative objective with its gradient, a sum over the plate's images.

        Nothing in it waits for the device.
        """
        traces = self._get_traces(model, guide, args, kwargs)  # type: ignore[no-untyped-call]
        try:
            particles = [self._particle_loss(*pair) for pair in traces]
        except InputError:
            raise
        except ValueError:
            # Pyro is the first to look at the shapes, which differ where two plates do
            guide_trace = poutine.trace(guide).get_trace(*args, **kwargs)
            replayed = poutine.replay(model, trace=guide_trace)
            self._check_plates(poutine.trace(replayed).get_trace(*args, **kwargs), guide_trace)
            raise
        total: Tensor = torch.stack(particles).sum() / self.num_particles
        return total

    def _differentiable_loss_particle(
        self, model_trace: Trace, guide_trace: Trace
    ) -> tuple[float, Tensor]:
        loss = self._particle_loss(model_trace, guide_trace)
        return torch_item(loss), loss

    def _particle_loss(self, model_trace: Trace, guide_trace: Trace) -> Tensor:
        terms = self.terms(model_trace, guide_trace)
        loss = (
            -terms.log_likelihood
            + terms.lower_kl
            + self.alpha * terms.mutual_information
            + self.beta * terms.total_correlation
            + self.gamma * terms.dimension_wise_kl
        )
        missing = None
        if self.free_bits > 0:
            missing = self._shortfall(model_trace, guide_trace, list(terms.kl))
            loss = loss + missing
        score = self._score(model_trace, guide_trace, terms, missing)
        if score is not None:
            loss = loss + score
        if self._observers:
            report = self._per_image(model_trace, guide_trace, missing)
            for callback in self._observers:
                callback(report)
        return loss

    def _check_plates(self, model_trace: Trace, guide_trace: Trace) -> None:
        """Raises on plates that stand for two data sets, before Pyro does on their shapes."""
        sites = [sample_sites(trace).get(self.latent) for trace in (model_trace, guide_trace)]
        p, q = (None if site is None else find_plate(site, self.plate) for site in sites)
        if p is not None and q is not None and p.num_data != q.num_data:
            raise InputError(
                f"plate '{self.plate}': the guide's stands for {q.num_data} images and the "
                f"model's for {p.num_data}: give both the same num_data"
            )
        if q is None or q.size != q.num_data:
            return
        if self._whole not in (None, -1, q.size):
            warnings.warn(
                f"plate '{self.plate}': the data set's size N is {self._whole} and then {q.size}, "
                "as large as the batch each time, and N counts in the decomposition: if these are "
                f"batches of one data set, write pyro.plate('{self.plate}', num_data, subsample=x)",
                stacklevel=2,
            )
            self._whole = -1  # once is enough
        elif self._whole is None:
            self._whole = q.size

    def _log_q(self, site: Site) -> Tensor:
        """The guide's log-density summed over images, or the negative entropy in its place."""
        if not self.analytic_entropy:
            log_prob_sum: Tensor = site["log_prob_sum"]
            return log_prob_sum
        return _negative_entropy(site).sum()

    def _score(
        self, model_trace: Trace, guide_trace: Trace, terms: Terms, missing: Tensor | None
    ) -> Tensor | None:
        coupled = torch.zeros_like(terms.lower_kl) if missing is None else missing
        for weight, part in self._weighted(terms):
            if weight != 1:
                coupled = coupled + (weight - 1) * part
        log_q = {
            name: _negative_entropy(site)
            if self.analytic_entropy and name in terms.kl
            else site["log_prob"]
            for name, site in sample_sites(guide_trace).items()
        }
        return score_function(model_trace, guide_trace, log_q, coupled)

    def _weighted(self, terms: Terms) -> list[tuple[float, Tensor]]:
        """The parts of the top layer with their weights."""
        return [
            (self.alpha, terms.mutual_information),
            (self.beta, terms.total_correlation),
            (self.gamma, terms.dimension_wise_kl),
        ]

    def _aggregate(self, q: Site, p: Site, estimator: EstimatorName) -> AggregateSums:
        posterior = factorised(q, "decomposed")
        plate = data_plate(q, self.plate)
        # the aggregate stands against the prior: it is scaled and masked as the model is
        z, rows = q["value"], row_weights(p)
        mask = None
        if isinstance(p["mask"], Tensor):
            mask = p["mask"].expand(rows.shape).movedim(plate.dim, 0)
        num_images = plate.size
        shared = shared_batch(q)
        if shared is not None:  # its rows are a part of the minibatch
            num_images *= shared.size
            posterior = shared.posteriors(posterior, plate.dim - 1)
            mask = mask if mask is None else shared.gather(mask.to(z)).bool()
        weights = log_weights(estimator, num_images, plate.num_data, like=z, mask=mask)
        if shared is not None and weights.ndim:
            weights = shared.own_rows(weights)
        return aggregate_sums(z, posterior, weights, rows, dim=plate.dim)

    def _shortfall(self, model_trace: Trace, guide_trace: Trace, names: list[str]) -> Tensor:
        missing = []
        for name in names:
            q: Site = guide_trace.nodes[name]
            p: Site = model_trace.nodes[name]
            posterior, prior = factorised(q, "given free bits"), factorised(p, "given free bits")
            log_q = (
                -entropy(q, posterior) if self.analytic_entropy else posterior.log_prob(q["value"])
            )
            log_ratio = sum_over_draws(log_q, q) - sum_over_draws(prior.log_prob(q["value"]), p)
            shared = shared_batch(q)
            if shared is not None:
                log_ratio = shared.mean(log_ratio)
            missing.append(shortfall(log_ratio, self.free_bits, row_weights(q).sum()))
        return torch.stack(missing).sum()

    @torch.no_grad()
    def _per_image(
        self, model_trace: Trace, guide_trace: Trace, missing: Tensor | None
    ) -> TermsPerImage:
        terms = self.terms(model_trace, guide_trace, estimator="mss")
        elbo = terms.log_likelihood - terms.lower_kl - terms.kl[self.latent]
        objective = elbo
        for weight, part in self._weighted(terms):
            if weight != 1:  # a part may be NaN
                objective = objective - (weight - 1) * part
        if missing is not None:
            objective = objective - missing

        parts = {
            "objective": objective,
            "elbo": elbo,
            "log_likelihood": terms.log_likelihood,
            "mutual_information": terms.mutual_information,
            "total_correlation": terms.total_correlation,
            "dimension_wise_kl": terms.dimension_wise_kl,
        }
        sums = torch.stack([*parts.values(), *terms.kl.values()])
        numbers = (sums / terms.num_images).tolist()  # one wait for the device, not one each
        return TermsPerImage(
            **dict(zip(parts, numbers, strict=False)),
            kl=dict(zip(terms.kl, numbers[len(parts) :], strict=True)),
        )


def _negative_entropy(site: Site) -> Tensor:
    """In the batch shape of the site, scaled and masked."""
    weighted: Tensor = scale_and_mask(-entropy(site, site["fn"]), site["scale"], site["mask"])
    return weighted
