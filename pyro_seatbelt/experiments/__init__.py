"""Experiments: run folders, and what fills them."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyro_seatbelt.experiments.attack import AttackOptions, AttackReport, attack_run
    from pyro_seatbelt.experiments.evaluate import EvaluationReport, evaluate_run
    from pyro_seatbelt.experiments.evaluate_options import EvaluateOptions
    from pyro_seatbelt.experiments.evaluation import Evaluation, read_evaluation
    from pyro_seatbelt.experiments.listing import RunSummary, list_runs, newest_run
    from pyro_seatbelt.experiments.report import report_runs
    from pyro_seatbelt.experiments.runs import Run, load_run
    from pyro_seatbelt.experiments.train import RunResult, resume_run, train_run

__all__ = [
    "AttackOptions",
    "AttackReport",
    "EvaluateOptions",
    "Evaluation",
    "EvaluationReport",
    "Run",
    "RunResult",
    "RunSummary",
    "attack_run",
    "evaluate_run",
    "list_runs",
    "load_run",
    "newest_run",
    "read_evaluation",
    "report_runs",
    "resume_run",
    "train_run",
]

_HOMES = {
    "AttackOptions": "attack",
    "AttackReport": "attack",
    "EvaluateOptions": "evaluate_options",
    "Evaluation": "evaluation",
    "EvaluationReport": "evaluate",
    "Run": "runs",
    "RunResult": "train",
    "RunSummary": "listing",
    "attack_run": "attack",
    "evaluate_run": "evaluate",
    "list_runs": "listing",
    "load_run": "runs",
    "newest_run": "listing",
    "read_evaluation": "evaluation",
    "report_runs": "report",
    "resume_run": "train",
    "train_run": "train",
}


def __getattr__(name: str) -> Any:
    """Import what needs torch only when it is asked for."""
    if name in _HOMES:
        return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
