import os
import sys
import threading
from contextlib import redirect_stdout

import pytest
import torch

from pyro_seatbelt.attacks import LBFGSB, Attack, AttackResult, LatentKL
from pyro_seatbelt.errors import InputError
from pyro_seatbelt.runs import load_run
from pyro_seatbelt.sweeps import run_jobs
from pyro_seatbelt.sweeps.grid import read_grid
from pyro_seatbelt.sweeps.ray_pool import _OneVoice, run_on_ray, spread_on_ray


@pytest.fixture
def jobs(make_grid):
    return read_grid(make_grid(seed=[0])).jobs()


def test_without_ray_one_line_says_what_to_install(jobs, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(InputError, match=r"pip install 'pyro-seatbelt\[ray\]'") as error:
        run_jobs(jobs, tmp_path / "sweep", ray="local")
    assert "\n" not in str(error.value)


def test_nothing_to_do_needs_no_cluster(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    assert list(run_on_ray([], tmp_path, workers=1, threads=1, tell=lambda *_: None)) == []


@pytest.mark.parametrize("address", ["127.0.0.1:1", "ray://127.0.0.1:1"])
def test_a_cluster_that_is_not_there_is_said_so(address, jobs, tmp_path):
    pytest.importorskip("ray")
    with pytest.raises(InputError, match=r"127\.0\.0\.1:1: no cluster of Ray that can be used: "):
        run_jobs(jobs, tmp_path / "sweep", ray=address)


def test_what_ray_says_goes_to_standard_error(capsys):
    with redirect_stdout(_OneVoice()):
        thread = threading.Thread(target=print, args=("a worker died",))
        thread.start()
        thread.join()
        sys.stdout.write("mine\n")
    assert capsys.readouterr() == ("mine\n", "a worker died\n")


@pytest.mark.slow
def test_no_cluster_at_all_is_said_so(jobs, tmp_path):
    pytest.importorskip("ray")
    with pytest.raises(InputError, match="auto: no cluster of Ray that can be used: "):
        run_jobs(jobs, tmp_path / "sweep", ray="auto")


@pytest.mark.slow
def test_groups_on_ray_are_the_groups_here(attackable, monkeypatch):
    ray = pytest.importorskip("ray")
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    run = load_run(attackable)
    x, target = torch.rand(2, 3, 1, 64, 64).unbind()
    attack = Attack(LatentKL(), LBFGSB(max_iterations=3), [0.0, 1.0], batch=2)
    here = attack(run.model, run.guide, x, target)
    ray.init("local", num_cpus=2, include_dashboard=False, log_to_driver=False)
    try:
        seen = []
        parts = attack.bind(run.model, run.guide, x, target).run(
            spread=spread_on_ray, progress=lambda *each: seen.append(each[1:3])
        )
        there = AttackResult.concatenate([part for _, part in parts])
    finally:
        ray.shutdown()
    assert torch.equal(there.distortion, here.distortion)
    assert there.columns() == here.columns()
    assert seen == [(2, 6), (4, 6), (6, 6)]
    assert os.environ["RAY_USAGE_STATS_ENABLED"] == "0"


@pytest.mark.slow
def test_gpus_that_are_not_there_are_said_so(jobs, tmp_path):
    pytest.importorskip("ray")
    with pytest.raises(InputError, match="expected a cluster with 99 GPUs for a run, got"):
        run_jobs(jobs, tmp_path / "sweep", ray="local", gpus=99.0)
