r"""The TC-decomposed ELBO with discrete sites summed out.

References:
    | Semi-Supervised Learning with Deep Generative Models (Kingma et al., 2014), Eq 7
    | Variational Deep Embedding (Jiang et al., 2017)
"""

from collections.abc import Callable, Iterator
from typing import Any, NoReturn

from pyro.infer import TraceEnum_ELBO
from pyro.infer.traceenum_elbo import _compute_dice_elbo
from pyro.poutine import Trace
from torch import Tensor

from pyro_seatbelt.objectives.enumerated_parts import enumerated_parents, enumerated_parts
from pyro_seatbelt.objectives.tc_elbo import TraceTC_ELBO
from pyro_seatbelt.traces.sites import shared_latents


class TraceEnumTC_ELBO(TraceTC_ELBO):
    r"""A :class:`TraceTC_ELBO` whose discrete sites are enumerated as Pyro's `TraceEnum_ELBO` does.

    With all weights 1 it is :class:`pyro.infer.TraceEnum_ELBO`, in value and gradient. With others
    what they weigh is added. Where the guide enumerates a label y in parallel, as in the
    semi-supervised M2, z is drawn for every label and image, and the aggregate posterior is the
    mixture of them all:

    .. math::
        q(z) = \frac{1}{N} \sum_n \sum_y q(y \mid x_n) \, q(z \mid x_n, y)

    Where the model alone enumerates, as the mixture prior of VaDE, mutual information and total
    correlation are those of a guide without labels. All pairs of label and image are in memory
    together: :math:`(KM)^2 D` numbers of M images and K labels.

    Args:
        latent: As in :class:`TraceTC_ELBO`, like all others.
        options: Those of :class:`TraceTC_ELBO`, but for free bits and the analytic entropy.

    Raises:
        NotImplementedError: On free bits and the analytic entropy (assigned later, too). While
            running with weights other than 1, beside sequential enumeration, enumeration by few
            samples, discrete sites of the guide that are drawn, labels that several images share,
            and several processes that share a minibatch; and where a weight needs
            :math:`\log p(z)` of a prior that depends on a site enumerated in the model (only
            `alpha` and `beta` then have a meaning).

    Example:
        >>> elbo = TraceEnumTC_ELBO("z", beta=4.0, max_plate_nesting=1)
        >>> elbo.beta
        4.0
    """

    def __init__(self, latent: Any, **options: Any) -> None:
        super().__init__(latent, **options)
        self._check_options()
        self._enumerating = TraceEnum_ELBO(
            num_particles=self.num_particles,
            vectorize_particles=self.vectorize_particles,
            max_plate_nesting=options.get("max_plate_nesting", float("inf")),
            strict_enumeration_warning=self.strict_enumeration_warning,
        )

    def _check_options(self) -> None:
        if self.analytic_entropy or self.free_bits != 0.0:
            raise NotImplementedError(
                "TraceEnumTC_ELBO has no free_bits and no analytic_entropy: leave them out, or "
                "draw the discrete sites under TraceTC_ELBO"
            )

    @property
    def observing(self) -> NoReturn:
        """Not there: a sum over labels of the model does not fall into a likelihood and a KL.

        Raises:
            AttributeError: Always, so that training does not ask for reports.
        """
        raise AttributeError(
            "the bound is not reported in parts where sites are enumerated: read the loss, or draw "
            "the sites under TraceTC_ELBO"
        )

    def _get_traces(
        self, model: Callable[..., Any], guide: Callable[..., Any], args: Any, kwargs: Any
    ) -> Iterator[tuple[Trace, Trace]]:
        traces: Iterator[tuple[Trace, Trace]] = self._enumerating._get_traces(  # noqa: SLF001
            model, guide, args, kwargs
        )
        return traces

    def _particle_loss(self, model_trace: Trace, guide_trace: Trace) -> Tensor:
        self._check_options()
        shared_latents(model_trace, guide_trace, *self.weights)
        self._check_plates(model_trace, guide_trace)
        if self.lower != 1:
            raise NotImplementedError(
                f"lower={self.lower:g}: the bound is not taken apart where sites are enumerated: "
                "use lower=1, or draw the sites under TraceTC_ELBO"
            )
        loss: Tensor = -_compute_dice_elbo(model_trace, guide_trace)
        for name, weights in self.weights.items():
            if set(weights) == {1.0}:
                continue
            parents = enumerated_parents(model_trace, guide_trace, name)
            if parents and weights.gamma != 1:
                raise NotImplementedError(
                    f"site '{name}': gamma={weights.gamma:g} weighs log p(z), and its prior "
                    f"depends on '{parents[0]}', which the model enumerates: use gamma=1, or "
                    "enumerate the site in the guide, or declare the prior with "
                    "dist.MixtureSameFamily"
                )
            parts = enumerated_parts(
                model_trace,
                guide_trace,
                name,
                plate=self.plate,
                estimator=self.estimator,
                nesting=int(self._enumerating.max_plate_nesting),
            )
            for weight, part in parts.weighted(name, weights):
                if weight != 1:
                    loss = loss + (weight - 1) * part
        return loss
