"""A process of its own that draws every n-th chair into an array file.

The parent runs ``python -m pyro_seatbelt.data.synthetic.chair_worker FILE FIRST STEP``
and reads one line from standard output for each chair that is finished.
Processes started this way, unlike those of :mod:`multiprocessing`, never
import the user's own script again.
"""

import sys
from collections.abc import Sequence

import torch

from pyro_seatbelt.data.synthetic.chairs import draw_chairs_into


def main(arguments: Sequence[str]) -> int:
    """Draw the chairs FIRST, FIRST + STEP, ... of an array file.

    Args:
        arguments: FILE, FIRST and STEP.

    Returns:
        Exit status; 1 if nobody listens any more.
    """
    file, first, step = arguments
    torch.set_num_threads(1)
    try:
        for identity in draw_chairs_into(file, first=int(first), step=int(step)):
            sys.stdout.write(f"{identity}\n")
            sys.stdout.flush()
    except BrokenPipeError:
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
