"""Which members of the family an item of the paper needs."""

from collections.abc import Sequence

from pyro_seatbelt.attacks import Layers, Mode
from pyro_seatbelt.paper.names import model_title
from pyro_seatbelt.paper.scale import CHAIN, DEEP, FLAT, MODELS, Scale, Subject
from pyro_seatbelt.runs.attack_options import AttackOptions
from pyro_seatbelt.training.config import TrainConfig


def members(
    scale: Scale,
    subject: Subject,
    model: str,
    *,
    betas: Sequence[float] | None = None,
    layers: Sequence[int] | None = None,
    latent_dims: Sequence[int] | None = None,
) -> list[TrainConfig]:
    """Returns the configs of some runs: the same ones wherever an item needs them.

    Args:
        scale: The scale.
        subject: The data.
        model: Member of the family.
        betas: Weights of the total correlation, by default all that the subject has for it.
        layers: Depths, by default all that the subject has for it.
        latent_dims: Lengths of a layer, by default the first of the subject's.

    Returns:
        One for each combination.
    """
    return [
        TrainConfig.merge(
            scale.fields,
            subject.fields,
            {
                "model": model,
                "layers": depth,
                "beta": beta,
                **scale.sizes(latent_dim, depth),
                "free_bits": scale.free_bits if depth > 1 else 0.0,
            },
        )
        for depth in (subject.layers_of(model) if layers is None else layers)
        for beta in (subject.betas_of(model) if betas is None else betas)
        for latent_dim in latent_dims or subject.latent_dims[:1]
    ]


def whole_grid(
    scale: Scale, subject: Subject, *, latent_dims: Sequence[int] | None = None
) -> list[TrainConfig]:
    """Returns all models of a data set over beta and L: what Figures 3, 6 and 7 are about."""
    return [
        config
        for model in MODELS
        for config in members(scale, subject, model, latent_dims=latent_dims)
    ]


def strongest_by_name(scale: Scale, subject: Subject) -> dict[str, TrainConfig]:
    """Returns the VAE, and every other model at the largest beta and L, the Seatbelt-VAE last."""
    low, high = subject.ends
    [vae, flat] = members(scale, subject, FLAT, betas=(low, high))
    found = {"VAE": vae, model_title(FLAT, beta=high): flat}
    for model in (CHAIN, DEEP):
        deepest = subject.deepest(model)
        for config in members(scale, subject, model, betas=(high,), layers=deepest):
            found[model_title(model, layers=config.layers, beta=high)] = config
    return found


def attack(scale: Scale, mode: Mode, layers: Layers | None = None) -> AttackOptions:
    """Returns the settings of one attack of a scale: one mode each, so that items share them."""
    return AttackOptions(
        modes=(mode,),
        layers=layers,
        pairs=scale.pairs,
        weights=scale.weights,
        max_iterations=scale.max_iterations,
        device=str(scale.fields.get("device", "auto")),
        figures=False,
    )
