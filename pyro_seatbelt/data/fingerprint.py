"""A number that names the content of a data set."""

import hashlib
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray


def fingerprint(
    name: str,
    version: str,
    pixels: NDArray[np.uint8],
    labels: Mapping[str, NDArray[np.uint8]] | None = None,
) -> str:
    """Hash a set's name, version, shape and every byte of its images and labels.

    Args:
        name: Name of the set.
        version: Version of whatever made the pixels.
        pixels: Grey values, uint8, any shape, contiguous.
        labels: Class numbers by name, uint8, if they are stored with the images.

    Returns:
        SHA-256 as 64 hexadecimal digits.

    Example:
        >>> import numpy as np
        >>> black = np.zeros((2, 1, 64, 64), np.uint8)
        >>> fingerprint("black", "1", black) == fingerprint("black", "2", black)
        False
    """
    shape = "x".join(str(size) for size in pixels.shape)
    digest = hashlib.sha256(f"{name}\n{version}\n{shape}\n".encode())
    digest.update(memoryview(np.ascontiguousarray(pixels)).cast("B"))
    for label, classes in (labels or {}).items():
        digest.update(f"\n{label}\n".encode())
        digest.update(np.ascontiguousarray(classes).tobytes())
    return digest.hexdigest()
