import pytest
import torch

from pyro_seatbelt.sweeps import SweepOptions, job_for, placement
from pyro_seatbelt.sweeps.placement import gpus_for, place_jobs
from pyro_seatbelt.training import TrainConfig


@pytest.fixture
def two_gpus(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


def jobs(**config):
    return [job_for(TrainConfig(**config))]


def place(tmp_path, given=None, **options):
    return place_jobs(given or jobs(), tmp_path, SweepOptions(**options))


@pytest.mark.parametrize(
    ("device", "named", "expected"),
    [
        ("auto", None, ["0", "1"]),
        ("cuda", "GPU-7,GPU-9", ["GPU-7", "GPU-9"]),
        ("cuda:1", None, []),
        ("cpu", None, []),
    ],
)
def test_processes_take_turns_unless_a_job_names_its_gpu(
    device, named, expected, two_gpus, monkeypatch
):
    if named:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", named)
    assert gpus_for(jobs(device=device)) == expected


def test_a_machine_is_shared_out(tmp_path, monkeypatch):
    monkeypatch.setattr(placement, "num_processors", lambda: 12)
    monkeypatch.setattr(placement, "num_workers", lambda: 8)
    for workers, threads, expected in (
        *((None, None, (8, 1)), (3, None, (3, 4)), (50, None, (50, 1)), (None, 2, (8, 2))),
    ):
        executor, task = place(tmp_path, jobs(device="cpu"), workers=workers, threads=threads)
        assert (executor.workers, task.threads) == expected


def test_there_is_a_process_for_each_gpu(tmp_path, two_gpus):
    executor, _ = place(tmp_path)
    assert (executor.workers, executor.gpus) == (2, ("0", "1"))


def test_a_cluster_takes_all_jobs_at_once_and_the_groups_of_attacks(tmp_path, monkeypatch):
    pytest.importorskip("ray")
    monkeypatch.chdir(tmp_path)
    executor, task = place(tmp_path.relative_to(tmp_path), ray="10.0.0.1:6379")
    assert (executor.workers, executor.threads, task.threads) == (None, 1, 1)
    assert task.folder == tmp_path  # every node sees it under this path
    assert (task.executor.gpus, task.executor.workers) == (0, None)
