"""Stochastic variational inference, on the CPU and on an accelerator alike."""

import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path
from typing import Any, NamedTuple

import pyro
import torch
from torch import Tensor, nn

from pyro_seatbelt.data import ImageSource, to_pixels
from pyro_seatbelt.progress import NO_NUMBERS, Progress, silent
from pyro_seatbelt.signals import Interruption
from pyro_seatbelt.training.arithmetic import arithmetic
from pyro_seatbelt.training.checkpoint import Checkpoint
from pyro_seatbelt.training.config import TrainConfig
from pyro_seatbelt.training.device import make_fabric
from pyro_seatbelt.training.fabric import Fabric
from pyro_seatbelt.training.learning_rate import learning_rate
from pyro_seatbelt.training.metrics import Metrics, MetricsLog
from pyro_seatbelt.training.randomness import EpochOrder, seed_step
from pyro_seatbelt.training.trainer import Trainer, TrainingObjective


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
    progress: Progress = silent,
    fabric: Fabric | None = None,
) -> Outcome:
    """Trains any Pyro pair by stochastic variational inference.

    Gradients come from ``objective(model, guide)`` under Adam. Parameters live
    in the modules, not in Pyro's store. Batches, draws and weights of the
    objective depend on the seed and the number of the step alone: on the CPU a
    run that is stopped and resumed ends with the same weights, bit for bit. The
    global random generators are left as they were.

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
        progress: Is told how many steps are done, with the numbers of those that were measured.
        fabric: The device and its arithmetic, instead of those of the config.

    Returns:
        How it ended. Ctrl-C ends it after the step that is under way, with a checkpoint.

    Raises:
        InputError: If the device is not there, a batch holds more than all images, the checkpoint
            is of another pair or a file cannot be written.
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
    order = EpochOrder(indices.to(fabric.device), batch_size=config.batch_size, seed=config.seed)
    total = num_steps(config, len(indices))
    start = resume.step if resume else 0
    devices = [fabric.device] if fabric.device.type == "cuda" else []
    with ExitStack() as stack:
        stack.enter_context(torch.random.fork_rng(devices=devices))
        stack.enter_context(pyro.settings.context(module_local_params=True))
        stack.enter_context(_broken_losses_are_ours())
        stack.enter_context(
            arithmetic(deterministic=config.deterministic, detect_anomaly=config.detect_anomaly)
        )
        images = images.to(fabric.device)
        loss = fabric.to_device(objective(model, guide))
        _keep_parameters_in(loss)
        _initialise(loss, to_pixels(images.gather(order.batch(1))), config.seed)
        networks = getattr(objective, "networks", {})
        optimizer = torch.optim.Adam(_groups(loss, objective), lr=config.learning_rate, fused=True)
        wrapped = fabric.setup(loss, optimizer)
        if resume:
            _set_learning_rate(optimizer, config, step=start, total=total)  # what was saved has it
            resume.restore({"model": model, "guide": guide, **networks}, optimizer)
        log = _metrics_log(folder, start, tensorboard=config.tensorboard)
        if begin:
            begin()
        trainer = Trainer(
            config=config,
            fabric=fabric,
            objective=objective,
            pair={"model": model, "guide": guide},
            networks=networks,
            loss=wrapped[0],
            optimizer=wrapped[1],
            images=images,
            order=order,
            num_data=len(indices),
            evaluate=evaluate,
            folder=folder,
            log=stack.enter_context(log),
            checkpoint=resume.path if resume else None,
            measured=(start, time.perf_counter()),
            saved_at=time.monotonic(),
        )
        stack.enter_context(pyro.validation_enabled(False))  # the first call was validated
        interruption = stack.enter_context(Interruption())
        progress("training", start, total)
        if start:
            if schedule:
                schedule(start)
            trainer.catch_up(start, last=start == total)
        for step in range(start + 1, total + 1):
            if schedule:
                schedule(step)
            _set_learning_rate(optimizer, config, step=step, total=total)
            last = step == total
            metrics = trainer.step(step, measure=last or step == 1 or not step % config.log_every)
            if metrics and trainer.log:
                trainer.log.write(step, "train", metrics)
            progress("training", step, total, metrics or NO_NUMBERS)
            if trainer.end_step(step, last=last, interruption=interruption):
                return Outcome(step, interrupted=True, checkpoint=trainer.checkpoint)
        return Outcome(max(start, total), interrupted=False, checkpoint=trainer.checkpoint)


def _set_learning_rate(
    optimizer: torch.optim.Optimizer, config: TrainConfig, *, step: int, total: int
) -> None:
    for group in optimizer.param_groups:
        peak = group.get("initial_lr", config.learning_rate)
        group["lr"] = learning_rate(config.learning_rate_schedule, peak, step=step, total=total)


def _groups(loss: nn.Module, objective: TrainingObjective) -> list[dict[str, Any]]:
    """The parameters of the pair, and those that the objective has settings for."""
    own = objective.own_groups() if hasattr(objective, "own_groups") else []
    theirs = {id(parameter) for group in own for parameter in group["params"]}
    pair = [parameter for parameter in loss.parameters() if id(parameter) not in theirs]
    return [{"params": pair}, *own]


def _keep_parameters_in(loss: nn.Module) -> None:
    """Lets modules that were made under Pyro's other setting run under `module_local_params`."""
    for module in loss.modules():
        context = getattr(module, "_pyro_context", None)
        if context is not None and not hasattr(context, "param_state"):
            context.param_state = {"params": {}, "constraints": {}}


def _initialise(loss: nn.Module, x: Tensor, seed: int) -> None:
    """Runs the pair once: parameters that appear at the first call must be there to be trained."""
    loss.eval()
    with torch.no_grad(), pyro.validation_enabled(True):
        seed_step(seed, 0, x.device)
        loss(x)
    loss.train()
    if not any(parameter.requires_grad for parameter in loss.parameters()):
        raise ValueError(
            "expected a model and a guide with parameters, got none: pass PyroModules whose "
            "forward is the program, not their bound methods"
        )


@contextmanager
def _broken_losses_are_ours() -> Iterator[None]:
    """Silences Pyro's warning of a loss that is no number: training stops there and says more."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"Encountered \+?(NaN|inf)", UserWarning)
        yield


def _metrics_log(folder: Path | None, after: int, *, tensorboard: bool) -> Any:
    if folder is None:
        return nullcontext()
    events = folder / "tensorboard" if tensorboard else None
    return MetricsLog(folder / "metrics.jsonl", after=after, tensorboard=events)
