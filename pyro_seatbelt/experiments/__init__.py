"""Experiments: run folders, and what fills them."""

from typing import TYPE_CHECKING

from pyro_seatbelt.lazy import lazily

if TYPE_CHECKING:
    from pyro_seatbelt.experiments.attack import AttackOptions, AttackReport, attack_run
    from pyro_seatbelt.experiments.evaluate import EvaluationReport, evaluate_run
    from pyro_seatbelt.experiments.evaluate_options import EvaluateOptions
    from pyro_seatbelt.experiments.evaluation import Evaluation, read_evaluation
    from pyro_seatbelt.experiments.grid import Grid, read_grid
    from pyro_seatbelt.experiments.job_runs import JobReport, run_job
    from pyro_seatbelt.experiments.jobs import Job, job_for, merge_jobs
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

# these need torch, which takes a second to import
__getattr__ = lazily(
    __name__,
    {
        "attack": ["AttackOptions", "AttackReport", "attack_run"],
        "evaluate": ["EvaluationReport", "evaluate_run"],
        "evaluate_options": ["EvaluateOptions"],
        "evaluation": ["Evaluation", "read_evaluation"],
        "grid": ["Grid", "read_grid"],
        "job_runs": ["JobReport", "run_job"],
        "jobs": ["Job", "job_for", "merge_jobs"],
        "listing": ["RunSummary", "list_runs", "newest_run"],
        "report": ["report_runs"],
        "runs": ["Run", "load_run"],
        "sweep": ["SweepResult", "run_jobs"],
        "tables": ["attack_table", "run_table"],
        "train": ["RunResult", "resume_run", "train_run"],
    },
)
