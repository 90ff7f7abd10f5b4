"""What an attack did to the model's outputs."""

import torch
from torch import Tensor

from pyro_seatbelt.attacks.draws import Draws
from pyro_seatbelt.attacks.pair import Pair
from pyro_seatbelt.traces.programs import Program, replay_model
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
        trace = replay_model(model, guide_trace, draws.repeat(image))
        observed = [node for node in sample_sites(trace).values() if node["is_observed"]]
        means.append(draws.mean(torch.stack([pair.log_prob(node) for node in observed]).sum(0)))
    return means
