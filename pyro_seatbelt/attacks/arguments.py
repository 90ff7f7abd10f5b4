"""All that decides the numbers of an attack, written down: by it an attack is known again."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor

from pyro_seatbelt.attacks.limits import plain_limits
from pyro_seatbelt.attacks.pair import Pair
from pyro_seatbelt.traces.programs import Program
from pyro_seatbelt.traces.reachable import reachable_modules

_ADDED = {"ends": "input", "restarts": 0}
"""Settings that version 0.1.0 did not have, at the values that stand for what it did: these are
left out, so that its attacks are known again."""


def attack_arguments(
    settings: Mapping[str, Any], pair: Pair, x: Tensor, target: Tensor | None
) -> dict[str, Any]:
    """Writes down an attack on images.

    Args:
        settings: Every setting of the attack by name.
        pair: The model and the guide.
        x: The inputs.
        target: Their targets, if there are any.

    Returns:
        The settings with the layers resolved, the kind of device, and hashes of the images and of
        the weights (of the modules that the programs reach), as JSON has them.
    """
    objective, optimiser, ball = (settings[name] for name in ("objective", "optimiser", "ball"))
    return {
        **{
            name: setting
            for name, setting in settings.items()
            if name not in _ADDED or setting != _ADDED[name]
        },
        "objective": {"name": objective.name, **objective.settings, "layers": list(pair.layers)},
        "optimiser": {"name": type(optimiser).__name__, **asdict(optimiser)},
        "weights": list(settings["weights"]),
        "ball": None if ball is None else asdict(ball),
        "limits": plain_limits(settings["limits"]),
        "device": x.device.type,
        "images": sha256([*([x] if target is None else [x, target]), *_beside(pair)]),
        "parameters": sha256([*_weights(pair.model), *_weights(pair.guide)]),
    }


def sha256(tensors: Iterable[Tensor]) -> str:
    """Hashes shapes, types and values.

    Args:
        tensors: The tensors, on any device.

    Returns:
        The digest.

    Example:
        >>> sha256([torch.zeros(2)]) == sha256([torch.zeros(1), torch.zeros(1)])
        False
    """
    digest = hashlib.sha256()
    for tensor in tensors:
        whole = tensor.detach().cpu().contiguous()
        digest.update(f"{tuple(whole.shape)}{whole.dtype}".encode())
        digest.update(whole.flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def _beside(pair: Pair) -> list[Tensor]:
    return [*pair.context, *pair.target_context]


def _weights(program: Program | None) -> list[Tensor]:
    return [tensor for root in reachable_modules(program) for tensor in root.state_dict().values()]
