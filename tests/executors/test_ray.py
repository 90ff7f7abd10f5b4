import os
import socket
import sys
import threading
from contextlib import redirect_stdout

import pytest

from pyro_seatbelt.errors import InputError
from pyro_seatbelt.executors import Ray
from pyro_seatbelt.executors.ray import _ThreadOutput


def double(item, progress):
    return 2 * item


def doubled_inside(items, progress):
    """An item that has items of its own."""
    outcomes = Ray(gpus=0).run(double, items)
    return sorted(outcome.result() for _, outcome in outcomes)


def next_of(executor):
    return next(executor.run(double, [1]))


def test_without_ray_one_line_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(InputError, match=r"pip install 'pyro-seatbelt\[ray\]'") as error:
        next_of(Ray())
    assert "\n" not in str(error.value)


def test_nothing_to_do_needs_no_cluster(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    assert list(Ray().run(double, [])) == []


@pytest.mark.parametrize("kind", ["", "ray://"])
def test_a_cluster_that_is_not_there_is_said_so(kind):
    pytest.importorskip("ray")
    with socket.socket() as nobody:  # has the port, and does not listen
        nobody.bind(("127.0.0.1", 0))
        address = f"{kind}127.0.0.1:{nobody.getsockname()[1]}"
        with pytest.raises(InputError, match=f"{address}: no cluster of Ray that can be used: "):
            next_of(Ray(address))


def test_what_ray_says_goes_to_standard_error(capsys):
    with redirect_stdout(_ThreadOutput()):
        thread = threading.Thread(target=print, args=("a worker died",))
        thread.start()
        thread.join()
        sys.stdout.write("mine\n")
    assert capsys.readouterr() == ("mine\n", "a worker died\n")


@pytest.mark.slow
def test_no_cluster_at_all_is_said_so():
    pytest.importorskip("ray")
    with pytest.raises(InputError, match="auto: no cluster of Ray that can be used: "):
        next_of(Ray("auto"))


@pytest.mark.slow
def test_items_may_have_items_of_their_own(monkeypatch):
    pytest.importorskip("ray")
    outcomes = Ray(workers=2).run(doubled_inside, [[1, 2, 3], [4]])
    assert {number: outcome.result() for number, outcome in outcomes} == {
        0: [2, 4, 6],
        1: [8],
    }
    assert os.environ["RAY_USAGE_STATS_ENABLED"] == "0"


@pytest.mark.slow
def test_gpus_that_are_not_there_are_said_so():
    pytest.importorskip("ray")
    with pytest.raises(InputError, match="expected a cluster with 99 GPUs for a run, got"):
        next_of(Ray(gpus=99.0))
