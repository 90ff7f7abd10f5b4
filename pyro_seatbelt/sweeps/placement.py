"""Where the jobs of a sweep run, and how much of a machine each of them has."""

import os
from collections.abc import Sequence
from pathlib import Path

import torch

from pyro_seatbelt.executors import Executor, LocalProcesses, Ray
from pyro_seatbelt.executors.processors import num_processors, num_workers
from pyro_seatbelt.executors.ray import LOCAL, import_ray
from pyro_seatbelt.sweeps.job import Job
from pyro_seatbelt.sweeps.job_run import Attempt
from pyro_seatbelt.sweeps.sweep_options import SweepOptions


def place_jobs(
    jobs: Sequence[Job], folder: Path, options: SweepOptions
) -> tuple[Executor, Attempt]:
    """Chooses where the jobs run, and what each of them has.

    Args:
        jobs: All jobs of the sweep.
        folder: Of the sweep.
        options: Where they run.

    Returns:
        What runs the jobs, and the task that it runs for each.

    Raises:
        InputError: If Ray is wanted and not installed.
    """
    workers, threads, ray = options.workers, options.threads, options.ray
    if ray is not None:
        import_ray()  # or it says that it is not there, before anything is begun
    here = workers or len(gpus_for(jobs)) or num_workers()
    share = max(1, num_processors() // here)
    if ray is None:
        return LocalProcesses(here, gpus=gpus_for(jobs)), Attempt(folder, threads or share)
    if ray == LOCAL:
        workers, threads = here, threads or share
    threads = threads or 1
    executor = Ray(ray, workers=workers, threads=threads, gpus=options.gpus)
    # the folder is the same for every node; the groups of an attack are tasks of their own
    return executor, Attempt(folder.absolute(), threads, Ray(gpus=0))


def gpus_for(jobs: Sequence[Job]) -> list[str]:
    """Lists the GPUs that processes take turns to have.

    Args:
        jobs: What is to be run.

    Returns:
        Their numbers, as `CUDA_VISIBLE_DEVICES` has them; none where a job names its own device.
    """
    if not torch.cuda.is_available() or any(
        job.config.device not in {"auto", "cuda"} for job in jobs
    ):
        return []
    named = os.environ.get("CUDA_VISIBLE_DEVICES")
    return named.split(",") if named else [str(n) for n in range(torch.cuda.device_count())]
