"""One run on disk: its folder, how it is trained, attacked, evaluated and measured."""

from typing import TYPE_CHECKING

from pyro_seatbelt.lazy import lazily

if TYPE_CHECKING:
    from pyro_seatbelt.runs.attack import attack_run
    from pyro_seatbelt.runs.attack_options import AttackOptions
    from pyro_seatbelt.runs.attack_report import AttackReport
    from pyro_seatbelt.runs.defend import defend_run
    from pyro_seatbelt.runs.evaluate import EvaluationReport, evaluate_run
    from pyro_seatbelt.runs.evaluate_options import EvaluateOptions
    from pyro_seatbelt.runs.evaluation import Evaluation, read_evaluation
    from pyro_seatbelt.runs.listing import RunSummary, list_runs, newest_run
    from pyro_seatbelt.runs.open import Run, load_run
    from pyro_seatbelt.runs.protocol import run_protocol
    from pyro_seatbelt.runs.records import Findings
    from pyro_seatbelt.runs.robustness import RobustnessReport, robustness_of_run
    from pyro_seatbelt.runs.robustness_numbers import Robustness, read_robustness
    from pyro_seatbelt.runs.robustness_options import RobustnessOptions
    from pyro_seatbelt.runs.train import RunResult, resume_run, train_run
    from pyro_seatbelt.runs.verify import Verdict, verify_run

__all__ = [
    "AttackOptions",
    "AttackReport",
    "EvaluateOptions",
    "Evaluation",
    "EvaluationReport",
    "Findings",
    "Robustness",
    "RobustnessOptions",
    "RobustnessReport",
    "Run",
    "RunResult",
    "RunSummary",
    "Verdict",
    "attack_run",
    "defend_run",
    "evaluate_run",
    "list_runs",
    "load_run",
    "newest_run",
    "read_evaluation",
    "read_robustness",
    "resume_run",
    "robustness_of_run",
    "run_protocol",
    "train_run",
    "verify_run",
]

# these need torch, which takes a second to import
__getattr__ = lazily(
    __name__,
    {
        "attack": ["attack_run"],
        "attack_options": ["AttackOptions"],
        "attack_report": ["AttackReport"],
        "defend": ["defend_run"],
        "evaluate": ["EvaluationReport", "evaluate_run"],
        "evaluate_options": ["EvaluateOptions"],
        "evaluation": ["Evaluation", "read_evaluation"],
        "listing": ["RunSummary", "list_runs", "newest_run"],
        "open": ["Run", "load_run"],
        "protocol": ["run_protocol"],
        "records": ["Findings"],
        "robustness": ["RobustnessReport", "robustness_of_run"],
        "robustness_numbers": ["Robustness", "read_robustness"],
        "robustness_options": ["RobustnessOptions"],
        "train": ["RunResult", "resume_run", "train_run"],
        "verify": ["Verdict", "verify_run"],
    },
)
