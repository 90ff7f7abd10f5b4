r"""What an attacker minimises, read from the traces of a Pyro model and guide.

Every objective is a distance of the distorted input's posterior or reconstruction from the
target's, for each problem. :class:`~pyro_seatbelt.attacks.Attack` adds the penalty
:math:`\lambda \|d\|_2`.

References:
    | Disentangling Improves VAEs' Robustness to Adversarial Attacks (Willetts et al.), Eqs 12-15
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar, Literal

import torch
from pyro import poutine
from pyro.poutine import Trace
from torch import Tensor
from torch.distributions import kl_divergence

from pyro_seatbelt.attacks.draws import Draws
from pyro_seatbelt.attacks.pair import Layers, Pair
from pyro_seatbelt.attacks.targets import Targets
from pyro_seatbelt.errors import InputError
from pyro_seatbelt.traces.plates import rows_first
from pyro_seatbelt.traces.posteriors import Posterior
from pyro_seatbelt.traces.sites import describe, sample_sites

Distance = Callable[[Tensor, Tensor], Tensor]
"""Maps inputs `(n, *image)` and the problems `(n,)` that they belong to, to distances `(n,)`."""

Estimator = Literal["closed-form", "samples"]


class Objective(ABC):
    """A distance that an attack minimises (or maximises, when it has no target).

    Attributes:
        name: Its short name, as in the tables.
        needs_model: Whether it reads the model, too.
    """

    name: ClassVar[str]
    needs_model: ClassVar[bool] = False
    layers: Layers = "all"

    @abstractmethod
    def bind(self, pair: Pair, target: Tensor, draws: Draws) -> Distance:
        """Fixes the pair, the targets and the draws.

        Args:
            pair: The model and the guide.
            target: The target of every problem, shape `(P, *image)`.
            draws: The draws of every problem.

        Returns:
            The distance, differentiable in the inputs; row i depends on input i alone.
        """


class _LatentObjective(Objective):
    """A sum over layers of a distance between posteriors, a mean over the draws."""

    def __init__(self, layers: Layers = "all") -> None:
        self.layers = layers

    @abstractmethod
    def _layer(self, q: Posterior, target: Posterior, num_draws: int) -> Tensor:
        """The distance at one layer, shape `(n,)`, from posteriors of ``n * num_draws`` rows."""

    def bind(self, pair: Pair, target: Tensor, draws: Draws) -> Distance:
        """Reads the targets' posteriors once where they are Gaussian (see :class:`Objective`)."""
        targets = Targets(pair, target, draws)

        def distance(x: Tensor, problems: Tensor) -> Tensor:
            posteriors = pair.posteriors(pair.trace_guide(draws.repeat(x), draws, problems))
            aims = targets.of(problems)
            layers = [self._layer(posteriors[s], aims[s], draws.num) for s in pair.layers]
            return torch.stack(layers).sum(0)

        return distance


class LatentKL(_LatentObjective):
    r"""The Kullback-Leibler divergence of the posteriors, in nats (Eqs 13-15).

    .. math::
        \sum_{i \in \text{layers}} KL\left( q(z_i \mid x + d) \,\|\, q(z_i \mid x_t) \right)

    Where a layer is conditioned on a draw of the layer below, the draws on the two sides
    share their noise, and the divergence is averaged over the draws.

    Args:
        layers: `all` (Eq 15), `top`, `base` (Eq 14), or the names of some sites.
        estimator: `closed-form` uses the formula for diagonal Gaussians and the divergence
            registered with :func:`torch.distributions.kl.register_kl` for others. `samples`
            averages :math:`\log q(z \mid x + d) - \log q(z \mid x_t)` over the frozen draws from
            :math:`q(z \mid x + d)`, for pairs with no registered divergence: unbiased over the
            noise, but it can be negative, and an attacker exploits few draws. Use many.

    Example:
        >>> LatentKL("top").name
        'latent-kl'
    """

    name = "latent-kl"

    def __init__(self, layers: Layers = "all", *, estimator: Estimator = "closed-form") -> None:
        super().__init__(layers)
        self.estimator = estimator

    def _layer(self, q: Posterior, target: Posterior, num_draws: int) -> Tensor:
        if self.estimator == "samples":
            terms = q.log_prob(q.value) - target.log_prob(q.value)
        elif (
            q.loc is not None
            and q.scale is not None
            and target.loc is not None
            and target.scale is not None
        ):
            terms = gaussian_kl(q.loc, q.scale, target.loc, target.scale)
        else:
            terms = q.sum_rows(_registered_kl(q, target))
        return terms.view(-1, num_draws).mean(1)


