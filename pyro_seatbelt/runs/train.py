"""From a config to a trained run in a folder of its own."""

import logging
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal, NamedTuple

from pyro_seatbelt import presets
from pyro_seatbelt.data import ImageDataset, Split
from pyro_seatbelt.data.subset import evenly_spaced
from pyro_seatbelt.errors import InputError
from pyro_seatbelt.files import remove_parts, writing
from pyro_seatbelt.presets import Family
from pyro_seatbelt.progress import Progress, silent
from pyro_seatbelt.runs.fitting import Orders, fit_family, follow, fresh_family, leading, started
from pyro_seatbelt.runs.folder import (
    RunFolder,
    RunRecord,
    check_free,
    new_folder,
    now,
    package_versions,
    runs_root,
)
from pyro_seatbelt.runs.heldout import HeldoutNumbers
from pyro_seatbelt.runs.images import open_data, open_same_data
from pyro_seatbelt.training.checkpoint import Checkpoint, load_newest
from pyro_seatbelt.training.config import CHANGEABLE, TrainConfig
from pyro_seatbelt.training.fabric import Fabric
from pyro_seatbelt.training.loop import Outcome, num_steps
from pyro_seatbelt.training.randomness import EpochOrder

logger = logging.getLogger(__name__)


class RunResult(NamedTuple):
    """What came of a run.

    Attributes:
        folder: Its folder.
        status: `finished`, or `interrupted` by the user.
        step: How many steps it has been trained for.
        num_steps: How many of them this call took.
        figures: Files by name; none if it was interrupted.
        heldout: The last numbers of held-out images, as in the metrics; None if there are none.
        first: Whether this is the only process, or the one of several that wrote the folder.
    """

    folder: Path
    status: Literal["finished", "interrupted"]
    step: int
    num_steps: int
    figures: dict[str, Path]
    heldout: dict[str, Any] | None
    first: bool = True


def train_run(
    config: TrainConfig,
    *,
    out: Path | None = None,
    root: Path | None = None,
    progress: Progress = silent,
) -> RunResult:
    """Trains a member of the family and keeps everything in a folder.

    The folder holds the config, the data's fingerprint, metrics, checkpoints
    and figures. Nothing is made on disk before data, model and device are known
    to be good, and no run is ever overwritten. What contradicts itself whatever the data is
    refused before they are opened or drawn.

    Args:
        config: What to train.
        out: The folder itself, absent or empty.
        root: Folder in which to make one, by default ``$SEATBELT_RUNS`` or `runs`.
        progress: Is told how far the making of images is, and then training.

    Returns:
        What came of it.

    Raises:
        InputError: If something that the user gave cannot be used.
        TrainingDiverged: If a loss or a gradient is not finite, or a loss is absurdly large.
    """
    fabric = started(config)
    if fabric.global_rank:
        return _follow(fabric)
    with leading(fabric) as send:
        return _begin(config, out, root, progress, fabric, send)


def _begin(
    config: TrainConfig,
    out: Path | None,
    root: Path | None,
    progress: Progress,
    fabric: Fabric,
    send: Callable[[Orders], None],
) -> RunResult:
    if out is not None:
        check_free(out)
    presets.check(config)
    dataset, split = open_data(config, progress)
    EpochOrder(split.train, batch_size=config.batch_size, seed=config.seed)  # raises if too few
    family = fresh_family(config, dataset, split)
    config = config.settled()
    record = RunRecord(
        status="running",
        fingerprint=dataset.fingerprint,
        provenance=dict(dataset.provenance),
        synthetic=dataset.synthetic,
        image_shape=dataset.image_shape,
        num_train=len(split.train),
        num_heldout=len(split.heldout),
        started=now(),
        pid=os.getpid(),
        versions=package_versions(),
    )
    folder = new_folder(config, out=out, root=root or runs_root())
    with folder.locked():
        check_free(folder.path)  # another process may have been faster
        try:
            with writing(folder.path):
                remove_parts(folder.path)
            folder.write_record(record, config)
        except InputError:
            folder.discard()
            raise
        send(Orders(str(folder.path.absolute()), config.model_dump_json(), None))
        return _train(
            folder, record, config, family, dataset, split, fabric=fabric, progress=progress
        )


