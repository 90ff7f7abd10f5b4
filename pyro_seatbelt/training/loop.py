"""Stochastic variational inference, on the CPU and on an accelerator alike."""

import logging
import math
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import pyro
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.nn.utils import clip_grads_with_norm_, get_total_norm

from pyro_seatbelt.data import ImageSource, to_pixels
from pyro_seatbelt.evaluation import active_units
from pyro_seatbelt.progress import NO_NUMBERS, Progress, silent
from pyro_seatbelt.training.calibration import batch_statistics, calibrate
from pyro_seatbelt.training.checkpoint import Checkpoint, save_checkpoint
from pyro_seatbelt.training.config import TrainConfig
from pyro_seatbelt.training.device import make_fabric
from pyro_seatbelt.training.divergence import TrainingDiverged, broken_term, sound
from pyro_seatbelt.training.interruption import Interruption
from pyro_seatbelt.training.metrics import Metrics, MetricsLog, mean_report
from pyro_seatbelt.training.randomness import EpochOrder, seed_step

logger = logging.getLogger(__name__)

_CALIBRATION_IMAGES = 4096


class Objective(Protocol):
    """A bound on traces, such as :class:`pyro.infer.Trace_ELBO`.

    If it has `observing`, as :class:`pyro_seatbelt.objectives.TraceTC_ELBO`
    has, its parts are logged and named when they break.
    """

    def __call__(self, model: nn.Module, guide: nn.Module) -> nn.Module:
        """Returns a module whose value on a minibatch is the loss, a sum over the data set."""


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
    objective: Objective,
    images: ImageSource,
    indices: Tensor,
    config: TrainConfig,
    *,
    folder: Path | None = None,
    resume: Checkpoint | None = None,
    evaluate: Callable[[], Metrics] | None = None,
    schedule: Callable[[int], None] | None = None,
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
        images = images.to(fabric.device)
        loss = fabric.to_device(objective(model, guide))
        _keep_parameters_in(loss)
        _initialise(loss, to_pixels(images.gather(order.batch(1))), config.seed)
        optimizer = torch.optim.Adam(loss.parameters(), lr=config.learning_rate, fused=True)
        wrapped = fabric.setup(loss, optimizer)
        if resume:
            resume.restore({"model": model, "guide": guide}, optimizer)
        training = _Training(
            config=config,
            fabric=fabric,
            objective=objective,
            pair={"model": model, "guide": guide},
            loss=wrapped[0],
            optimizer=wrapped[1],
            images=images,
            order=order,
            num_data=len(indices),
            evaluate=evaluate,
            folder=folder,
            log=stack.enter_context(_metrics_log(folder, start, tensorboard=config.tensorboard)),
            checkpoint=resume.path if resume else None,
            _measured=(start, time.perf_counter()),
        )
        log = training.log
        stack.enter_context(pyro.validation_enabled(False))  # the first call was validated
        interruption = stack.enter_context(Interruption())
        progress("training", start, total)
        if start:
            if schedule:
                schedule(start)
            training.catch_up(start, last=start == total)
        for step in range(start + 1, total + 1):
            if schedule:
                schedule(step)
            last = step == total
            metrics = training.step(step, measure=last or step == 1 or not step % config.log_every)
            if metrics and log:
                log.write(step, "train", metrics)
            progress("training", step, total, metrics or NO_NUMBERS)
            if training.end_step(step, last=last, interruption=interruption):
                return Outcome(step, interrupted=True, checkpoint=training.checkpoint)
        return Outcome(max(start, total), interrupted=False, checkpoint=training.checkpoint)


