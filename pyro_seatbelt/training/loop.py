"""Stochastic variational inference, on the CPU and on an accelerator alike."""

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import pyro
import torch
from torch import Tensor, nn

from pyro_seatbelt.data import ImageSource
from pyro_seatbelt.errors import InputError
from pyro_seatbelt.progress import NO_NUMBERS, Progress, silent
from pyro_seatbelt.signals import Interruption
from pyro_seatbelt.training.arithmetic import arithmetic
from pyro_seatbelt.training.batches import Batches
from pyro_seatbelt.training.callbacks import Callback, EarlyStopping
from pyro_seatbelt.training.capture import Captured, numbers_of, recorder_for
from pyro_seatbelt.training.checkpoint import Checkpoint
from pyro_seatbelt.training.config import TrainConfig
from pyro_seatbelt.training.device import make_fabric
from pyro_seatbelt.training.fabric import Fabric, Logger
from pyro_seatbelt.training.gradient_step import GradientStep
from pyro_seatbelt.training.loggers import make_loggers
from pyro_seatbelt.training.metrics import Metrics
from pyro_seatbelt.training.optimizer import make_optimizer
from pyro_seatbelt.training.preparation import Preparation
from pyro_seatbelt.training.processes import Processes
from pyro_seatbelt.training.randomness import EpochOrder
from pyro_seatbelt.training.ready import broken_losses_are_ours, ready
from pyro_seatbelt.training.records import Records
from pyro_seatbelt.training.trainer import Stepping, Trainer, TrainingObjective
from pyro_seatbelt.training.watch import watch_for


class Outcome(NamedTuple):
    """How training ended.

    Attributes:
        step: How many steps have been taken.
        interrupted: Whether it was asked to stop before the last one.
        checkpoint: The checkpoint of that step; None if nothing is saved.
    """

    step: int
    interrupted: bool
    checkpoint: Path | None


