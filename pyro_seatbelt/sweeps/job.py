"""Jobs of a sweep: a run, and what is measured of it."""

import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pyro_seatbelt.errors import InputError
from pyro_seatbelt.family import PRESETS
from pyro_seatbelt.options import Options
from pyro_seatbelt.runs.attack_options import AttackOptions
from pyro_seatbelt.runs.evaluate_options import EvaluateOptions
from pyro_seatbelt.runs.robustness_options import RobustnessOptions
from pyro_seatbelt.training.config import CHANGEABLE, TrainConfig

UNNAMED = CHANGEABLE - {"steps", "epochs"}
"""Fields of the config that a job's name does not depend on: they decide no weight."""


@dataclass(frozen=True)
class Job:
    """A run, its attacks, its evaluation and its robustness.

    Attributes:
        name: Of the run's folder; it depends on the config alone (:func:`job_for`).
        config: What to train.
        attacks: The attacks on the run.
        evaluation: What to measure of it; None for nothing.
        robustness: How its robustness is measured; None for not at all.
    """

    name: str
    config: TrainConfig
    attacks: tuple[AttackOptions, ...] = ()
    evaluation: EvaluateOptions | None = None
    robustness: RobustnessOptions | None = None

    def plain(self) -> dict[str, Any]:
        """The job as JSON has it."""
        return {
            "name": self.name,
            "config": self.config.model_dump(mode="json"),
            "attacks": [plain_options(options) for options in self.attacks],
            "evaluation": self.evaluation and plain_options(self.evaluation),
            "robustness": self.robustness and plain_options(self.robustness),
        }


def job_for(
    config: TrainConfig,
    attacks: Sequence[AttackOptions] = (),
    evaluation: EvaluateOptions | None = None,
    robustness: RobustnessOptions | None = None,
) -> Job:
    """Makes a job and names it after what decides the weights of its run.

    Args:
        config: What to train; layers and beta that it leaves open are filled in.
        attacks: The attacks on the run. A job makes each once: `force` is dropped.
        evaluation: What to measure of it; None for nothing.
        robustness: How its robustness is measured; None for not at all.

    Returns:
        The job.

    Raises:
        InputError: If the model cannot have these layers or this beta.

    Example:
        >>> job_for(TrainConfig(model="seatbelt", latent_dim=5)).name
        'synth-chairs-seatbelt-L4-z5-b6-s0-b5b05199'
        >>> job_for(TrainConfig(latent_dim=5, layers=4, device="cpu")).name
        'synth-chairs-seatbelt-L4-z5-b6-s0-b5b05199'
    """
    config = config.settled()
    # without the defaults, so that a new setting does not rename old jobs
    decisive = config.model_dump(mode="json", exclude_defaults=True, exclude=set(UNNAMED))
    digest = hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()
    sizes = "-".join(map(str, config.latent_dims or [config.latent_dim]))
    words = [config.dataset, config.model, f"L{config.layers}", f"z{sizes}"]
    if "beta" not in PRESETS[config.model].unused:
        words.append(f"b{config.beta:g}")
    name = re.sub(r"[^\w.-]", "_", "-".join([*words, f"s{config.seed}", digest[:8]]))
    return Job(
        name,
        config,
        tuple(dict.fromkeys(options.model_copy(update={"force": False}) for options in attacks)),
        evaluation and evaluation.model_copy(update={"force": False}),
        robustness and robustness.model_copy(update={"force": False}),
    )


def merge_jobs(jobs: Iterable[Job]) -> list[Job]:
    """Makes one job of those that share a run.

    Args:
        jobs: Any jobs.

    Returns:
        A job for each name, in the order of their first appearance, with the attacks of all.

    Raises:
        InputError: If two of them want the run evaluated differently, or its robustness measured
            so: it has one of each.

    Example:
        >>> config = TrainConfig(model="vae")
        >>> [both] = merge_jobs([job_for(config, [AttackOptions(pairs=n)]) for n in (1, 2, 1)])
        >>> [attack.pairs for attack in both.attacks]
        [1, 2]
    """
    merged: dict[str, Job] = {}
    for job in jobs:
        first = merged.setdefault(job.name, job)
        _check_one("evaluation", job.name, first.evaluation, job.evaluation)
        _check_one("measurement of robustness", job.name, first.robustness, job.robustness)
        merged[job.name] = replace(
            first,
            attacks=tuple(dict.fromkeys([*first.attacks, *job.attacks])),
            evaluation=first.evaluation or job.evaluation,
            robustness=first.robustness or job.robustness,
        )
    return list(merged.values())


def part_of(jobs: Sequence[Job], shard: tuple[int, int] | None) -> list[Job]:
    """Takes the jobs of a shard.

    Args:
        jobs: All of them.
        shard: Which part of how many, counted from 1; None for all.

    Returns:
        Every n-th job.
    """
    if shard is None:
        return list(jobs)
    number, total = shard
    return list(jobs[number - 1 :: total])


def _check_one(what: str, name: str, one: Options | None, other: Options | None) -> None:
    if one and other and one != other:
        raise InputError(
            f"{name}: expected one {what} of a run, got {one!r} and {other!r}: make them the same"
        )


def plain_options(options: Options) -> dict[str, Any]:
    """Options as JSON has them, without those that decide no number.

    Args:
        options: The options.

    Example:
        >>> plain_options(AttackOptions(pairs=3))["pairs"]
        3
    """
    return options.model_dump(mode="json")
