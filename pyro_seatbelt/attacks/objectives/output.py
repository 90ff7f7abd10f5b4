"""The output attack: the evidence lower bound of the target."""

import torch
from pyro.poutine import Trace
from torch import Tensor
from torch.distributions import kl_divergence

from pyro_seatbelt.attacks.latent_draws import LatentDraws
from pyro_seatbelt.attacks.objectives.objective import Distance, Objective
from pyro_seatbelt.attacks.pair import Pair
from pyro_seatbelt.errors import InputError
from pyro_seatbelt.traces.programs import replay_model
from pyro_seatbelt.traces.sites import Site, sample_sites


class Output(Objective):
    r"""The negative evidence lower bound of the target under the input's posterior, in nats.

    .. math::
        -E_{q(z \mid x + d)}\left[\log p(x_t \mid z)\right]
        + KL\left( q(z \mid x + d) \,\|\, p(z) \right)

    Eq 12 is printed with the sign of a bound to maximise; this is its negative. With one
    latent site the divergence has its closed form where there is one; in a hierarchy it is the
    log-ratio :math:`\log q(z) - \log p(z)` at the frozen draws, because the expectation runs
    over the joint posterior. It reads every layer.

    A discrete layer is at its frozen draw, whose jumps the search sees no gradient of. A latent
    that all images share is at its frozen draw, too, and its own divergence is left out: no image
    has a part in it.

    References:
        | Disentangling Improves VAEs' Robustness to Adversarial Attacks (Willetts et al.), Eq 12
        | Adversarial Images for Variational Autoencoders (Tabacof et al., 2016)

    Example:
        >>> Output.needs_model
        True
    """

    name = "output"
    needs_model = True
    of_bound = True

    def bind(self, pair: Pair, target: Tensor, draws: LatentDraws) -> Distance:
        """Fixes the pair, the targets and the draws (see :class:`Objective`)."""
        model = pair.model
        assert model is not None  # Attack.bind refuses a missing one

        def distance(x: Tensor, problems: Tensor) -> Tensor:
            guide_trace = pair.trace_guide(draws.repeat(x), draws, problems)
            aims = draws.repeat(target[problems])
            model_trace = replay_model(model, guide_trace, aims, *pair.beside(draws, problems))
            return draws.mean(_negative_elbo(pair, model_trace, guide_trace))

        return distance


def _negative_elbo(pair: Pair, model_trace: Trace, guide_trace: Trace) -> Tensor:
    nodes = sample_sites(model_trace).values()
    observed = [pair.log_prob(node) for node in nodes if node["is_observed"]]
    if not observed:
        raise InputError("the model observes nothing: give its likelihood site obs=x")
    # what all images share is no part of one's bound
    latent = [node for node in nodes if not node["is_observed"] and pair.is_of_images(node)]
    guided = [sample_sites(guide_trace)[name] for name in pair.latents]
    guided = [node for node in guided if pair.is_of_images(node)]
    divergence = None
    if [node["name"] for node in latent] == [node["name"] for node in guided] and len(latent) == 1:
        divergence = _closed_form(pair, latent[0], guide_trace)
    if divergence is None:
        log_q = [pair.log_prob(node) for node in guided]
        divergence = torch.stack(log_q).sum(0)
        divergence = divergence - torch.stack([pair.log_prob(node) for node in latent]).sum(0)
    return divergence - torch.stack(observed).sum(0)


def _closed_form(pair: Pair, prior: Site, guide_trace: Trace) -> Tensor | None:
    try:
        terms = kl_divergence(sample_sites(guide_trace)[prior["name"]]["fn"], prior["fn"])
    except NotImplementedError:
        return None
    return pair.weigh(prior, terms)