def resume_run(
    path: Path,
    changes: Mapping[str, Any] | None = None,
    *,
    progress: Progress = silent,
) -> RunResult:
    """Goes on with a run from its newest checkpoint.

    On the CPU it ends with the same weights as if it had never stopped. A
    finished run is left as it is, or extended if it is given more steps.
    Where the newest checkpoint is damaged it goes on from the newest good one, warns, and names
    the damaged ones in `run.json`. Nothing is written before everything is known to be good.

    Args:
        path: The folder of the run.
        changes: Fields of the config that may differ, such as more steps
            (:data:`~pyro_seatbelt.training.config.CHANGEABLE`).
        progress: Is told how far the making of images is, and then training.

    Returns:
        What came of it; `num_steps` is 0 if there was nothing left to do.

    Raises:
        InputError: If this is no run, its data are no longer the same, another process trains it,
            all its checkpoints or its metrics are damaged, or a change is not allowed.
        TrainingDiverged: If a loss or a gradient is not finite, or a loss is absurdly large.
    """
    folder = RunFolder(path)
    saved, record = folder.read_config(), folder.read_record()
    config = _with_changes(saved, changes or {}, path)
    fabric = started(config)
    if fabric.global_rank:
        return _follow(fabric)
    with leading(fabric) as send, folder.locked():
        checkpoint, damaged = load_newest(folder.checkpoints)
        metrics = folder.read_metrics()
        if checkpoint is None:
            _check_never_saved(folder, metrics, saved)
        step, total = checkpoint.step if checkpoint else 0, num_steps(config, record.num_train)
        if step > total:
            raise InputError(f"steps: {path} is at step {step} already, got {total}: ask for more")
        if step == total and record.status == "finished":
            if not folder.is_sealed():
                folder.write_record(record)
            return _result(folder, Outcome(step, interrupted=False, checkpoint=None), num_steps=0)
        dataset, split = open_same_data(path, config, record, progress)
        family = fresh_family(config, dataset, split)
        record = record.model_copy(
            update={
                "status": "running",
                "pid": os.getpid(),
                "finished": None,
                "error": None,
                "versions": package_versions(),
                "damaged": tuple(dict.fromkeys((*record.damaged, *damaged.values()))),
            }
        )

        def begin() -> None:
            folder.write_record(record, config)
            with writing(folder.checkpoints):
                remove_parts(folder.checkpoints)
            for place, problem in damaged.items():
                logger.warning("%s; going on from step %d", problem, step)
                folder.set_aside(place)

        place = str(path.absolute())
        send(Orders(place, config.model_dump_json(), step if checkpoint else None))
        return _train(
            folder,
            record,
            config,
            family,
            dataset,
            split,
            fabric=fabric,
            resume=checkpoint,
            begin=begin,
            progress=progress,
        )


def _check_never_saved(
    folder: RunFolder, metrics: Sequence[Mapping[str, Any]], config: TrainConfig
) -> None:
    """Raises where a run without a checkpoint came so far that it must have saved one."""
    steps = [record["step"] for record in metrics]
    if steps and max(steps) > config.checkpoint_every:
        raise InputError(
            f"{folder.path}: the run came to step {max(steps)} and its checkpoints are gone: put "
            "them back, or start a new run"
        )


def _with_changes(saved: TrainConfig, changes: Mapping[str, Any], path: Path) -> TrainConfig:
    config = TrainConfig.merge(saved.model_dump(), changes)
    for name in TrainConfig.model_fields:
        before, after = getattr(saved, name), getattr(config, name)
        if before != after and name not in CHANGEABLE:
            raise InputError(
                f"{name}: cannot change when a run is resumed: {path} has {before}, got {after}: "
                "leave it out, or start a new run"
            )
    length = ("steps", "epochs")
    before, after = (tuple(getattr(each, name) for name in length) for each in (saved, config))
    if saved.learning_rate_schedule == "cosine" and before != after:
        name = "steps" if before[0] != after[0] else "epochs"
        raise InputError(
            f"{name}: cannot change where the learning rate is a cosine over all steps: {path} has "
            f"{getattr(saved, name)}, got {getattr(config, name)}: leave it out, or start a new run"
        )
    return config


def _train(
    folder: RunFolder,
    record: RunRecord,
    config: TrainConfig,
    family: Family,
    dataset: ImageDataset,
    split: Split,
    *,
    fabric: Fabric,
    resume: Checkpoint | None = None,
    begin: Callable[[], None] | None = None,
    progress: Progress,
) -> RunResult:
    """Trains; `begin` writes the record of a run that is resumed, once it is known to be good."""
    begun = begin is None

    def begin_once() -> None:
        nonlocal begun
        begun = True
        if begin is not None:
            begin()

    images = dataset.images.to(fabric.device)
    heldout = evenly_spaced(split.heldout, config.num_eval_images).to(fabric.device)
    try:
        outcome = fit_family(
            family,
            images,
            split,
            config,
            fabric,
            folder=folder.path,
            resume=resume,
            evaluate=HeldoutNumbers(family, images, heldout, seed=config.seed),
            begin=begin_once,
            progress=progress,
        )
        if not outcome.interrupted:
            # after the last step, so that nobody waits for Matplotlib before the first
            from pyro_seatbelt.runs.figures import draw_figures, run_title  # noqa: PLC0415

            draw_figures(folder, family, images, heldout, title=run_title(config, outcome.step))
    except BaseException as error:
        if not begun:  # a refused run is left as it was
            raise
        status: Literal["interrupted", "failed"] = (
            "interrupted" if isinstance(error, KeyboardInterrupt) else "failed"
        )
        update = {"status": status, "error": str(error) or None, "finished": now()}
        with suppress(InputError):  # the first error is the one to show
            folder.write_record(record.model_copy(update=update))
        raise
    status_now = "interrupted" if outcome.interrupted else "finished"
    folder.write_record(record.model_copy(update={"status": status_now, "finished": now()}))
    fabric.barrier()
    return _result(folder, outcome, num_steps=outcome.step - (resume.step if resume else 0))


def _follow(fabric: Fabric) -> RunResult:
    folder, outcome = follow(fabric)
    return _result(folder, outcome, num_steps=0)._replace(first=False)


def _result(folder: RunFolder, outcome: Outcome, *, num_steps: int) -> RunResult:
    evaluations = [each for each in folder.read_metrics() if each["kind"] == "heldout"]
    return RunResult(
        folder=folder.path,
        status="interrupted" if outcome.interrupted else "finished",
        step=outcome.step,
        num_steps=num_steps,
        figures={}
        if outcome.interrupted
        else {path.stem: path for path in sorted(folder.figures.glob("*.png"))},
        heldout=evaluations[-1] if evaluations else None,
    )
