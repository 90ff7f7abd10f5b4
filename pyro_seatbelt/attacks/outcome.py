"""What an attack did to the model's outputs."""

import torch
from pyro import poutine
from torch import Tensor

from pyro_seatbelt.attacks.draws import Draws
from pyro_seatbelt.attacks.pair import Pair, Program
from pyro_seatbelt.errors import InputError
from pyro_seatbelt.traces.sites import sample_sites


def log_likelihoods(
    pair: Pair, model: Program, x: Tensor, images: list[Tensor], draws: Draws, problems: Tensor
) -> list[Tensor]:
    r"""Estimates :math:`E_{q(z \mid x)} \log p(x' \mid z)` for some images, without bias.

    Args:
        pair: The model and the guide.
        model: The model.
        x: What the guide reads, shape `(n, *image)`.
        images: What the model explains: each of the shape of `x`.
        draws: The draws to average over.
        problems: Whose noise to use, shape `(n,)`.

    Returns:
        For each of the images, nats, shape `(n,)`.
    """
    guide_trace = pair.trace_guide(draws.repeat(x), draws, problems)
    means = []
    for image in images:
        trace = poutine.trace(poutine.replay(model, trace=guide_trace)).get_trace(
            draws.repeat(image)
        )
        observed = [node for node in sample_sites(trace).values() if node["is_observed"]]
        means.append(draws.mean(torch.stack([pair.log_prob(node) for node in observed]).sum(0)))
    return means


def reconstruct(pair: Pair, model: Program, x: Tensor) -> Tensor:
    r"""The mean image of :math:`p(x \mid z)` with every layer at its posterior mean.

    Args:
        pair: The model and the guide.
        model: The model.
        x: Images, shape `(n, *image)`.

    Returns:
        Shape `(n, *image)`.

    Raises:
        InputError: When no observed site of the model has as many elements as the images.
        NotImplementedError: When a distribution has no mean.
    """
    at_means = Draws(1, None)
    guide_trace = pair.trace_guide(x, at_means, torch.arange(len(x)))
    trace = poutine.trace(poutine.replay(model, trace=guide_trace)).get_trace(x)
    for node in sample_sites(trace).values():
        if node["is_observed"] and node["value"].numel() == x.numel():
            mean: Tensor = node["fn"].mean
            return mean.expand(node["value"].shape).reshape(x.shape)
    raise InputError(
        f"the model observes no site with the {x[0].numel()} elements of an image, so there is no "
        "reconstruction: give its likelihood site obs=x"
    )
