"""The objective of a run, with the defences that its config names."""

from pyro_seatbelt.defences import (
    AdversarialTraining,
    InputNoise,
    PosteriorAttack,
    SmoothEncoder,
)
from pyro_seatbelt.training.config import TrainConfig
from pyro_seatbelt.training.trainer import TrainingObjective


def defended(objective: TrainingObjective, config: TrainConfig) -> TrainingObjective:
    """Puts the defences of a config around an objective.

    From the outside: noise, the coupling, adversarial training. So images are attacked with their
    noise on, and the coupling is that of clean images, or noisy ones.

    Args:
        objective: The bound.
        config: Says which, and how much.

    Returns:
        The objective itself where there are none.

    Example:
        >>> from pyro.infer import Trace_ELBO
        >>> type(defended(Trace_ELBO(), TrainConfig(input_noise=0.1))).__name__
        'InputNoise'
    """
    if config.adversarial_radius:
        attack = PosteriorAttack(config.adversarial_radius, config.attack_steps)
        objective = AdversarialTraining(objective, attack)
    if config.smooth_weight:
        attack = PosteriorAttack(config.smooth_radius, config.attack_steps)
        objective = SmoothEncoder(objective, config.smooth_weight, attack)
    if config.input_noise:
        objective = InputNoise(objective, config.input_noise)
    return objective