def num_steps(config: TrainConfig, num_train: int) -> int:
    """Counts the gradient steps of a run.

    Args:
        config: Gives steps or epochs.
        num_train: Number of training images.

    Returns:
        The steps; an epoch has as many as there are full minibatches.

    Example:
        >>> num_steps(TrainConfig(epochs=3, batch_size=32), num_train=100)
        9
    """
    if config.steps is not None:
        return config.steps
    assert config.epochs is not None
    return config.epochs * (num_train // config.batch_size)


def fit(
    model: nn.Module,
    guide: nn.Module,
    objective: TrainingObjective,
    images: ImageSource,
    indices: Tensor,
    config: TrainConfig,
    *,
    folder: Path | None = None,
    resume: Checkpoint | None = None,
    evaluate: Callable[[], Metrics] | None = None,
    schedule: Callable[[int], None] | None = None,
    begin: Callable[[], None] | None = None,
    callbacks: Sequence[Callback] = (),
    loggers: Sequence[Logger] = (),
    progress: Progress = silent,
    fabric: Fabric | None = None,
) -> Outcome:
    """Trains any Pyro pair by stochastic variational inference.

    Gradients come from ``objective(model, guide)``. Parameters live
    in the modules, not in Pyro's store. Batches, draws and weights of the
    objective depend on the seed and the number of the step alone: on the CPU a
    run that is stopped and resumed ends with the same weights, bit for bit. The
    global random generators are left as they were.

    On CUDA a step is recorded and then launched as a whole, Pyro's programs included
    (:class:`~pyro_seatbelt.training.capture.Captured`): what programs read besides tensors has to
    stay as it is, but for numbers of the objective, or the config says ``cuda_graph=False``.
    Under a Fabric with several processes, launched, each takes its rows of every minibatch:
    batch normalisation is over those rows, and everything else as in one process with the whole.

    Modules are put into train mode. Before a step is saved or evaluated, the statistics of batch
    normalisation are taken anew from about 4096 training images, an epoch at most
    (:func:`~pyro_seatbelt.training.calibration.calibrate`): to keep those of a layer, give it
    ``momentum=0``.

    Args:
        model: A module whose `forward` is the program; it is given pixels in [0, 1], shape
            `(B, C, H, W)`, and observes them in a plate of `len(indices)` images.
        guide: A module whose `forward` draws the model's latents, given the same.
        objective: The bound.
        images: Where the images come from.
        indices: Which of them to train on, int64, shape `(N,)`.
        config: Gives the steps, the batch, the optimiser, the seed and how often to log, evaluate
            and save; what it says of data and models is not looked at.
        folder: Where metrics and checkpoints go; nothing is written without one.
        resume: Checkpoint of the same run to go on from.
        evaluate: Gives numbers of held-out images, every `eval_every` steps and at the end; if a
            run was cut off in it, after the checkpoint of the step, it is the first thing to do.
        schedule: Called with the number of a step, from 1, before it; sets the objective's weights.
        begin: Called once everything is known to be good, before anything is written.
        callbacks: Called after every step and every evaluation.
        loggers: Lightning's, or anything with their interface, besides those that the config names.
        progress: Is told how many steps are done, with the numbers of those that were measured.
        fabric: The device and its arithmetic, instead of those of the config.

    Returns:
        How it ended. Ctrl-C ends it after the step that is under way, with a checkpoint, and so
        does a callback, or an ELBO that has not improved for `patience` evaluations.

    Raises:
        InputError: If the device is not there, a batch holds more than all images or cannot be
            shared by the processes, there is patience and no evaluation, the checkpoint is of
            another pair, a logger is not installed or a file cannot be written.
        ValueError: If the pair has no parameters.
        TrainingDiverged: If a loss or a gradient is not finite, or a loss is absurdly large.

    Example:
        >>> from pyro.infer import Trace_ELBO
        >>> from pyro_seatbelt import presets
        >>> from pyro_seatbelt.data import ResidentImages
        >>> images = ResidentImages(torch.randint(256, (40, 1, 8, 8), dtype=torch.uint8))
        >>> pair = presets.build("vae", network="mlp", image_shape=(1, 8, 8), num_data=40)
        >>> config = TrainConfig(steps=3, batch_size=8, device="cpu")
        >>> fit(pair.model, pair.guide, Trace_ELBO(), images, torch.arange(40), config).step
        3
    """
    fabric = fabric or make_fabric(config.device, config.precision)
    processes = Processes(fabric, config.batch_size)
    if not processes.first:
        folder, evaluate, callbacks, loggers, progress = None, None, (), (), silent
    total = num_steps(config, len(indices))
    start = resume.step if resume else 0
    devices = [fabric.device] if fabric.device.type == "cuda" else []
    with ExitStack() as stack:
        stack.enter_context(torch.random.fork_rng(devices=devices))
        stack.enter_context(pyro.settings.context(module_local_params=True))
        stack.enter_context(broken_losses_are_ours())
        stack.enter_context(
            arithmetic(
                config.precision,
                deterministic=config.deterministic,
                detect_anomaly=config.detect_anomaly,
            )
        )
        order = EpochOrder(indices, batch_size=config.batch_size, seed=config.seed)
        batches = Batches(images.to(fabric.device), order, rank=processes.rank, size=processes.size)
        loss = ready(objective(model, guide), batches(1), config.seed, fabric)
        networks = getattr(objective, "networks", {})
        if networks and processes.size > 1:
            raise InputError(
                f"devices: what learns the {' and the '.join(networks)} sees one process's rows "
                "alone: train in one process"
            )
        optimizer = make_optimizer(config, _groups(loss, objective), fabric.device)
        wrapped = fabric.setup(loss, optimizer)
        prepare = Preparation(optimizer, config, total, schedule)
        if resume:
            prepare(start)  # what was saved has its learning rate
            resume.restore({"model": model, "guide": guide, **networks}, optimizer)
        if folder:
            loggers = [*loggers, *make_loggers(config, folder, after=start)]
        records = Records(folder, after=start, loggers=loggers, settings=config.model_dump())
        if processes.first and config.patience is not None:
            callbacks = [*callbacks, _early_stopping(config.patience, records, evaluate)]
        if begin:
            begin()
        watch = watch_for(optimizer, fabric.device, after=start)
        eager = GradientStep(
            wrapped[0],
            wrapped[1],
            fabric,
            num_data=len(indices),
            clip_norm=config.clip_norm,
            watch=watch,
        )
        recorded = config.cuda_graph and not watch.waits and not config.detect_anomaly
        recorder = recorder_for(fabric) if recorded else None
        trainer = Trainer(
            config=config,
            fabric=fabric,
            processes=processes,
            objective=objective,
            pair={"model": model, "guide": guide},
            networks=networks,
            loss=wrapped[0],
            optimizer=optimizer,
            stepping=Stepping(
                prepare,
                eager,
                Captured(eager, recorder, constants=lambda: numbers_of(objective)),
                watch,
            ),
            batches=batches,
            num_data=len(indices),
            evaluate=evaluate,
            folder=folder,
            records=stack.enter_context(records),
            callbacks=callbacks,
            checkpoint=resume.path if resume else None,
            measured=(start, time.perf_counter()),
            saved_at=time.monotonic(),
        )
        stack.enter_context(pyro.validation_enabled(False))  # the first call was validated
        interruption = stack.enter_context(Interruption())
        progress("training", start, total)
        if start and trainer.catch_up(start, last=start == total):
            return Outcome(start, interrupted=False, checkpoint=trainer.checkpoint)
        for step in range(start + 1, total + 1):
            last = step == total
            metrics = trainer.step(step, last=last)
            progress("training", step, total, metrics or NO_NUMBERS)
            if trainer.end_step(step, last=last, interruption=interruption):
                return Outcome(step, not trainer.stopped, trainer.checkpoint)
        return Outcome(max(start, total), interrupted=False, checkpoint=trainer.checkpoint)


def _early_stopping(
    patience: int, records: Records, evaluate: Callable[[], Metrics] | None
) -> EarlyStopping:
    if evaluate is None:
        raise InputError("patience: there are no held-out numbers without evaluate: give both")
    return EarlyStopping(patience, records.kept)


def _groups(loss: nn.Module, objective: TrainingObjective) -> list[dict[str, Any]]:
    """The parameters of the pair, and those that the objective has settings for."""
    own = objective.own_groups() if hasattr(objective, "own_groups") else []
    theirs = {id(parameter) for group in own for parameter in group["params"]}
    pair = [parameter for parameter in loss.parameters() if id(parameter) not in theirs]
    return [{"params": pair}, *own]
