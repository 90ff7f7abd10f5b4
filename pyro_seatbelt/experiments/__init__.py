"""Experiments: run folders, and what fills them."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyro_seatbelt.experiments.attack import AttackOptions, AttackReport, attack_run
    from pyro_seatbelt.experiments.evaluate import EvaluationReport, evaluate_run
    from pyro_seatbelt.experiments.evaluate_options import EvaluateOptions
    from pyro_seatbelt.experiments.evaluation import Evaluation, read_evaluation
    from pyro_seatbelt.experiments.grid import Grid, read_grid
    from pyro_seatbelt.experiments.jobs import Job, JobReport, job_for, merge_jobs, run_job
    from pyro_seatbelt.experiments.listing import RunSummary, list_runs, newest_run
    from pyro_seatbelt.experiments.report import report_runs
    from pyro_seatbelt.experiments.runs import Run, load_run
    from pyro_seatbelt.experiments.sweep import SweepResult, run_jobs
    from pyro_seatbelt.experiments.tables import attack_table, run_table
    from pyro_seatbelt.experiments.train import RunResult, resume_run, train_run

__all__ = [
    "AttackOptions",
    "AttackReport",
    "EvaluateOptions",
    "Evaluation",
    "EvaluationReport",
    "Grid",
    "Job",
    "JobReport",
    "Run",
    "RunResult",
    "RunSummary",
    "SweepResult",
    "attack_run",
    "attack_table",
    "evaluate_run",
    "job_for",
    "list_runs",
    "load_run",
    "merge_jobs",
    "newest_run",
    "read_evaluation",
    "read_grid",
    "report_runs",
    "resume_run",
    "run_job",
    "run_jobs",
    "run_table",
    "train_run",
]

_HOMES = {
    "AttackOptions": "attack",
    "AttackReport": "attack",
    "EvaluateOptions": "evaluate_options",
    "Evaluation": "evaluation",
    "EvaluationReport": "evaluate",
    "Grid": "grid",
    "Job": "jobs",
    "JobReport": "jobs",
    "Run": "runs",
    "RunResult": "train",
    "RunSummary": "listing",
    "SweepResult": "sweep",
    "attack_run": "attack",
    "attack_table": "tables",
    "evaluate_run": "evaluate",
    "job_for": "jobs",
    "list_runs": "listing",
    "load_run": "runs",
    "merge_jobs": "jobs",
    "newest_run": "listing",
    "read_evaluation": "evaluation",
    "report_runs": "report",
    "read_grid": "grid",
    "resume_run": "train",
    "run_job": "jobs",
    "run_jobs": "sweep",
    "run_table": "tables",
    "train_run": "train",
}


def __getattr__(name: str) -> Any:
    """Import what needs torch only when it is asked for."""
    if name in _HOMES:
        return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
