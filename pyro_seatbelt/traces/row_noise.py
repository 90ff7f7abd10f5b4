"""Random operators whose rows have generators of their own."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode


class RowNoise(TorchDispatchMode):
    """Makes every random operator fill each row from a generator of the row's own.

    Args:
        name: The site that is drawn, for errors.
        axis: The dimension of a draw that runs over the rows; None if there is none.
        sources: A seed for each row.
    """

    def __init__(self, name: str, axis: int | None, sources: Sequence[int]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.name = name
        self.axis = axis
        self.sources = sources
        self.calls = 0

    def __torch_dispatch__(
        self,
        func: Any,
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        kwargs = dict(kwargs or {})
        if torch.Tag.nondeterministic_seeded not in func.tags:
            return func(*args, **kwargs)
        if not any(argument.name == "generator" for argument in func._schema.arguments):  # noqa: SLF001
            func = func.overloadpacket.generator
        in_place = func._schema.is_mutable  # noqa: SLF001
        device = next((a.device for a in args if isinstance(a, Tensor)), kwargs.get("device"))
        self.calls += 1
        filled = []
        for row, source in enumerate(self.sources):
            generator = torch.Generator(device or "cpu").manual_seed(source + self.calls)
            own = [self._row(argument, row) for argument in args]
            filled.append(func(*own, **{**kwargs, "generator": generator}))
        if self.axis is not None and not any(self._has_rows(argument) for argument in args):
            raise NotImplementedError(
                f"site '{self.name}': its sampler draws noise without a dimension for the rows of "
                "the plate, which cannot be frozen row by row"
            )
        if in_place:
            return args[0]
        return filled[0] if self.axis is None else torch.stack(filled, self.axis)

    def _has_rows(self, argument: Any) -> bool:
        if self.axis is None:
            return False
        shape = argument.shape if isinstance(argument, Tensor) else argument
        if not isinstance(shape, Sequence):
            return False
        return len(shape) > self.axis and shape[self.axis] == len(self.sources)

    def _row(self, argument: Any, row: int) -> Any:
        if not self._has_rows(argument):
            return argument
        if isinstance(argument, Tensor):
            return argument.select(self.axis or 0, row)
        return [size for dim, size in enumerate(argument) if dim != self.axis]
