"""Fills an array file with drawn images, in several processes."""

import os
import subprocess
import sys
from collections.abc import Callable, Generator
from contextlib import closing
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pyro_seatbelt.progress import Progress, silent

Draw = Callable[[int], NDArray[np.uint8]]
"""Draws one identity: its number to grey values, shape `(*views, 64, 64)`."""


def draw_into(file: Path | str, draw: Draw, *, first: int = 0, step: int = 1) -> Generator[int]:
    """Draw every `step`-th identity of an array file.

    Args:
        file: A ``.npy`` file of uint8, identities first, that is there already.
        draw: Draws one identity.
        first: First identity to draw.
        step: Distance to the next.

    Yields:
        Number of each identity once it is in the file.
    """
    images = np.lib.format.open_memmap(file, mode="r+")
    for identity in range(first, len(images), step):
        images[identity] = draw(identity)
        yield identity


def draw_all(
    file: Path,
    draw: Draw,
    *,
    num_identities: int,
    num_views: int,
    workers: int,
    progress: Progress = silent,
) -> None:
    """Fill an array file with all identities.

    The bytes do not depend on the number of processes.

    Args:
        file: A ``.npy`` file of uint8, identities first, that is there already.
        draw: Draws one identity; with several workers, a function of a module.
        num_identities: How many identities the file holds.
        num_views: How many images each of them has.
        workers: Processes to use; 1 is this one.
        progress: Is told how many images are done.

    Raises:
        RuntimeError: If a process ends early.
    """
    finished = draw_into(file, draw) if workers == 1 else _draw_in_processes(file, draw, workers)
    with closing(finished):
        for count, _ in enumerate(finished, start=1):
            progress("images", count * num_views, num_identities * num_views)


def _draw_in_processes(file: Path, draw: Draw, workers: int) -> Generator[int]:
    """Yield the number of each identity as the processes finish it."""
    # -P: what this process imports from is passed on, not what lies in the working directory
    worker = "pyro_seatbelt.drawn.worker"
    command = [sys.executable, "-P", "-m", worker, draw.__module__, draw.__name__, str(file)]
    import_path = os.pathsep.join(folder or str(Path.cwd()) for folder in sys.path)
    environment = {**os.environ, "PYTHONPATH": import_path}
    read_end, write_end = os.pipe()
    processes: list[subprocess.Popen[bytes]] = []
    try:
        with os.fdopen(read_end) as finished:
            try:
                for first in range(workers):
                    # in a session of their own, so that Ctrl-C reaches this process alone
                    process = subprocess.Popen(  # noqa: S603 - no shell, our own interpreter
                        [*command, str(first), str(workers)],
                        stdout=write_end,
                        env=environment,
                        start_new_session=True,
                    )
                    processes.append(process)
            finally:
                os.close(write_end)
            # ends when every process has closed its copy of the pipe
            for line in finished:
                yield int(line)
        for process in processes:
            if process.wait() != 0:
                raise RuntimeError(f"a process that draws ended with {process.returncode}")
    finally:
        for process in processes:
            process.kill()
            process.wait()
