"""A process of its own that draws every n-th identity into an array file.

The parent runs ``python -m pyro_seatbelt.drawn.worker MODULE FUNCTION FILE FIRST STEP``
and reads one line from standard output for each identity that is finished.
Processes started this way, unlike those of :mod:`multiprocessing`, never
import the user's own script again.
"""

import importlib
import sys
from collections.abc import Sequence

import torch

from pyro_seatbelt.drawn.drawing import draw_into


def main(arguments: Sequence[str]) -> int:
    """Draw the identities FIRST, FIRST + STEP, ... of an array file.

    Args:
        arguments: MODULE and FUNCTION that draw one identity, FILE, FIRST and STEP.

    Returns:
        Exit status; 1 if nobody listens any more.
    """
    module, function, file, first, step = arguments
    torch.set_num_threads(1)
    draw = getattr(importlib.import_module(module), function)
    try:
        for identity in draw_into(file, draw, first=int(first), step=int(step)):
            sys.stdout.write(f"{identity}\n")
            sys.stdout.flush()
    except BrokenPipeError:
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
