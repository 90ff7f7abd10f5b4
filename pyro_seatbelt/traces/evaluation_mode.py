"""Running networks for evaluation without a trace on what comes after."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import torch

from pyro_seatbelt.traces.programs import Program, modules_of

_CPU = torch.device("cpu")


@contextmanager
def evaluation_mode(*programs: Program | None, seed: int | None = None) -> Iterator[None]:
    """Evaluation mode, no gradients and, with a seed, a random stream of its own.

    Afterwards every module is in the mode that it was in and torch's
    generators stand where they stood. Who needs gradients opens ``torch.enable_grad()`` inside.

    Args:
        programs: Models and guides: modules, methods of them, or functions that reach modules
            through their closure or globals (see
            :func:`~pyro_seatbelt.traces.reachable.reachable_modules`).
        seed: Seeds the draws inside.

    Example:
        >>> net = torch.nn.Linear(2, 2)
        >>> with evaluation_mode(net, seed=0):
        ...     net.training
        False
        >>> net.training
        True

        The modules that a function reaches, too:

        >>> with evaluation_mode(lambda x: net(x)):
        ...     net.training
        False
    """
    modules = list(modules_of(*programs))
    training = [module for module in modules if module.training]
    devices = {p.device for m in modules for p in m.parameters(recurse=False)} - {_CPU}
    with ExitStack() as stack:
        stack.enter_context(torch.no_grad())
        if seed is not None:
            # the generators of these devices alone: on a host with many GPUs forking all is slow
            kind = next((device.type for device in devices), "cuda")
            stack.enter_context(
                torch.random.fork_rng(sorted(map(_number, devices)), device_type=kind)
            )
            torch.default_generator.manual_seed(seed)
            for device in devices:
                if device.type == "cuda":
                    torch.cuda.default_generators[_number(device)].manual_seed(seed)
                else:
                    torch.get_device_module(device).manual_seed(seed)
        try:
            for module in training:
                module.training = False
            yield
        finally:
            for module in training:
                module.training = True


def _number(device: torch.device) -> int:
    return device.index or 0
