"""Jobs of a sweep: a run, its attacks and its evaluation."""

import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from pyro_seatbelt.attacks.groups import Spread
from pyro_seatbelt.attacks.records import AttackRecords
from pyro_seatbelt.data import Progress
from pyro_seatbelt.errors import InputError
from pyro_seatbelt.experiments.attack import AttackOptions, attack_run
from pyro_seatbelt.experiments.evaluate import evaluate_run
from pyro_seatbelt.experiments.evaluate_options import EvaluateOptions
from pyro_seatbelt.experiments.evaluation import read_evaluation
from pyro_seatbelt.experiments.folder import RunFolder
from pyro_seatbelt.experiments.stages import Stages, StageWatch, Steps, problems
from pyro_seatbelt.experiments.train import CHANGEABLE, resume_run, train_run
from pyro_seatbelt.files import lock, write_atomically, writing
from pyro_seatbelt.presets import PRESETS, settle
from pyro_seatbelt.training.config import TrainConfig
from pyro_seatbelt.training.device import make_fabric
from pyro_seatbelt.training.layout import checkpoints, step_of

UNNAMED = CHANGEABLE - {"steps", "epochs"}
"""Fields of the config that a job's name does not depend on: they decide no weight."""


@dataclass(frozen=True)
class Job:
    """A run, its attacks and its evaluation.

    Attributes:
        name: Of the run's folder; it depends on the config alone (:func:`job_for`).
        config: What to train.
        attacks: The attacks on the run.
        evaluation: What to measure of it; None for nothing.
    """

    name: str
    config: TrainConfig
    attacks: tuple[AttackOptions, ...] = ()
    evaluation: EvaluateOptions | None = None

    def plain(self) -> dict[str, Any]:
        """The job as JSON has it."""
        return {
            "name": self.name,
            "config": self.config.model_dump(mode="json"),
            "attacks": [plain_options(options) for options in self.attacks],
            "evaluation": self.evaluation and plain_options(self.evaluation),
        }


class JobReport(NamedTuple):
    """What came of a job.

    Attributes:
        run: The folder of the run.
        attacks: Folders of its attacks.
        evaluation: Folder of its evaluation, if there is one.
        was_finished: Whether there was nothing left to do.
    """

    run: Path
    attacks: tuple[Path, ...]
    evaluation: Path | None
    was_finished: bool


