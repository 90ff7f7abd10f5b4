"""Where training runs, checked before anything else happens."""

import logging

import torch

from pyro_seatbelt.errors import InputError
from pyro_seatbelt.training.fabric import Fabric


def make_fabric(device: str = "auto", precision: str = "32-true") -> Fabric:
    """Makes the Fabric that puts modules and gradients on one device.

    Args:
        device: `auto`, `cpu`, `cuda`, `cuda:N` or `mps`; `auto` takes an accelerator if there is
            one.
        precision: One of Fabric's names, such as `32-true` or `bf16-mixed`.

    Returns:
        The Fabric, for one process and one device.

    Raises:
        InputError: If the device is not there.

    Example:
        >>> make_fabric("cpu").device
        device(type='cpu')
    """
    # what Fabric chooses here is what the config says: its notices would be printed to users
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)
    if device == "auto":
        device = next((name for name, count in _present().items() if count), "cpu")
    kind, _, number = device.partition(":")
    if kind == "cpu":
        return Fabric(accelerator="cpu", devices=1, precision=precision)  # type: ignore[arg-type]
    count = _present().get(kind, 0)
    index = int(number or 0)
    if index >= count:
        there = f"{kind}:0 to {kind}:{count - 1}" if count else f"no {kind} device"
        raise InputError(
            f"device: {device} is not there, torch sees {there}: use --device cpu or auto"
        )
    return Fabric(accelerator=kind, devices=[index], precision=precision)  # type: ignore[arg-type]


def _present() -> dict[str, int]:
    return {"cuda": torch.cuda.device_count(), "mps": int(torch.backends.mps.is_available())}
