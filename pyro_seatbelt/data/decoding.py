"""Decodes a stream of pictures in several threads."""

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from pyro_seatbelt.data.picture import refusing_bombs
from pyro_seatbelt.executors.processors import num_workers


def decode_all[T](
    items: Iterable[T], decode: Callable[[T], NDArray[np.uint8]]
) -> Generator[tuple[T, NDArray[np.uint8]]]:
    """Decode items in order, with a bounded number of them under way.

    Args:
        items: What is decoded; drawn from as threads become free.
        decode: Turns one into grey values; called in other threads.

    Yields:
        Each item with its grey values.

    Example:
        >>> import numpy as np
        >>> decoded = decode_all([3, 5], lambda grey: np.full((1, 2), grey, np.uint8))
        >>> [pixels.tolist() for _, pixels in decoded]
        [[[3, 3]], [[5, 5]]]
    """
    workers = num_workers()
    under_way: deque[tuple[T, Future[NDArray[np.uint8]]]] = deque()
    with refusing_bombs(), ThreadPoolExecutor(workers) as pool:
        for item in items:
            under_way.append((item, pool.submit(decode, item)))
            if len(under_way) == 4 * workers:
                earliest, pixels = under_way.popleft()
                yield earliest, pixels.result()
        while under_way:
            earliest, pixels = under_way.popleft()
            yield earliest, pixels.result()
