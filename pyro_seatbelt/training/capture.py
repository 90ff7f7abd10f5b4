"""Steps whose kernels are recorded once and launched together from then on."""

import logging
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any, Protocol

import torch
from torch import Tensor

from pyro_seatbelt.training.fabric import Fabric

logger = logging.getLogger(__name__)

WARMUP = 3
"""Steps that are taken one kernel at a time before they are recorded."""


class Recorder(Protocol):
    """Records what a function does on a device."""

    def warmup(self) -> AbstractContextManager[Any]:
        """What is open while the function runs as usual, before it is recorded."""

    def record[R](self, function: Callable[[], R]) -> Callable[[], R]:
        """Records a function without running it.

        Returns:
            Does again what the function did, and returns what it returned, with new content.
        """


class CudaGraphs:
    """Records functions as CUDA graphs.

    Random numbers of a graph come from torch's own generator of the device, which torch registers
    with every graph: a replay draws from the seed that the generator has then, so that
    :func:`~pyro_seatbelt.training.randomness.seed_step` before a replay does what it does before
    any other step.

    Args:
        device: The device.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device

    def warmup(self) -> AbstractContextManager[Any]:
        """A stream of its own, as torch asks of what is to be captured; the others wait for it."""
        return _SideStream(self._device)

    def record[R](self, function: Callable[[], R]) -> Callable[[], R]:
        """Captures a function in a graph."""
        with torch.cuda.device(self._device):
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph):
                result = function()

        def replay() -> R:
            graph.replay()
            return result

        return replay


class Captured[R]:
    """A function of a batch that is recorded once it has run a few times.

    What it needs besides the batch has to be on the device and stay where it is: parameters,
    buffers, the state of an optimiser. Numbers of Python are part of the recording: where they
    change, the function runs as usual until they have stayed the same for :data:`WARMUP` calls.
    A function that cannot be recorded, because it waits for the device or copies to it, runs as
    usual.

    Args:
        function: Takes a batch.
        recorder: Records it; None leaves the function as it is.
        constants: Numbers of Python that the function depends on; anything that can be compared.

    Example:
        >>> from contextlib import nullcontext
        >>> class Plain:  # on the CPU there is nothing to record
        ...     def warmup(self):
        ...         return nullcontext()
        ...     def record(self, function):
        ...         return function
        >>> double = Captured(lambda x: 2 * x, Plain(), constants=lambda: None)
        >>> [double(torch.tensor(float(k))).item() for k in range(5)]
        [0.0, 2.0, 4.0, 6.0, 8.0]
        >>> double.recorded
        True
    """

    def __init__(
        self,
        function: Callable[[Tensor], R],
        recorder: Recorder | None,
        *,
        constants: Callable[[], object],
    ) -> None:
        self._function = function
        self._recorder = recorder
        self._constants = constants
        self._seen: object = None
        self._same = 0
        self._input: Tensor | None = None
        self._replay: Callable[[], R] | None = None

    @property
    def recorded(self) -> bool:
        """Whether there is a recording that the next call uses if nothing changes."""
        return self._replay is not None

    def __call__(self, x: Tensor) -> R:
        """Does what the function does.

        Args:
            x: The batch; all have one shape.
        """
        if self._recorder is None:
            return self._function(x)
        constants = self._constants()
        if constants != self._seen:
            self._seen, self._same, self._replay = constants, 0, None
        if self._replay is None and self._same >= WARMUP and not self._record(x):
            return self._function(x)
        if self._replay is None or self._input is None:
            self._same += 1
            with self._recorder.warmup():
                return self._function(x)
        self._input.copy_(x)
        return self._replay()

    def _record(self, x: Tensor) -> bool:
        assert self._recorder is not None
        self._input = batch = x.clone()
        try:
            self._replay = self._recorder.record(lambda: self._function(batch))
        except RuntimeError as error:  # what torch raises of a program that waits, or copies
            reason = " ".join(str(error).split())
            logger.warning("steps cannot be captured and are launched one by one: %s", reason)
            self._recorder = None
        return self._recorder is not None


def recorder_for(fabric: Fabric) -> Recorder | None:
    """What records steps on a device; None where they are launched one kernel at a time.

    Args:
        fabric: Of one process; the collectives of several are not recorded.
    """
    alone = fabric.world_size == 1 and fabric.device.type == "cuda"
    return CudaGraphs(fabric.device) if alone else None


def numbers_of(objective: Any) -> tuple[Any, ...]:
    """The numbers of Python that an objective holds, and those inside it, to be compared.

    A tensor counts as the same as long as it is the same object: what is in it may change.

    Args:
        objective: An objective; what it is made around is its `objective`.

    Example:
        >>> from types import SimpleNamespace
        >>> numbers_of(SimpleNamespace(weight=2.0, objective=SimpleNamespace(_beta=6.0, name="z1")))
        (('weight', 2.0), ('_beta', 6.0))
    """
    own = tuple(
        (name, number)
        for name, value in vars(objective).items()
        if (number := _number(value)) is not None
    )
    inner = getattr(objective, "objective", None)
    return own if inner is None else own + numbers_of(inner)


def _number(value: Any) -> object:
    """A number, or those of a collection, to be compared; None of anything else."""
    if isinstance(value, Tensor):
        return id(value)
    if isinstance(value, Mapping):
        return tuple((name, _number(each)) for name, each in value.items())
    if isinstance(value, (tuple, list)):
        return tuple(_number(each) for each in value)
    return value if isinstance(value, (int, float)) else None


class _SideStream:
    def __init__(self, device: torch.device) -> None:
        self._device = device

    def __enter__(self) -> None:
        self._side = torch.cuda.Stream(self._device)
        self._side.wait_stream(torch.cuda.current_stream(self._device))
        self._inside = torch.cuda.stream(self._side)
        self._inside.__enter__()

    def __exit__(self, *error: object) -> None:
        self._inside.__exit__(*error)
        torch.cuda.current_stream(self._device).wait_stream(self._side)