class LatentW2(_LatentObjective):
    r"""The 2-Wasserstein distance of the posteriors.

    .. math::
        \sum_{i \in \text{layers}} W_2\left( q(z_i \mid x + d), q(z_i \mid x_t) \right), \qquad
        W_2^2 = \|\mu - \mu_t\|_2^2 + \|\sigma - \sigma_t\|_2^2

    With K draws, the squares are averaged over the draws before the root is taken.

    Args:
        layers: `all`, `top`, `base`, or the names of some sites.
        estimator: `closed-form` is the formula for diagonal Gaussians. `samples` takes the root
            mean square of the differences between the two sides' draws, which share their noise:
            an estimate of the cost of one coupling, so of an upper bound on the distance (the
            distance itself, for factorised location-scale families). Use many draws.

    Example:
        >>> LatentW2(["z1"]).layers
        ['z1']
    """

    name = "latent-w2"

    def __init__(self, layers: Layers = "all", *, estimator: Estimator = "closed-form") -> None:
        super().__init__(layers)
        self.estimator = estimator

    def _layer(self, q: Posterior, target: Posterior, num_draws: int) -> Tensor:
        if self.estimator == "samples":
            difference = rows_first(q.value, q.axis) - rows_first(target.value, target.axis)
        elif q.loc is None or q.scale is None or target.loc is None or target.scale is None:
            raise InputError(
                f"site '{q.site}': the 2-Wasserstein distance has a closed form for diagonal "
                f"Gaussians, not for {describe(q.fn)}; estimate it with "
                "LatentW2(estimator='samples') and several samples"
            )
        else:
            difference = torch.cat([q.loc - target.loc, q.scale - target.scale], 1)
        # one norm, because its gradient at 0 is 0, where that of a root of squares is NaN
        norm: Tensor = torch.linalg.vector_norm(
            difference.reshape(-1, num_draws * difference.shape[1]), dim=1
        )
        return norm / math.sqrt(num_draws)


class LatentL2(_LatentObjective):
    r"""The Euclidean distance between the means of the posteriors, or between draws.

    .. math::
        \sum_{i \in \text{layers}} \|\mu_i(x + d) - \mu_i(x_t)\|_2
        \quad \text{or} \quad \sum_{i \in \text{layers}} \|z_i - z_i'\|_2

    The draws :math:`z_i \sim q(z_i \mid x + d)` and :math:`z_i' \sim q(z_i \mid x_t)` share
    their noise. With K draws, the distances are averaged.

    Args:
        between: `means` or `draws`.
        layers: `all`, `top`, `base`, or the names of some sites.

    References:
        | Adversarial Examples for Generative Models (Kos et al., 2018)
        | https://arxiv.org/abs/1702.06832

    Example:
        >>> LatentL2("draws", layers="base").name
        'latent-l2'
    """

    name = "latent-l2"

    def __init__(
        self, between: Literal["means", "draws"] = "means", *, layers: Layers = "all"
    ) -> None:
        super().__init__(layers)
        if between not in ("means", "draws"):
            raise InputError(f"expected LatentL2 between 'means' or 'draws', got {between!r}")
        self.between = between

    def _layer(self, q: Posterior, target: Posterior, num_draws: int) -> Tensor:
        one, other = (
            rows_first(p.value, p.axis) if self.between == "draws" else _mean(p)
            for p in (q, target)
        )
        norms: Tensor = torch.linalg.vector_norm(one - other, dim=1)
        return norms.view(-1, num_draws).mean(1)


