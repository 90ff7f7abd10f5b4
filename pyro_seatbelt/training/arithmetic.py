"""Arithmetic that is the same every time, and that says where it breaks."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from pyro_seatbelt.errors import InputError
from pyro_seatbelt.family import PrecisionName


@contextmanager
def arithmetic(
    precision: PrecisionName = "32-true",
    *,
    deterministic: bool = False,
    detect_anomaly: bool = False,
) -> Iterator[None]:
    """While open, torch computes as asked; what it did before is restored.

    Args:
        precision: `tf32` has CUDA's matrix products in that; no other changes anything here.
        deterministic: Whether only operations are used whose result is the same every time: on
            the CPU all are, on a GPU some are slower and some have no such form.
        detect_anomaly: Whether the gradient is looked at after every operation, and what makes it
            no number is named. Training takes several times as long.

    Raises:
        InputError: If an operation has no deterministic form on this device.

    Example:
        >>> with arithmetic(deterministic=True):
        ...     torch.are_deterministic_algorithms_enabled()
        True
    """
    products = torch.get_float32_matmul_precision()
    if precision == "tf32":
        torch.set_float32_matmul_precision("high")
    before = torch.are_deterministic_algorithms_enabled()
    warns = torch.is_deterministic_algorithms_warn_only_enabled()
    if deterministic:
        # cuBLAS reads it when it begins; without it, it refuses
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.use_deterministic_algorithms(True)
    try:
        with torch.autograd.set_detect_anomaly(detect_anomaly or torch.is_anomaly_enabled()):
            yield
    except RuntimeError as error:
        if not deterministic or "determinis" not in str(error):
            raise
        what = " ".join(str(error).split()).split(", but you set")[0][:200]
        raise InputError(
            f"deterministic: {what}: leave it out, use --device cpu, or change the network"
        ) from error
    finally:
        torch.use_deterministic_algorithms(before, warn_only=warns)
        torch.set_float32_matmul_precision(products)


def broken_operation(error: RuntimeError) -> str | None:
    """Names the operation whose gradient is no number, where torch was asked to look.

    Args:
        error: What a backward pass raised.

    Returns:
        What broke; None if the error is another one.

    Example:
        >>> broken_operation(RuntimeError("Function 'LogBackward0' returned nan values in its 0th"))
        'the gradient of Log'
    """
    words = str(error).split("'")
    if len(words) < 3 or "returned nan values" not in words[2]:
        return None
    return f"the gradient of {words[1].partition('Backward')[0]}"
