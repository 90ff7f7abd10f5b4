"""Many runs: a grid, its jobs, and where they are executed."""

from typing import TYPE_CHECKING

from pyro_seatbelt.lazy import lazily

if TYPE_CHECKING:
    from pyro_seatbelt.sweeps.finished import JobReport
    from pyro_seatbelt.sweeps.grid import Grid, read_grid
    from pyro_seatbelt.sweeps.job import Job, job_for, merge_jobs
    from pyro_seatbelt.sweeps.job_run import run_job
    from pyro_seatbelt.sweeps.sweep import SweepResult, run_jobs
    from pyro_seatbelt.sweeps.sweep_options import SweepOptions
    from pyro_seatbelt.sweeps.tables import attack_table, run_table

__all__ = [
    "Grid",
    "Job",
    "JobReport",
    "SweepOptions",
    "SweepResult",
    "attack_table",
    "job_for",
    "merge_jobs",
    "read_grid",
    "run_job",
    "run_jobs",
    "run_table",
]

# these need torch, which takes a second to import
__getattr__ = lazily(
    __name__,
    {
        "finished": ["JobReport"],
        "grid": ["Grid", "read_grid"],
        "job": ["Job", "job_for", "merge_jobs"],
        "job_run": ["run_job"],
        "sweep": ["SweepResult", "run_jobs"],
        "sweep_options": ["SweepOptions"],
        "tables": ["attack_table", "run_table"],
    },
)
