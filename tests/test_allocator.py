"""Memory of what was freed: kept for what comes next, or given back to the system."""

import os
import platform
import subprocess
import sys

import numpy as np
import pytest

from pyro_seatbelt.executors import LocalProcesses, StartMethod
from pyro_seatbelt.progress import Progress

resource = pytest.importorskip("resource")
pytestmark = pytest.mark.skipif(
    platform.libc_ver()[0] != "glibc",
    reason="another C library than glibc",
)

MEGABYTES = 64
PAGES = MEGABYTES * 2**20 // resource.getpagesize()
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
    program = [sys.executable, "-c", PROGRAM, mode]
    told, faults = subprocess.check_output(program, text=True, env=os.environ | environment).split()
    return told, int(faults)


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


def faults_here(item: int, progress: Progress) -> int:
    """The faults of the last of a few large arrays in this process."""
    del item, progress
    faults = 0
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        np.ones(MEGABYTES << 17)
        faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
    return faults


@pytest.mark.parametrize("start", ["fork", "spawn"])
def test_workers_keep_it(start: StartMethod) -> None:
    [(_, outcome)] = LocalProcesses(1, start=start).run(faults_here, [0])

    assert outcome.result() < PAGES / 600
