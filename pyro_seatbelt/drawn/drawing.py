"""Fills an array file with drawn images, in several processes."""

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from pyro_seatbelt.executors import Inline, LocalProcesses
from pyro_seatbelt.files import writing
from pyro_seatbelt.progress import Progress, silent

Draw = Callable[[int], NDArray[np.uint8]]
"""Draws one identity: its number to grey values, shape `(*views, 64, 64)`."""


def draw_all(
    file: Path,
    draw: Draw,
    *,
    num_identities: int,
    num_views: int,
    workers: int,
    progress: Progress = silent,
) -> None:
    """Fills an array file with all identities.

    The bytes do not depend on the number of processes.

    Args:
        file: A ``.npy`` file of uint8, identities first, that is there already.
        draw: Draws one identity; with several workers, a function of a module.
        num_identities: How many identities the file holds.
        num_views: How many images each of them has.
        workers: Processes to use; 1 is this one.
        progress: Is told how many images are done.

    Raises:
        WorkerDied: If a process ends early.
        InputError: If the file cannot be written.
    """
    executor = Inline() if workers == 1 else LocalProcesses(workers)
    task = _DrawInto(file, draw, one_thread=workers > 1)
    with closing(executor.run(task, range(num_identities))) as outcomes:
        for count, (_, outcome) in enumerate(outcomes, start=1):
            outcome.result()  # or the error that there was
            progress("images", count * num_views, num_identities * num_views)


@dataclass(frozen=True)
class _DrawInto:
    """Draws an identity into an array file; the bytes of the others are not touched."""

    file: Path
    draw: Draw
    one_thread: bool

    def __call__(self, identity: int, progress: Progress) -> None:
        del progress
        if self.one_thread:
            torch.set_num_threads(1)
        with writing(self.file):
            images = np.lib.format.open_memmap(self.file, mode="r+")
        images[identity] = self.draw(identity)
