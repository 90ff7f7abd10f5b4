"""What is written down about solved problems."""

from collections.abc import Mapping

import torch
from torch import Tensor

from pyro_seatbelt.attacks.draws import Draws
from pyro_seatbelt.attacks.optimisers.minimum import Minimum
from pyro_seatbelt.attacks.pair import Pair
from pyro_seatbelt.attacks.penalised_distance import PenalisedDistance
from pyro_seatbelt.attacks.problems import Problems
from pyro_seatbelt.attacks.result import AttackResult
from pyro_seatbelt.traces.programs import Program, replay_model
from pyro_seatbelt.traces.reconstruction import reconstruct
from pyro_seatbelt.traces.sites import sample_sites

_PAIR_ROWS = 64
"""Images of one pass when those of pairs are reconstructed."""


@torch.no_grad()
def record(
    pair: Pair,
    function: PenalisedDistance,
    found: Minimum,
    draws: Draws,
    *,
    mode: str,
    rows: int,
) -> AttackResult:
    """Looks at what the distortions do to posteriors and outputs.

    Args:
        pair: The model and the guide.
        function: What was minimised.
        found: Where the problems stopped.
        draws: Fresh draws, which the attacker could not see.
        mode: Short name of the objective.
        rows: Rows of one pass through the networks.

    Returns:
        A row per problem, on the CPU.
    """
    problems = function.problems
    adversarial = problems.adversarial(found.x, problems.rows)
    distance = function.of_images(adversarial).to(found.x)
    norm = torch.linalg.vector_norm(found.x, dim=1)
    reconstruction = clean = target_nll = log_likelihood = None
    if pair.model is not None:
        reconstruction = _reconstruct(pair, pair.model, adversarial, rows)
        # the problems of a pair share its input
        pairs, own = problems.pair.unique(return_inverse=True)
        first = torch.stack([(problems.pair == each).nonzero()[0, 0] for each in pairs])
        clean = _reconstruct(pair, pair.model, problems.x[first], rows)[own]
        of_target, log_likelihood = _log_likelihoods(
            pair, pair.model, adversarial, problems, draws, rows
        )
        target_nll = -of_target
    return AttackResult(
        mode=mode,
        layers=pair.layers,
        targeted=problems.targeted,
        problem=torch.tensor(problems.numbers),
        pair=problems.pair,
        weight=problems.weight,
        distortion=found.x.view_as(problems.x).to(problems.x),
        adversarial=adversarial,
        value=problems.sign * distance + problems.weight * norm,
        distance=distance,
        norm=norm,
        target_nll=target_nll,
        input_log_likelihood=log_likelihood,
        reconstruction=reconstruction,
        l2_target=None if reconstruction is None else _l2(reconstruction, problems.target),
        l2_clean=None if reconstruction is None or clean is None else _l2(reconstruction, clean),
        gradient_norm=found.gradient_norm,
        iterations=found.iterations,
        evaluations=found.evaluations,
        stop=found.stop,
    ).cpu()


@torch.no_grad()
def reconstructions(pair: Pair, images: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """What the model makes of images that are not attacked.

    Args:
        pair: The model and the guide.
        images: The images by name, each of shape `(B, *image)`.

    Returns:
        The mean image of each by its name and `_reconstruction`; nothing without a model.
    """
    if pair.model is None:
        return {}
    return {
        f"{name}_reconstruction": _reconstruct(pair, pair.model, each, _PAIR_ROWS)
        for name, each in images.items()
    }


def _reconstruct(pair: Pair, model: Program, images: Tensor, rows: int) -> Tensor:
    return torch.cat([reconstruct(model, pair.guide, some) for some in images.split(rows)])


def _log_likelihoods(
    pair: Pair, model: Program, adversarial: Tensor, problems: Problems, draws: Draws, rows: int
) -> list[Tensor]:
    r"""Unbiased estimates of :math:`E_{q(z \mid x^*)} \log p(x' \mid z)`.

    Returns:
        For the targets and for the inputs, nats, each of shape `(n,)`.
    """
    parts: list[list[Tensor]] = [[], []]
    for some in problems.rows.split(max(1, rows // draws.num)):
        guide_trace = pair.trace_guide(draws.repeat(adversarial[some]), draws, some)
        for part, images in zip(parts, (problems.target, problems.x), strict=True):
            trace = replay_model(model, guide_trace, draws.repeat(images[some]))
            observed = [node for node in sample_sites(trace).values() if node["is_observed"]]
            terms = torch.stack([pair.log_prob(node) for node in observed])
            part.append(draws.mean(terms.sum(0)))
    return [torch.cat(part) for part in parts]


def _l2(one: Tensor, other: Tensor) -> Tensor:
    distance: Tensor = torch.linalg.vector_norm((one - other).flatten(1), dim=1)
    return distance
