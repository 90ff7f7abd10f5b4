"""A loss module that is ready to be trained."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import pyro
import torch
from torch import Tensor, nn

from pyro_seatbelt.training.fabric import Fabric
from pyro_seatbelt.training.randomness import seed_step


def ready(loss: nn.Module, x: Tensor, seed: int, fabric: Fabric) -> nn.Module:
    """Puts a loss module where it is trained, with all its parameters, in train mode.

    It is run once: parameters that appear at the first call must be there to be trained. Over
    several CUDA devices batch normalisation becomes that of the whole minibatch; on the CPU torch
    has no such thing, and every process normalises by its own rows.

    Args:
        loss: The value of an objective on a pair.
        x: A minibatch, on the device.
        seed: The seed of the run.
        fabric: The device.

    Raises:
        ValueError: If it has no parameters.
    """
    loss = fabric.to_device(loss)
    _keep_parameters_in(loss)
    loss.eval()
    with torch.no_grad(), pyro.validation_enabled(True):
        seed_step(seed, 0, x.device)
        loss(x)
    loss.train()
    if not any(parameter.requires_grad for parameter in loss.parameters()):
        raise ValueError(
            "expected a model and a guide with parameters, got none: pass PyroModules whose "
            "forward is the program, not their bound methods"
        )
    if fabric.world_size > 1 and fabric.device.type == "cuda":
        loss = nn.SyncBatchNorm.convert_sync_batchnorm(loss)
    return loss


def _keep_parameters_in(loss: nn.Module) -> None:
    """Lets modules that were made under Pyro's other setting run under `module_local_params`."""
    for module in loss.modules():
        context = getattr(module, "_pyro_context", None)
        if context is not None and not hasattr(context, "param_state"):
            context.param_state = {"params": {}, "constraints": {}}


@contextmanager
def broken_losses_are_ours() -> Iterator[None]:
    """Silences Pyro's warning of a loss that is no number: training stops there and says more."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"Encountered \+?(NaN|inf)", UserWarning)
        yield