@dataclass
class _Training:
    """The moving parts of :func:`fit`."""

    config: TrainConfig
    fabric: Fabric
    objective: Objective
    pair: dict[str, nn.Module]
    loss: Any  # Fabric's wrappers of the loss module and the optimiser
    optimizer: Any
    images: ImageSource
    order: EpochOrder
    num_data: int
    evaluate: Callable[[], Metrics] | None
    folder: Path | None
    log: MetricsLog | None
    checkpoint: Path | None
    _measured: tuple[int, float]

    def step(self, step: int, *, measure: bool) -> dict[str, Any] | None:
        """Takes one gradient step, and its numbers if asked."""
        config = self.config
        x = to_pixels(self.images.gather(self.order.batch(step)))
        seed_step(config.seed, step, self.fabric.device)
        reports: list[Any] = []
        observe = getattr(self.objective, "observing", None) if measure else None
        with observe(reports.append) if observe else nullcontext():
            loss = self.loss(x) / self.num_data
        self.optimizer.zero_grad()
        self.fabric.backward(loss)
        parameters = [each for each in self.loss.parameters() if each.grad is not None]
        norm = get_total_norm([each.grad for each in parameters])
        if not (sound(loss.detach(), x) & norm.isfinite()):  # one wait for the device, not two
            raise self._diverged(step, x, finite=bool((loss.detach() + norm).isfinite()))
        if config.clip_norm is not None:
            clip_grads_with_norm_(parameters, config.clip_norm, norm)
        self.optimizer.step()
        if not measure:
            return None
        with batch_statistics(self.pair["guide"]):  # the running averages depend on stops
            units = {"active_units": active_units(self.pair["guide"], x)} if reports else {}
        return {
            "loss": loss.item(),
            "gradient_norm": norm.item(),
            **mean_report(reports),
            **units,
            "images_per_second": self._speed(step),
        }

    def end_step(self, step: int, *, last: bool, interruption: Interruption) -> bool:
        """Calibrates, saves and evaluates where that is due; says whether to stop here."""
        evaluates = self._evaluates(step, last=last)
        saves = last or interruption.requested or not step % self.config.checkpoint_every
        if not evaluates and not saves:
            return False
        self._calibrate(step)
        if saves:
            self.save(step)
        if evaluates:
            self._measure_heldout(step)
        stop = interruption.requested and not last
        if stop and not saves:
            self.save(step)
        return stop

    def catch_up(self, step: int, *, last: bool) -> None:
        """Makes an evaluation that a run was cut off in, after the checkpoint of the step."""
        recorded = self.log is None or self.log.latest.get("heldout", 0) >= step
        if self._evaluates(step, last=last) and not recorded:
            self._measure_heldout(step)

    def _evaluates(self, step: int, *, last: bool) -> bool:
        return last or not step % self.config.eval_every

    def _calibrate(self, step: int) -> None:
        """Makes the statistics of batch normalisation those of the weights of this step."""
        wanted = math.ceil(_CALIBRATION_IMAGES / self.config.batch_size)
        numbers = range(1, 1 + min(wanted, self.order.batches_per_epoch))
        seed_step(self.config.seed, step, self.fabric.device)
        batches = (to_pixels(self.images.gather(self.order.batch(number))) for number in numbers)
        calibrate(self.loss, self.loss.module, batches)

    def _measure_heldout(self, step: int) -> None:
        if self.evaluate is not None:
            heldout = self.evaluate()
            if self.log is not None:
                self.log.write(step, "heldout", heldout)
                self.log.sync()

    def save(self, step: int) -> None:
        """Writes a checkpoint if the run has a folder."""
        if self.folder is not None:
            self.checkpoint = save_checkpoint(
                self.folder / "checkpoints",
                step,
                self.pair,
                self.optimizer.optimizer,
                keep=self.config.keep_checkpoints,
            )
            if self.log is not None:
                self.log.sync()

    def _diverged(self, step: int, x: Tensor, *, finite: bool) -> TrainingDiverged:
        def seed() -> None:
            seed_step(self.config.seed, step, self.fabric.device)

        with self.fabric.autocast():
            term = broken_term(
                self.objective,
                x,
                **self.pair,
                loss=self.loss.module,
                seed=seed,
                num_data=self.num_data,
            )
        return TrainingDiverged(step, term, self.checkpoint, finite=finite)

    def _speed(self, step: int) -> float:
        """Images a second since the last call."""
        now = time.perf_counter()
        (last_step, then), self._measured = self._measured, (step, now)
        return (step - last_step) * self.config.batch_size / max(now - then, 1e-9)


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
