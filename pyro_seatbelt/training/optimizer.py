"""Torch's optimisers by name."""

from collections.abc import Callable, Sequence
from typing import Any

import torch

from pyro_seatbelt.family import OptimizerName
from pyro_seatbelt.training.config import TrainConfig

OPTIMIZERS: dict[OptimizerName, Callable[..., torch.optim.Optimizer]] = {
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "adamax": torch.optim.Adamax,
    "sgd": torch.optim.SGD,
}
"""The optimisers that a config can name."""


def make_optimizer(
    config: TrainConfig, parameters: Sequence[Any], device: torch.device
) -> torch.optim.Optimizer:
    """Makes the optimiser that a config names.

    Args:
        config: Gives its name, the step size, the weight decay and the momentum.
        parameters: What is trained, or groups of it with settings of their own.
        device: Where they are. On CUDA what an optimiser needs is there, too, so that a step of it
            can be part of a graph.

    Returns:
        It, fused where torch has it so.

    Example:
        >>> config = TrainConfig(optimizer="adamw")
        >>> weights = [torch.nn.Parameter(torch.ones(1))]
        >>> optimizer = make_optimizer(config, weights, torch.device("cpu"))
        >>> type(optimizer).__name__, optimizer.param_groups[0]["weight_decay"]
        ('AdamW', 0.01)
    """
    options: dict[str, Any] = {"lr": config.learning_rate}
    if config.optimizer != "adamax":  # which torch has in no fused form
        options["fused"] = True
        if device.type == "cuda":
            options["lr"] = torch.tensor(config.learning_rate, device=device)
            options |= {} if config.optimizer == "sgd" else {"capturable": True}
            parameters = [_on_device(each, device) for each in parameters]
    if config.weight_decay is not None:
        options["weight_decay"] = config.weight_decay
    if config.optimizer == "sgd":
        options["momentum"] = config.momentum
    return OPTIMIZERS[config.optimizer](parameters, **options)


def _on_device(group: Any, device: torch.device) -> Any:
    """A group whose step size, if it has its own, can change within a recorded step."""
    if not isinstance(group, dict) or "lr" not in group:
        return group
    return {**group, "lr": torch.tensor(group["lr"], device=device)}


def set_learning_rate(group: dict[str, Any], rate: float) -> None:
    """Gives a group of parameters a step size; one on the device stays where it is.

    Args:
        group: Of an optimiser.
        rate: The step size.

    Example:
        >>> optimizer = torch.optim.SGD([torch.nn.Parameter(torch.ones(1))], lr=1.0)
        >>> set_learning_rate(optimizer.param_groups[0], 0.5)
        >>> optimizer.param_groups[0]["lr"]
        0.5
    """
    if isinstance(group["lr"], torch.Tensor):
        group["lr"].fill_(rate)
    else:
        group["lr"] = rate
