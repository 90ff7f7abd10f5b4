"""Memory of what was freed: kept for what comes next, or given back to the system."""

import os
import platform
import subprocess
import sys

import pytest

resource = pytest.importorskip("resource")
pytestmark = pytest.mark.skipif(
    platform.libc_ver()[0] != "glibc",
    reason="another C library than glibc",
)

MEGABYTES = 64
PAGES = MEGABYTES * 2**20 // resource.getpagesize()
SAID = ("MALLOC_", "GLIBC_TUNABLES", "LD_PRELOAD")
PROGRAM = f"""
import resource, sys
import numpy as np
from pyro_seatbelt.allocator import keep_freed_memory
told = keep_freed_memory() if sys.argv[1] == "keep" else None
for _ in range(3):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    np.ones({MEGABYTES} << 17)
    faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
print(told, faults)
"""


def faults_of_the_third(mode: str, **environment: str) -> tuple[str, int]:
    """What was told, and how many pages the system had to find for the third large array."""
    told, faults = output_of(PROGRAM, mode, **environment).split()
    return told, int(faults)


def output_of(program: str, *arguments: str, **environment: str) -> str:
    """What a program prints, with nothing said of its memory but by this."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(SAID)}
    command = [sys.executable, "-c", program, *arguments]
    return subprocess.check_output(command, text=True, env=own | environment)


def test_a_large_array_takes_the_memory_of_the_one_before() -> None:
    _, anew = faults_of_the_third("as it is")
    told, kept = faults_of_the_third("keep")

    assert told == "True"
    assert anew > PAGES / 600  # pages of 4 kB, or huge ones of 2 MB
    assert kept < anew / 10


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MALLOC_TRIM_THRESHOLD_", "131072"),
        ("MALLOC_MMAP_THRESHOLD_", "131072"),
        ("MALLOC_MMAP_MAX_", "65536"),
        ("GLIBC_TUNABLES", "glibc.malloc.mmap_threshold=131072"),
    ],
)
def test_what_the_environment_says_stays(name: str, value: str) -> None:
    told, faults = faults_of_the_third("keep", **{name: value})

    assert told == "False"
    assert faults > PAGES / 600


WORKER = f"""
import resource
import numpy as np
from pyro_seatbelt.executors import LocalProcesses

def faults(item, progress):
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        np.ones({MEGABYTES} << 17)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

if __name__ == "__main__":
    print(*(outcome.result() for _, outcome in LocalProcesses(1, start="fork").run(faults, [0])))
"""


def test_workers_keep_it() -> None:
    assert int(output_of(WORKER)) < PAGES / 600