def job_for(
    config: TrainConfig,
    attacks: Sequence[AttackOptions] = (),
    evaluation: EvaluateOptions | None = None,
) -> Job:
    """Makes a job and names it after what decides the weights of its run.

    Args:
        config: What to train; layers and beta that it leaves open are filled in.
        attacks: The attacks on the run. A job makes each once: `force` is dropped.
        evaluation: What to measure of it; None for nothing.

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
    layers, beta = settle(config.model, layers=config.layers, beta=config.beta)
    config = config.model_copy(update={"layers": layers, "beta": beta})
    # without the defaults, so that a new setting does not rename old jobs
    decisive = config.model_dump(mode="json", exclude_defaults=True, exclude=set(UNNAMED))
    digest = hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()
    words = [config.dataset, config.model, f"L{layers}", f"z{config.latent_dim}"]
    if PRESETS[config.model].has_beta:
        words.append(f"b{beta:g}")
    name = re.sub(r"[^\w.-]", "_", "-".join([*words, f"s{config.seed}", digest[:8]]))
    return Job(
        name,
        config,
        tuple(dict.fromkeys(_settled(options) for options in attacks)),
        evaluation and replace(evaluation, force=False),
    )


def merge_jobs(jobs: Iterable[Job]) -> list[Job]:
    """Makes one job of those that share a run.

    Args:
        jobs: Any jobs.

    Returns:
        A job for each name, in the order of their first appearance, with the attacks of all.

    Raises:
        InputError: If two of them want the run evaluated differently: it has one evaluation.

    Example:
        >>> config = TrainConfig(model="vae")
        >>> [both] = merge_jobs([job_for(config, [AttackOptions(pairs=n)]) for n in (1, 2, 1)])
        >>> [attack.pairs for attack in both.attacks]
        [1, 2]
    """
    merged: dict[str, Job] = {}
    for job in jobs:
        first = merged.setdefault(job.name, job)
        if first.evaluation and job.evaluation and first.evaluation != job.evaluation:
            raise InputError(
                f"{job.name}: expected one evaluation of a run, got {first.evaluation} and "
                f"{job.evaluation}: make them the same"
            )
        merged[job.name] = replace(
            first,
            attacks=tuple(dict.fromkeys([*first.attacks, *job.attacks])),
            evaluation=first.evaluation or job.evaluation,
        )
    return list(merged.values())


def job_place(name: str, folder: Path) -> Path:
    """Where the run of a job is.

    Args:
        name: Of the job.
        folder: Of the sweep.

    Example:
        >>> job_place("synth-chairs-vae", Path("sweep")).as_posix()
        'sweep/runs/synth-chairs-vae'
    """
    return folder / "runs" / name


def run_job(
    job: Job,
    folder: Path,
    *,
    processes: int = 1,
    spread: Spread | None = None,
    watch: StageWatch | None = None,
    data_progress: Progress | None = None,
) -> JobReport:
    """Trains, attacks and evaluates a run in `runs/` in a folder; finished stages are not redone.

    A job that was killed at any moment is continued by the same call, and ends with the same
    numbers. `job.json` in the folder of the run comes last and says that all is there.

    Args:
        job: The job.
        folder: Of the sweep.
        processes: Processes that share an attack on the CPU, where its options leave that open.
        spread: Runs the groups of an attack somewhere else, on the CPU.
        watch: Is told how far it is.
        data_progress: Is told how far the making of data is.

    Returns:
        What came of it.

    Raises:
        InputError: If something that the user gave cannot be used.
        TrainingDiverged: If the run's loss or gradient is not finite, or absurdly large.
        KeyboardInterrupt: If training was asked to stop, and has saved where it is.
    """
    if (finished := finished_job(job, folder)) is not None:
        return finished
    place = job_place(job.name, folder)
    stages = Stages(watch, 1 + len(job.attacks) + (job.evaluation is not None))
    _train(job.config, place, Steps(stages.next("training")), data_progress)
    made: list[list[str]] = []
    for number, options in enumerate(job.attacks):
        on_cpu = make_fabric(options.device).device.type == "cpu"
        shared = processes if options.processes is None and on_cpu else options.processes
        reports = attack_run(
            place,
            replace(options, processes=shared),
            spread=spread,
            watch=problems(
                stages.next(f"attack {number + 1} of {len(job.attacks)}"), options.modes
            ),
            data_progress=data_progress,
        )
        made.append([report.folder.name for report in reports])
    if job.evaluation is not None:
        stages.next("evaluation")
        evaluate_run(place, job.evaluation, data_progress=data_progress)
    _write_mark(job, place, made)
    return _report(job, place, [name for names in made for name in names], was_finished=False)


def finished_job(job: Job, folder: Path) -> JobReport | None:
    """Tells what came of a job that is finished.

    Args:
        job: The job.
        folder: Of the sweep.

    Returns:
        Where everything is; None if something is left to do.
    """
    place = job_place(job.name, folder)
    mark = _read_mark(place)
    if mark is None or mark["step"] != _newest_step(place):
        return None
    made = {_key(entry["options"]): entry["folders"] for entry in mark["attacks"]}
    names: list[str] = []
    for options in job.attacks:
        if (folders := made.get(_key(plain_options(options)))) is None:
            return None
        names += folders
    if job.evaluation is not None and mark["evaluation"] != plain_options(job.evaluation):
        return None
    report = _report(job, place, names, was_finished=True)
    there = [AttackRecords(path).finished for path in report.attacks]
    if job.evaluation is not None:  # somebody may have evaluated it otherwise since
        found = read_evaluation(place)
        record = RunFolder(place).read_record()
        there.append(found is not None and found.answers(job.evaluation, record, mark["step"]))
    return report if all(there) else None


def plain_options(options: AttackOptions | EvaluateOptions) -> dict[str, Any]:
    """Options as JSON has them, without those that decide no number.

    Args:
        options: The options.

    Example:
        >>> plain_options(AttackOptions(pairs=3))["pairs"]
        3
    """
    values = {
        name: value for name, value in asdict(options).items() if name not in {"processes", "force"}
    }
    plain: dict[str, Any] = json.loads(json.dumps(values, default=str))
    return plain


def _settled(options: AttackOptions) -> AttackOptions:
    """The same options, hashable and made once."""
    layers = options.layers
    return replace(
        options,
        modes=tuple(options.modes),
        weights=tuple(options.weights),
        layers=layers if layers is None or isinstance(layers, str) else tuple(layers),
        force=False,
    )


def _train(config: TrainConfig, place: Path, watch: Steps, data_progress: Progress | None) -> None:
    if (place / "config.json").is_file():
        _check_same(config, RunFolder(place).read_config(), place)
        changes = {name: getattr(config, name) for name in sorted(CHANGEABLE)}
        result = resume_run(place, changes, watch=watch, data_progress=data_progress)
    else:
        _clear(place)
        with writing(place):
            place.parent.mkdir(parents=True, exist_ok=True)
        result = train_run(config, out=place, watch=watch, data_progress=data_progress)
    if result.status == "interrupted":
        raise KeyboardInterrupt


def _check_same(config: TrainConfig, found: TrainConfig, place: Path) -> None:
    """Checks that a run is the one that a job means: its name leaves the defaults out."""
    for name in TrainConfig.model_fields:
        wanted, there = getattr(config, name), getattr(found, name)
        if wanted != there and name not in CHANGEABLE:
            raise InputError(
                f"{place}: expected a run with {name} {wanted}, it has {there}: choose another "
                "folder for the sweep, or move the run away"
            )


def _clear(place: Path) -> None:
    """Removes what a process that was killed before its run began had been writing."""
    if not place.is_dir():
        return
    with lock(place) as mine, writing(place):
        if not mine:
            raise InputError(f"{place}: another process is training this run")
        for part in place.glob(".*.part"):
            part.unlink()


def _mark(place: Path) -> Path:
    return place / "job.json"


def _write_mark(job: Job, place: Path, made: Sequence[Sequence[str]]) -> None:
    step, before = _newest_step(place), _read_mark(place)
    attacks: dict[str, dict[str, Any]] = {}
    evaluation = job.plain()["evaluation"]
    if before is not None and before["step"] == step:  # what other sweeps asked of this run
        attacks = {_key(entry["options"]): entry for entry in before["attacks"]}
        evaluation = evaluation or before["evaluation"]
    for options, folders in zip(job.attacks, made, strict=True):
        plain = plain_options(options)
        attacks[_key(plain)] = {"options": plain, "folders": list(folders)}
    content = {"step": step, "attacks": list(attacks.values()), "evaluation": evaluation}
    write_atomically(_mark(place), json.dumps(content, indent=2) + "\n")


def _read_mark(place: Path) -> dict[str, Any] | None:
    """What the mark says; None if there is none that can be read."""
    try:
        mark = json.loads(_mark(place).read_text("utf-8"))
        return {name: mark[name] for name in ("step", "attacks", "evaluation")}
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _newest_step(place: Path) -> int | None:
    there = checkpoints(RunFolder(place).checkpoints)
    return step_of(there[-1]) if there else None


def _key(plain: object) -> str:
    return json.dumps(plain, sort_keys=True)


def _report(job: Job, place: Path, attacks: Sequence[str], *, was_finished: bool) -> JobReport:
    return JobReport(
        place,
        tuple(place / "attacks" / name for name in attacks),
        None if job.evaluation is None else place / "evaluation",
        was_finished,
    )
