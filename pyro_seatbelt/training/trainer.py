"""One gradient step, and what is due after it: to calibrate, save and evaluate."""

import math
import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from torch import Tensor, nn
from torch.nn.utils import clip_grads_with_norm_, get_total_norm

from pyro_seatbelt.data import ImageSource, to_pixels
from pyro_seatbelt.evaluation import active_units
from pyro_seatbelt.signals import Interruption
from pyro_seatbelt.training.arithmetic import broken_operation
from pyro_seatbelt.training.calibration import batch_statistics, calibrate
from pyro_seatbelt.training.checkpoint import save_checkpoint
from pyro_seatbelt.training.config import TrainConfig
from pyro_seatbelt.training.divergence import TrainingDiverged, broken_term, sound
from pyro_seatbelt.training.fabric import Fabric
from pyro_seatbelt.training.metrics import Metrics, MetricsLog, mean_report
from pyro_seatbelt.training.randomness import EpochOrder, seed_step

_CALIBRATION_IMAGES = 4096


class TrainingObjective(Protocol):
    """A bound on traces, such as :class:`pyro.infer.Trace_ELBO`.

    If it has `observing`, as :class:`pyro_seatbelt.objectives.TraceTC_ELBO`
    has, its parts are logged and named when they break. If it learns something beside the pair, as
    :class:`pyro_seatbelt.objectives.TraceFactor_ELBO` does, `networks` are what is saved with it,
    by name, and `own_groups()` are their groups of Adam.
    """

    def __call__(self, model: nn.Module, guide: nn.Module) -> nn.Module:
        """Returns a module whose value on a minibatch is the loss, a sum over the data set."""


@dataclass
class Trainer:
    """The moving parts of :func:`~pyro_seatbelt.training.loop.fit`."""

    config: TrainConfig
    fabric: Fabric
    objective: TrainingObjective
    pair: dict[str, nn.Module]
    networks: Mapping[str, nn.Module]
    loss: Any  # Fabric's wrappers of the loss module and the optimiser
    optimizer: Any
    images: ImageSource
    order: EpochOrder
    num_data: int
    evaluate: Callable[[], Metrics] | None
    folder: Path | None
    log: MetricsLog | None
    checkpoint: Path | None
    measured: tuple[int, float]
    saved_at: float

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
        try:
            self.fabric.backward(loss)
        except RuntimeError as error:
            if (term := broken_operation(error)) is None:
                raise
            raise TrainingDiverged(step, term, self.checkpoint) from error
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
        saves = last or interruption.requested or self._saves(step)
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

    def _saves(self, step: int) -> bool:
        minutes = self.config.checkpoint_minutes
        overdue = minutes is not None and time.monotonic() - self.saved_at >= 60 * minutes
        return overdue or not step % self.config.checkpoint_every

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
                {**self.pair, **self.networks},
                self.optimizer.optimizer,
                keep=self.config.keep_checkpoints,
            )
            if self.log is not None:
                self.log.sync()
        self.saved_at = time.monotonic()

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
        """Images per second since the last call."""
        now = time.perf_counter()
        (last_step, then), self.measured = self.measured, (step, now)
        return (step - last_step) * self.config.batch_size / max(now - then, 1e-9)
