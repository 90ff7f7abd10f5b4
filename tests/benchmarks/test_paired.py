"""Rivals in turns, and the ratios that are claimed of them."""

import math
import os

import pytest

from benchmarks.paired import Apart, compared, in_turns, peak_memory


def test_rivals_take_turns_and_warm_up_uncounted():
    order = []
    rivals = {name: lambda name=name: order.append(name) for name in "abc"}

    seconds = in_turns(rivals, rounds=3, warmup=1)

    assert "".join(order) == "abc" + "bca" + "cab" + "abc"
    assert {name: len(found) for name, found in seconds.items()} == {"a": 3, "b": 3, "c": 3}


def test_each_rival_has_its_own_time():
    clock = iter(range(100))
    ticks = {"quick": 0, "slow": 3}
    rivals = {
        name: lambda count=count: [next(clock) for _ in range(count)]
        for name, count in ticks.items()
    }

    seconds = in_turns(rivals, rounds=2, warmup=0, clock=lambda: next(clock))

    assert seconds == {"quick": [1, 1], "slow": [4, 4]}


def test_a_ratio_is_of_runs_of_one_round():
    """The machine slowed down for both in the second round: the ratio has not changed."""
    base, ours = compared({"base": [2.0, 20.0, 4.0], "ours": [1.0, 10.0, 1.0]}, base="base")

    assert (base["ms"], base["times faster"]) == (4000.0, 1.0)
    assert (ours["ms"], ours["times faster"], ours["range"]) == (1000.0, 2.0, "2.00 - 4.00")


def test_memory_counts_what_is_gone_again():
    peak = peak_memory(lambda: len(bytearray(b"1" * 50_000_000)))

    assert math.isnan(peak) or 45 < peak < 200  # NaN where it cannot be told


def make_rivals():
    return {"where": lambda: os.environ["PREPARED"], "wrong": lambda: 1 / 0}


def prepare():
    os.environ["PREPARED"] = "yes"


def test_rivals_apart_leave_this_process_alone_and_one_that_breaks_is_no_measurement():
    with Apart(make_rivals, prepare) as apart:
        apart.run("where")
        with pytest.raises(EOFError):
            apart.run("wrong")

    assert "PREPARED" not in os.environ
