"""Where training runs, checked before anything else happens."""

import logging
import os
from datetime import timedelta
from typing import Any

import torch

from pyro_seatbelt.errors import InputError
from pyro_seatbelt.family import PrecisionName
from pyro_seatbelt.training.fabric import DDPStrategy, Fabric

_TIMEOUT = timedelta(hours=6)
"""How long processes wait for one that evaluates, or makes the data."""


def make_fabric(
    device: str = "auto",
    precision: PrecisionName = "32-true",
    *,
    devices: int = 1,
    num_nodes: int = 1,
) -> Fabric:
    """Makes the Fabric that puts modules and gradients on one device, or on several.

    Args:
        device: `auto`, `cpu`, `cuda`, `cuda:N` or `mps`; `auto` takes an accelerator if there is
            one.
        precision: One of Fabric's names, such as `32-true` or `bf16-mixed`, or `tf32`.
        devices: Processes of each machine, one a device.
        num_nodes: Machines.

    Returns:
        The Fabric; one of several processes is still to be launched.

    Raises:
        InputError: If the device is not there, or what started this process (torchrun, Slurm)
            started another number of them.

    Example:
        >>> make_fabric("cpu").device
        device(type='cpu')
    """
    # what Fabric chooses here is what the config says: its notices would be printed to users
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)
    if device == "auto":
        device = next((name for name, count in _present().items() if count), "cpu")
    kind, _, number = device.partition(":")
    if precision == "tf32" and kind != "cuda":
        raise InputError(f"precision: tf32 is CUDA's, and this is {kind}: use 32-true")
    arithmetic: Any = "32-true" if precision == "tf32" else precision
    count = _present().get(kind, 0)
    index = int(number or 0)
    if kind != "cpu" and max(index, devices - 1) >= count:
        there = f"{kind}:0 to {kind}:{count - 1}" if count else f"no {kind} device"
        wanted = device if devices == 1 else f"{devices} times {kind}"
        raise InputError(
            f"device: {wanted} is not there, torch sees {there}: use --device cpu or auto"
        )
    _check_started(devices * num_nodes)
    if devices * num_nodes == 1:
        place: Any = 1 if kind == "cpu" else [index]
        return Fabric(accelerator=kind, devices=place, precision=arithmetic)
    if number:
        raise InputError(f"device: expected {kind} without a number for {devices} devices")
    try:
        return Fabric(
            accelerator=kind,
            devices=devices,
            num_nodes=num_nodes,
            precision=arithmetic,
            strategy=DDPStrategy(timeout=_TIMEOUT),
        )
    except (RuntimeError, ValueError) as error:  # what Slurm has set contradicts itself
        raise InputError(f"devices: {' '.join(str(error).split())}") from error


def launch(fabric: Fabric) -> None:
    """Starts the other processes of this machine, unless torchrun or Slurm has, and joins them.

    Args:
        fabric: For one process or several.

    Raises:
        InputError: If what started this process started another number of them.
    """
    try:
        fabric.launch()
    except ValueError as error:
        raise InputError(f"devices: {' '.join(str(error).split())}") from error


def _check_started(size: int) -> None:
    """Raises where torchrun started other processes than are asked for."""
    started = os.environ.get("WORLD_SIZE") if "TORCHELASTIC_RUN_ID" in os.environ else None
    if started is not None and int(started) != size:
        raise InputError(
            f"devices: torchrun started {started} processes, got devices times num_nodes = {size}: "
            "give --devices and --num-nodes as torchrun's --nproc-per-node and --nnodes"
        )


def _present() -> dict[str, int]:
    return {"cuda": torch.cuda.device_count(), "mps": int(torch.backends.mps.is_available())}
