"""Random input-target pairs."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from pyro_seatbelt.errors import InputError


class ImagePairs(NamedTuple):
    """Which images are attacked, and what each of them is to become.

    Attributes:
        inputs: Numbers of the inputs, shape `(B,)`.
        targets: Numbers of their targets, shape `(B,)`.
    """

    inputs: NDArray[np.int64]
    targets: NDArray[np.int64]


def choose_pairs(
    candidates: Sequence[int] | NDArray[np.int64],
    identities: Sequence[int] | NDArray[np.int64],
    num_pairs: int,
    *,
    seed: int = 0,
    differ: Callable[[int, int], bool] | None = None,
) -> ImagePairs:
    """Draws pairs of images of different identities, no image twice.

    More pairs with the same seed begin with the same pairs.

    Args:
        candidates: Numbers of the images to draw from, usually held out from training.
        identities: What each of them shows.
        num_pairs: Number B of pairs.
        seed: Seeds the draw.
        differ: Tells of two images whether they may be a pair, besides their identities.

    Returns:
        The pairs.

    Raises:
        InputError: When there are too few images.

    Example:
        >>> inputs, targets = choose_pairs(range(100, 120), [i // 4 for i in range(20)], 3)
        >>> len({*inputs, *targets})
        6
    """
    if num_pairs < 1:
        raise InputError(f"expected one pair or more, got {num_pairs}")
    order = np.random.default_rng(seed).permutation(len(candidates))
    pool = [(int(candidates[i]), int(identities[i])) for i in order]
    chosen: list[tuple[int, int]] = []
    while pool and len(chosen) < num_pairs:
        image, identity = pool.pop(0)
        partner = next(
            (
                place
                for place, (other, its) in enumerate(pool)
                if its != identity and (differ is None or differ(image, other))
            ),
            None,
        )
        if partner is not None:
            chosen.append((image, pool.pop(partner)[0]))
        elif all(its == identity for _, its in pool):
            break
    if len(chosen) < num_pairs:
        raise InputError(
            f"{len(candidates)} held-out images make {len(chosen)} pairs of different images and "
            f"identities, got {num_pairs} to make: ask for fewer pairs, or hold out more images"
        )
    inputs, targets = np.array(chosen, dtype=np.int64).T
    return ImagePairs(inputs, targets)
