r"""An ELBO whose top layer is split into mutual information, total correlation and the rest.

References:
    | Disentangling Improves VAEs' Robustness to Adversarial Attacks (Willetts et al.), Eqs 4, 9-11
    | Isolating Sources of Disentanglement in Variational Autoencoders (Chen et al., 2018),
      https://arxiv.org/abs/1802.04942
"""

import math
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any, cast, get_args

import torch
from pyro import poutine
from pyro.infer import Trace_ELBO
from pyro.infer.elbo import ELBOModule
from pyro.infer.util import torch_item
from pyro.poutine import Trace
from torch import Tensor, nn

from pyro_seatbelt.errors import InputError
from pyro_seatbelt.family import EstimatorName, Weights
from pyro_seatbelt.objectives.free_bits import floors_by_site, site_shortfall
from pyro_seatbelt.objectives.loss_module import LossModule
from pyro_seatbelt.objectives.plate_sizes import PlateSizes
from pyro_seatbelt.objectives.score_function import score_of_bound
from pyro_seatbelt.objectives.site_parts import (
    log_q_sum,
    site_parts,
)
from pyro_seatbelt.objectives.terms import Terms, TermsPerImage
from pyro_seatbelt.objectives.weight import Floor, SiteWeight, Weight, weights_by_site
from pyro_seatbelt.traces.log_prob import row_weights
from pyro_seatbelt.traces.plates import plate_around
from pyro_seatbelt.traces.sites import (
    check_not_enumerated,
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
    is a vector for each image, reparameterised, inside the plate. N is the
    plate's size. `Independent(base, 1)` has marginals, and so have multivariate normals, of low
    rank or not; of any other family with a density everywhere, such as an autoregressive flow, the
    aggregate is known jointly alone, and beta and gamma must be equal. Other sites of the guide
    may be discrete: their gradient comes from the score function, as in
    :class:`pyro.infer.Trace_ELBO`; :class:`TraceEnumTC_ELBO` enumerates them. It works in
    :class:`pyro.infer.SVI` and, as ``elbo(model, guide)``, under a torch optimizer. `alpha`,
    `beta`, `gamma`, `lower`, `weights` and `free_bits` are attributes: assign to them to anneal.

    Args:
        latent: Name of the site whose KL is decomposed, the top layer; or the weights of several
            sites by name, each decomposed with its own (a lower layer's dimension-wise KL is
            from :math:`p(z_i \mid z_{i+1})`).
        alpha: Weight of the index-code mutual information.
        beta: Weight of the total correlation.
        gamma: Weight of the dimension-wise KL.
        lower: Weight of the KL of the layers that are not decomposed, 1 in the paper.
        estimator: How a minibatch estimates :math:`q(z_L)` in the loss: `mws` (the paper's) or
            `mss`.
        free_bits: Floor under the KL of every latent dimension of every layer, in nats per image,
            or floors by site for some layers alone.
            It is under the ordinary KL; weights other than 1 act outside it.
            Vectorised particles share one floor under their mean, others have one each.
        analytic_entropy: Use the closed-form entropy of each guide conditional instead of
            :math:`-\log q` at the draw: same mean, and a smaller variance while the guide is
            narrower than the true posterior, as amortised guides are (near the exact posterior
            the draw's own :math:`\log q` cancels more).
        plate: Name of the plate over images; needed where the site is inside several vectorised
            plates and none is called `data`.
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
        Two layers, and a floor under one of them:

        >>> two = TraceTC_ELBO({"z1": Weights(beta=4.0), "z3": Weights(beta=6.0)},
        ...                    free_bits={"z1": 0.1})
        >>> two.weights["z3"]
        Weights(alpha=1.0, beta=6.0, gamma=1.0)

        >>> import pyro
        >>> from pyro_seatbelt import presets
        >>> family = presets.build("beta-tcvae", network="mlp", image_shape=(1, 8, 8), num_data=100)
        >>> elbo = TraceTC_ELBO("z1", beta=6.0)
        >>> loss = elbo.loss(family.model, family.guide, torch.rand(16, 1, 8, 8))
    """

    alpha = SiteWeight()
    beta = SiteWeight()
    gamma = SiteWeight()
    lower = Weight()
    free_bits = Floor()

    def __init__(
        self,
        latent: str | Mapping[str, Weights],
        *,
        alpha: float = 1.0,
        beta: float = 1.0,
        gamma: float = 1.0,
        lower: float = 1.0,
        estimator: EstimatorName = "mws",
        free_bits: float | Mapping[str, float] = 0.0,
        analytic_entropy: bool = False,
        plate: str | None = None,
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
        if not isinstance(cast(object, plate), str | None):
            raise TypeError(f"expected plate to be the name of a plate, got {plate!r}")
        if estimator not in get_args(EstimatorName):
            raise ValueError(
                f"unknown estimator '{estimator}': choose from {', '.join(get_args(EstimatorName))}"
            )
        self._weights = weights_by_site(latent, Weights(alpha, beta, gamma))
        self.lower = lower
        self.estimator: EstimatorName = estimator
        self.free_bits = free_bits
        self.analytic_entropy = analytic_entropy
        self.plate = plate
        self._sizes = PlateSizes()
        self._observers: list[Callable[[TermsPerImage], None]] = []

    @property
    def weights(self) -> Mapping[str, Weights]:
        """The weights of the decomposed sites by name; assign a mapping to anneal."""
        return MappingProxyType(self._weights)

    @weights.setter
    def weights(self, value: Mapping[str, Weights]) -> None:
        self._weights = weights_by_site(value, Weights())

    @property
    def latent(self) -> str:
        """Name of the decomposed site, of several the last."""
        return list(self._weights)[-1]

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
        names = shared_latents(model_trace, guide_trace, *self.weights)
        for trace in (guide_trace, model_trace):
            check_not_enumerated(*sample_sites(trace).values())
        kl = {
            name: log_q_sum(guide_trace.nodes[name], self.analytic_entropy)
            - model_trace.nodes[name]["log_prob_sum"]
            for name in names
        }
        parts = {
            name: site_parts(
                guide_trace.nodes[name],
                model_trace.nodes[name],
                plate=self.plate,
                estimator=estimator or self.estimator,
                analytic_entropy=self.analytic_entropy,
            )
            for name in self.weights
        }
        first, *others = parts.values()
        zero = torch.zeros_like(first.mutual_information)
        lower = [value for name, value in kl.items() if name not in parts]
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
            mutual_information=sum(
                (p.mutual_information for p in others), first.mutual_information
            ),
            total_correlation=sum((p.total_correlation for p in others), first.total_correlation),
            dimension_wise_kl=sum((p.dimension_wise_kl for p in others), first.dimension_wise_kl),
            kl=kl,
            parts=parts,
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
        weighted = self._weighted(terms)
        loss = -terms.log_likelihood
        for weight, part in weighted:
            loss = loss + weight * part
        penalty = self._penalty(model_trace, guide_trace, self.estimator)
        if penalty is not None:
            loss = loss + penalty
        missing = self._shortfall(model_trace, guide_trace, list(terms.kl))
        if missing is not None:
            loss = loss + missing
        score = score_of_bound(
            model_trace,
            guide_trace,
            weighted,
            [penalty, missing],
            analytic_entropy=self.analytic_entropy,
        )
        if score is not None:
            loss = loss + score
        if self._observers:
            report = self._per_image(model_trace, guide_trace, missing)
            for callback in self._observers:
                callback(report)
        return loss

    def _check_plates(self, model_trace: Trace, guide_trace: Trace) -> None:
        for name in self.weights:
            site = sample_sites(guide_trace).get(name)
            if site is not None:
                plate = self.plate or plate_around(site)
                self._sizes.check(model_trace, guide_trace, name, plate)

    def _weighted(self, terms: Terms) -> list[tuple[float, Tensor]]:
        """The parts of the KL with their weights."""
        decomposed = [
            each
            for name, weights in self.weights.items()
            for each in terms.parts[name].weighted(name, weights)
        ]
        return [(self.lower, terms.lower_kl), *decomposed]

    def _penalty(
        self,
        model_trace: Trace,  # noqa: ARG002 - for objectives that add something
        guide_trace: Trace,  # noqa: ARG002
        estimator: EstimatorName,  # noqa: ARG002
    ) -> Tensor | None:
        """What an objective adds to the weighted parts, a sum over the plate's images, in nats."""
        return None

    def _shortfall(self, model_trace: Trace, guide_trace: Trace, names: list[str]) -> Tensor | None:
        missing = [
            site_shortfall(
                guide_trace.nodes[name],
                model_trace.nodes[name],
                floor,
                analytic_entropy=self.analytic_entropy,
            )
            for name, floor in floors_by_site(self.free_bits, names).items()
        ]
        return torch.stack(missing).sum() if missing else None

    @torch.no_grad()
    def _per_image(
        self, model_trace: Trace, guide_trace: Trace, missing: Tensor | None
    ) -> TermsPerImage:
        terms = self.terms(model_trace, guide_trace, estimator="mss")
        penalty = self._penalty(model_trace, guide_trace, "mss")
        return TermsPerImage.of(terms, self._weighted(terms), [penalty, missing])
