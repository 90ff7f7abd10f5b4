"""`synth-chairs`: drawn chairs in the layout of the published rendered chairs."""

import os
import subprocess
import sys
from collections.abc import Generator
from contextlib import closing
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pyro_seatbelt.data.progress import Progress
from pyro_seatbelt.data.synthetic.camera import photograph
from pyro_seatbelt.data.synthetic.chair_arms import add_arms
from pyro_seatbelt.data.synthetic.chair_back import add_back
from pyro_seatbelt.data.synthetic.chair_base import add_base
from pyro_seatbelt.data.synthetic.chair_layout import ChairLayout
from pyro_seatbelt.data.synthetic.chair_seat import add_seat
from pyro_seatbelt.data.synthetic.chair_style import ARMS, BACKS, BASES, SEATS, chair_style
from pyro_seatbelt.data.synthetic.mesh import Mesh, Surface
from pyro_seatbelt.data.workers import num_workers

NUM_IDENTITIES = 1393
ELEVATIONS = np.array([20.0, 30.0])
AZIMUTHS = np.arange(31, dtype=np.float64) * (360 / 31)
VIEWS = (len(ELEVATIONS), len(AZIMUTHS))
IMAGE_SHAPE = (1, 64, 64)
FACTORS = ("identity", "elevation", "azimuth", "base", "back", "arms", "seat")
VERSION = "1"

_CHAIRS_WORTH_A_WORKER = 100


def chair_surface(identity: int) -> Surface:
    """Build the solid of one chair.

    Args:
        identity: Number of the chair.

    Returns:
        Its faces.

    Example:
        >>> chair_surface(0).corners.shape[1:]
        (4, 3)
    """
    style = chair_style(identity)
    layout = ChairLayout.of(style)
    mesh = Mesh()
    for add in (add_seat, add_base, add_back, add_arms):
        add(mesh, style, layout)
    return mesh.surface()


def draw_chair(
    identity: int,
    *,
    azimuths: NDArray[np.float64] = AZIMUTHS,
    elevations: NDArray[np.float64] = ELEVATIONS,
) -> NDArray[np.uint8]:
    """Draw one chair from all sides, dark on white.

    Args:
        identity: Number of the chair.
        azimuths: Angles about the vertical axis, degrees, shape `(A,)`.
        elevations: Angles above the horizon, degrees, shape `(E,)`.

    Returns:
        Grey values, shape `(E, A, 64, 64)`.

    Example:
        >>> draw_chair(0, azimuths=np.array([30.0])).shape
        (2, 1, 64, 64)
    """
    return photograph(chair_surface(identity), azimuths, elevations).numpy()


def chair_factors(num_identities: int) -> dict[str, NDArray[np.int64]]:
    """Return the known factors of the images, in the order in which they are stored.

    Args:
        num_identities: How many chairs there are.

    Returns:
        Class numbers by factor (:data:`FACTORS`), each of shape `(num_identities * 62,)`.
        The numbers of `base`, `back`, `arms` and `seat` count through `BASES`, `BACKS`, `ARMS`
        and `SEATS`.

    Example:
        >>> factors = chair_factors(2)
        >>> [int(factors[name][62 + 31 + 5]) for name in ("identity", "elevation", "azimuth")]
        [1, 1, 5]
    """
    identity, elevation, azimuth = np.indices((num_identities, *VIEWS)).reshape(3, -1)
    styles = [chair_style(number) for number in range(num_identities)]
    kinds = {
        "base": [BASES.index(style.base) for style in styles],
        "back": [BACKS.index(style.back) for style in styles],
        "arms": [ARMS.index(style.arms) for style in styles],
        "seat": [SEATS.index(style.seat) for style in styles],
    }
    return {
        "identity": identity,
        "elevation": elevation,
        "azimuth": azimuth,
        **{name: np.array(classes)[identity] for name, classes in kinds.items()},
    }


def draw_chairs_into(file: Path | str, *, first: int = 0, step: int = 1) -> Generator[int]:
    """Draw every `step`-th chair of an array file.

    Args:
        file: A ``.npy`` file of uint8, shape `(I, 2, 31, 64, 64)`, that is there already.
        first: First chair to draw.
        step: Distance to the next.

    Yields:
        Number of each chair once it is in the file.
    """
    images = np.lib.format.open_memmap(file, mode="r+")
    for identity in range(first, len(images), step):
        images[identity] = draw_chair(identity)
        yield identity


def draw_all_chairs(
    file: Path,
    *,
    num_identities: int,
    workers: int | None = None,
    progress: Progress | None = None,
) -> None:
    """Fill an array file with chairs, in several processes.

    The bytes do not depend on the number of processes.

    Args:
        file: A ``.npy`` file of uint8, shape `(num_identities, 2, 31, 64, 64)`, there already.
        num_identities: How many chairs it holds.
        workers: Processes to use; by default one a processor, at most 8, and none for a few chairs.
        progress: Told how many images are done, of how many.

    Raises:
        RuntimeError: If a process ends early.
    """
    if workers is None:
        workers = max(1, min(num_workers(), num_identities // _CHAIRS_WORTH_A_WORKER))
    views = VIEWS[0] * VIEWS[1]
    finished = draw_chairs_into(file) if workers == 1 else _draw_in_processes(file, workers)
    with closing(finished):
        for count, _ in enumerate(finished, start=1):
            if progress is not None:
                progress(count * views, num_identities * views)


def _draw_in_processes(file: Path, workers: int) -> Generator[int]:
    """Yield the number of each chair as the processes finish it."""
    # -P: what this process imports from is passed on, not what lies in the working directory
    module = "pyro_seatbelt.data.synthetic.chair_worker"
    command = [sys.executable, "-P", "-m", module, str(file)]
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
                raise RuntimeError(f"a process that draws chairs ended with {process.returncode}")
    finally:
        for process in processes:
            process.kill()
            process.wait()
