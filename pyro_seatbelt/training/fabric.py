"""Lightning's Fabric, imported without torchmetrics.

Fabric imports torchmetrics to ask for its version, which only a callback for spikes wants that
nothing here uses; with torchvision installed that takes as long as torch itself.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def _absent(package: str) -> Iterator[None]:
    """Lets imports go without a package that nobody has imported yet."""
    known = package in sys.modules
    if not known:
        sys.modules[package] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        if not known:
            del sys.modules[package]


with _absent("torchmetrics"):
    from lightning_fabric import Fabric

__all__ = ["Fabric"]