class Output(Objective):
    r"""The negative evidence lower bound of the target under the input's posterior, in nats.

    .. math::
        -E_{q(z \mid x + d)}\left[\log p(x_t \mid z)\right]
        + KL\left( q(z \mid x + d) \,\|\, p(z) \right)

    Eq 12 is printed with the sign of a bound to maximise; this is its negative. With one
    latent site the divergence has its closed form where there is one; in a hierarchy it is the
    log-ratio :math:`\log q(z) - \log p(z)` at the frozen draws, because the expectation runs
    over the joint posterior. It reads every layer.

    Example:
        >>> Output.needs_model
        True
    """

    name = "output"
    needs_model = True

    def bind(self, pair: Pair, target: Tensor, draws: Draws) -> Distance:
        """Fixes the pair, the targets and the draws (see :class:`Objective`)."""
        model = pair.model
        if model is None:
            raise InputError("the output attack needs the model: pass it with the guide")

        def distance(x: Tensor, problems: Tensor) -> Tensor:
            guide_trace = pair.trace_guide(draws.repeat(x), draws, problems)
            aims = draws.repeat(target[problems])
            model_trace = poutine.trace(poutine.replay(model, trace=guide_trace)).get_trace(aims)
            return draws.mean(_negative_elbo(pair, model_trace, guide_trace))

        return distance


def gaussian_kl(loc: Tensor, scale: Tensor, target_loc: Tensor, target_scale: Tensor) -> Tensor:
    r"""The divergence between diagonal Gaussians, in nats.

    .. math::
        KL = \sum_j \tfrac{1}{2} \left( e^{2 r_j} - 1 - 2 r_j
        + \left( \frac{\mu_j - \mu_{t,j}}{\sigma_{t,j}} \right)^2 \right),
        \qquad r_j = \log \frac{\sigma_j}{\sigma_{t,j}}

    Written so that it keeps its digits where the two nearly agree, which is where a
    successful attack ends.

    Args:
        loc: Means, shape `(n, M)`.
        scale: Standard deviations, shape `(n, M)`.
        target_loc: Means of the second argument.
        target_scale: Its standard deviations.

    Returns:
        Shape `(n,)`.

    Example:
        >>> one, zero = torch.ones(1, 1), torch.zeros(1, 1)
        >>> gaussian_kl(one, one, zero, one)
        tensor([0.5000])
    """
    log_ratio = (scale / target_scale).log()
    spread = torch.expm1(2 * log_ratio) - 2 * log_ratio
    return 0.5 * (spread + ((loc - target_loc) / target_scale) ** 2).sum(1)


def _registered_kl(q: Posterior, target: Posterior) -> Tensor:
    try:
        return kl_divergence(q.fn, target.fn)
    except NotImplementedError as error:
        raise InputError(
            f"site '{q.site}': no KL divergence is registered between {describe(q.fn)} and "
            f"{describe(target.fn)}; register one with torch.distributions.kl.register_kl, or "
            "estimate it with LatentKL(estimator='samples') and several samples"
        ) from error


def _mean(posterior: Posterior) -> Tensor:
    if posterior.loc is not None:
        return posterior.loc
    try:
        return rows_first(posterior.fn.mean, posterior.axis)
    except NotImplementedError as error:
        raise InputError(
            f"site '{posterior.site}': {describe(posterior.fn)} has no mean; compare draws, with "
            "LatentL2('draws')"
        ) from error


def _negative_elbo(pair: Pair, model_trace: Trace, guide_trace: Trace) -> Tensor:
    nodes = sample_sites(model_trace).values()
    observed = [pair.log_prob(node) for node in nodes if node["is_observed"]]
    if not observed:
        raise InputError("the model observes nothing: give its likelihood site obs=x")
    latent = [node for node in nodes if not node["is_observed"]]
    divergence = None
    if len(latent) == 1 and pair.latents == (latent[0]["name"],):
        divergence = _closed_form(pair, latent[0], guide_trace)
    if divergence is None:
        log_q = [pair.log_prob(sample_sites(guide_trace)[name]) for name in pair.latents]
        divergence = torch.stack(log_q).sum(0)
        divergence = divergence - torch.stack([pair.log_prob(node) for node in latent]).sum(0)
    return divergence - torch.stack(observed).sum(0)


def _closed_form(pair: Pair, prior: dict[str, Any], guide_trace: Trace) -> Tensor | None:
    try:
        terms = kl_divergence(sample_sites(guide_trace)[prior["name"]]["fn"], prior["fn"])
    except NotImplementedError:
        return None
    return pair.weigh(prior, terms)
