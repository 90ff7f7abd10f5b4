"""Which members of the family an item of the paper needs."""

from collections.abc import Sequence

from pyro_seatbelt.attacks import Mode
from pyro_seatbelt.attacks.pair import Layers
from pyro_seatbelt.paper.scales import Scale, Subject
from pyro_seatbelt.runs.attack_options import AttackOptions
from pyro_seatbelt.sweeps.jobs import Job, job_for
from pyro_seatbelt.training.config import TrainConfig

FLAT = "beta-tcvae"
"""Models of one layer: at beta = 1 this is the plain VAE, whose objective is the same."""

CHAIN = "beta-tcdlgm"
DEEP = "seatbelt"


def members(
    scale: Scale,
    subject: Subject,
    model: str,
    *,
    betas: Sequence[float],
    layers: Sequence[int] = (1,),
    latent_dims: Sequence[int] | None = None,
) -> list[TrainConfig]:
    """Returns the configs of some runs: the same ones wherever an item needs them.

    Args:
        scale: The scale.
        subject: The data.
        model: Member of the family.
        betas: Weights of the total correlation.
        layers: Depths.
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
                "latent_dim": latent_dim,
                "free_bits": scale.free_bits if depth > 1 else 0.0,
            },
        )
        for depth in layers
        for beta in betas
        for latent_dim in latent_dims or subject.latent_dims[:1]
    ]


def whole_grid(scale: Scale, subject: Subject) -> list[TrainConfig]:
    """Returns every model of a data set: what Figure 3 is about."""
    every = {"latent_dims": subject.latent_dims}
    return [
        *members(scale, subject, FLAT, betas=subject.betas, **every),
        *members(
            scale, subject, CHAIN, betas=subject.chain_betas, layers=subject.chain_layers, **every
        ),
        *members(scale, subject, DEEP, betas=subject.betas, layers=subject.layers, **every),
    ]


def attack_grid(scale: Scale, subject: Subject) -> list[TrainConfig]:
    """Returns the models of a data set over beta and L: what Figures 6 and 7 are about."""
    return [
        *members(scale, subject, FLAT, betas=subject.betas),
        *members(scale, subject, CHAIN, betas=subject.chain_betas, layers=subject.chain_layers),
        *members(scale, subject, DEEP, betas=subject.betas, layers=subject.layers),
    ]


def jobs(
    scale: Scale,
    configs: Sequence[TrainConfig],
    *modes: Mode,
    layers: Layers | None = None,
) -> list[Job]:
    """Makes jobs of configs, each evaluated and attacked as the scale has it.

    Args:
        scale: The scale.
        configs: What to train.
        modes: Attacks to make.
        layers: Layers that latent attacks look at; None for the paper's choice.
    """
    attacks = tuple(attack(scale, mode, layers) for mode in modes)
    return [job_for(config, attacks, scale.evaluation) for config in configs]


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
