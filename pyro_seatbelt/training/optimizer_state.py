"""What an optimiser remembers, as tensors and JSON: checked before it is put back."""

import copy
import math
from collections import defaultdict
from collections.abc import Mapping
from typing import Any, NamedTuple, Self

import torch
from torch import Tensor, nn

_OF_THE_MACHINE = {"params", "foreach", "fused", "capturable", "differentiable"}
"""Settings of a group that say how a step is worked out, not what it is."""


class OptimizerState(NamedTuple):
    """State of an optimiser.

    Attributes:
        groups: Settings of each group of parameters, whose numbers are in `params`.
        values: Tensors and numbers by name, by the number of their parameter.
    """

    groups: list[dict[str, Any]]
    values: dict[int, dict[str, Any]]

    @classmethod
    def from_state_dict(cls, content: Mapping[str, Any]) -> Self:
        """Takes what `state_dict` of an optimiser gives.

        Raises:
            ValueError: If it is nothing like that.
        """
        try:
            groups = [
                {str(name): _plain(value) for name, value in group.items()}
                for group in content["param_groups"]
            ]
            values = {
                int(number): dict(values)
                for number, values in content["state"].items()
                if values  # a parameter without a gradient has none
            }
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError("it is no state of an optimiser") from error
        return cls(groups, values)

    def tensors(self) -> dict[str, Tensor]:
        """Returns contiguous copies of the tensors, on the CPU, by number and name."""
        return {
            f"{number}.{name}": value.detach().to(
                "cpu", memory_format=torch.contiguous_format, copy=True
            )
            for number, values in self.values.items()
            for name, value in values.items()
            if isinstance(value, Tensor)
        }

    def to_plain(self) -> dict[str, Any]:
        """Returns what is no tensor, as JSON has it.

        Raises:
            TypeError: If the optimiser remembers something else than tensors and numbers.
        """
        numbers: dict[str, dict[str, Any]] = {}
        for number, values in self.values.items():
            for name, value in values.items():
                if isinstance(value, Tensor):
                    continue
                if value is not None and not isinstance(value, (bool, int, float)):
                    raise TypeError(
                        "expected an optimiser that remembers tensors and numbers of each "
                        f"parameter, got {name} of type {type(value).__name__}"
                    )
                numbers.setdefault(str(number), {})[name] = value
        return {"groups": self.groups, "numbers": numbers}

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> Self:
        """Puts together what :meth:`to_plain` and :meth:`tensors` gave.

        Raises:
            ValueError: If it is nothing like that.
        """
        values: dict[str, dict[str, Any]] = defaultdict(dict)
        for key, tensor in tensors.items():
            number, _, name = key.partition(".")
            values[number][name] = tensor
        try:
            for number, numbers in plain["numbers"].items():
                values[number].update(numbers)
            return cls.from_state_dict({"param_groups": plain["groups"], "state": values})
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError("it is no state of an optimiser") from error

    def restore(self, optimizer: torch.optim.Optimizer) -> None:
        """Puts the state into an optimiser, whose settings stay as they are.

        What the state of a parameter must look like, shapes and strides included, is seen from a
        step that a copy of the optimiser takes: fused kernels do not check it, and write past the
        end of a tensor that is too small.

        Args:
            optimizer: The optimiser, of the same parameters in the same order.

        Raises:
            ValueError: If it has other parameters or settings, or the state is none of its kind.
        """
        parameters = self._parameters(optimizer)
        state = {}
        for number, values in sorted(self.values.items()):
            if number not in parameters:
                raise ValueError(f"there is no parameter {number}")
            expected = _after_a_step(optimizer, *parameters[number])
            if values.keys() != expected.keys():
                raise ValueError(
                    f"parameter {number}: expected {', '.join(sorted(expected))}, "
                    f"got {', '.join(sorted(values))}"
                )
            state[number] = {
                name: _like(expected[name], value, f"{name} of parameter {number}")
                for name, value in sorted(values.items())
            }
        own = optimizer.state_dict()["param_groups"]
        optimizer.load_state_dict({"state": state, "param_groups": own})

    def _parameters(
        self, optimizer: torch.optim.Optimizer
    ) -> dict[int, tuple[nn.Parameter, dict[str, Any]]]:
        """The parameters with their groups by number, of an optimiser with the same settings."""
        theirs, own = self.groups, optimizer.param_groups
        if len(theirs) != len(own):
            raise ValueError(f"expected {len(own)} groups of parameters, got {len(theirs)}")
        parameters: dict[int, tuple[nn.Parameter, dict[str, Any]]] = {}
        for saved, group in zip(theirs, own, strict=True):
            first = len(parameters)
            numbers = list(range(first, first + len(group["params"])))
            if saved.get("params") != numbers:
                raise ValueError(f"expected a group of {len(numbers)} parameters, got another one")
            for name, found in saved.items():
                wanted = _plain(group[name]) if name in group else found
                if name not in _OF_THE_MACHINE and not _same(found, wanted):
                    raise ValueError(f"{name}: expected {wanted}, got {found}")
            parameters |= {
                number: (parameter, group)
                for number, parameter in zip(numbers, group["params"], strict=True)
            }
        return parameters


def _after_a_step(
    optimizer: torch.optim.Optimizer, parameter: nn.Parameter, group: Mapping[str, Any]
) -> dict[str, Any]:
    """What an optimiser remembers of such a parameter."""
    trial = copy.copy(optimizer)
    like = torch.zeros_like(parameter).requires_grad_()
    like.grad = torch.zeros_like(like)
    trial.state = defaultdict(dict)
    trial.param_groups = [{**group, "params": [like]}]
    trial.step()
    return dict(trial.state[like])


def _like(expected: Any, value: Any, what: str) -> Any:
    """A value, if it is of a kind with another; a tensor lies in memory as that does."""
    if isinstance(expected, Tensor) != isinstance(value, Tensor):
        kind = "a tensor" if isinstance(expected, Tensor) else "a number"
        raise ValueError(f"{what}: expected {kind}, got {type(value).__name__}")
    if not isinstance(expected, Tensor):
        return value
    if value.is_sparse or (value.shape, value.dtype) != (expected.shape, expected.dtype):
        raise ValueError(
            f"{what}: expected shape {tuple(expected.shape)} of {expected.dtype}, got "
            f"{tuple(value.shape)} of {value.dtype}"
        )
    return torch.empty_like(expected).copy_(value)


def _same(found: Any, wanted: Any) -> bool:
    """Whether two settings are one; a number may have been kept in float32, on a device."""
    if isinstance(found, float) and isinstance(wanted, float):
        return math.isclose(found, wanted, rel_tol=1e-6)
    return bool(found == wanted)


def _plain(value: Any) -> Any:
    """A setting as JSON has it."""
    if isinstance(value, Tensor):
        return value.tolist()
    return [_plain(each) for each in value] if isinstance(value, (tuple, list)) else value
