"""Experiments: run folders, and what fills them."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyro_seatbelt.experiments.attack import AttackOptions, AttackReport, attack_run
    from pyro_seatbelt.experiments.listing import RunSummary, list_runs, newest_run
    from pyro_seatbelt.experiments.report import report_runs
    from pyro_seatbelt.experiments.runs import Run, load_run
    from pyro_seatbelt.experiments.train import RunResult, resume_run, train_run

__all__ = [
    "AttackOptions",
    "AttackReport",
    "Run",
    "RunResult",
    "RunSummary",
    "attack_run",
    "list_runs",
    "load_run",
    "newest_run",
    "report_runs",
    "resume_run",
    "train_run",
]

_HOMES = {
    "AttackOptions": "attack",
    "AttackReport": "attack",
    "Run": "runs",
    "RunResult": "train",
    "RunSummary": "listing",
    "attack_run": "attack",
    "list_runs": "listing",
    "load_run": "runs",
    "newest_run": "listing",
    "report_runs": "report",
    "resume_run": "train",
    "train_run": "train",
}


def __getattr__(name: str) -> Any:
    """Import what needs torch only when it is asked for."""
    if name in _HOMES:
        return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
