"""One step of training with its numbers, and what is due after it: to calibrate, save, evaluate."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor, nn
from torch.nn.utils import get_total_norm

from pyro_seatbelt.evaluation import active_units
from pyro_seatbelt.signals import Interruption
from pyro_seatbelt.training.arithmetic import broken_operation
from pyro_seatbelt.training.batches import Batches
from pyro_seatbelt.training.calibration import batch_statistics, calibrate
from pyro_seatbelt.training.callbacks import Callback, EarlyStopping
from pyro_seatbelt.training.checkpoint import save_checkpoint
from pyro_seatbelt.training.config import TrainConfig
from pyro_seatbelt.training.divergence import TrainingDiverged, broken_term
from pyro_seatbelt.training.fabric import Fabric
from pyro_seatbelt.training.gradient_step import GradientStep, Taken
from pyro_seatbelt.training.metrics import Metrics, mean_report
from pyro_seatbelt.training.processes import Processes
from pyro_seatbelt.training.randomness import seed_step
from pyro_seatbelt.training.records import Records
from pyro_seatbelt.training.watch import Watch

_CALIBRATION_IMAGES = 4096
_LOOK_EVERY = 50
"""Steps between two looks at the flag of a device that is not waited for."""


class TrainingObjective(Protocol):
    """A bound on traces, such as :class:`pyro.infer.Trace_ELBO`.

    If it has `observing`, as :class:`pyro_seatbelt.objectives.TraceTC_ELBO`
    has, its parts are logged and named when they break. If it learns something beside the pair, as
    :class:`pyro_seatbelt.objectives.TraceFactor_ELBO` does, `networks` are what is saved with it,
    by name, and `own_groups()` are their groups of Adam.
    """

    def __call__(self, model: nn.Module, guide: nn.Module) -> nn.Module:
        """Returns a module whose value on a minibatch is the loss, a sum over the data set."""


class Stepping(NamedTuple):
    """What a step is taken with.

    Attributes:
        prepare: Sets the weights of the objective and the learning rate for a step.
        eager: Takes a step, one kernel after the other.
        quick: The same, recorded where that is possible.
        watch: Looks whether steps can be believed.
    """

    prepare: Callable[[int], None]
    eager: GradientStep
    quick: Callable[[Tensor], Taken]
    watch: Watch


@dataclass
class Trainer:
    """The moving parts of :func:`~pyro_seatbelt.training.loop.fit`."""

    config: TrainConfig
    fabric: Fabric
    processes: Processes
    objective: TrainingObjective
    pair: dict[str, nn.Module]
    networks: Mapping[str, nn.Module]
    loss: Any  # Fabric's wrapper of the loss module
    optimizer: torch.optim.Optimizer
    stepping: Stepping
    batches: Batches
    num_data: int
    evaluate: Callable[[], Metrics] | None
    folder: Path | None
    records: Records
    callbacks: Sequence[Callback]
    checkpoint: Path | None
    measured: tuple[int, float]
    saved_at: float = field(default_factory=time.monotonic)
    stopped: bool = False

    def step(self, step: int, *, last: bool) -> Metrics | None:
        """Takes one gradient step; gives its numbers where they are due."""
        measure = last or step == 1 or not step % self.config.log_every
        self.stepping.prepare(step)
        x = self.batches(step)
        reports: list[Any] = []
        observe = getattr(self.objective, "observing", None) if measure else None
        with self._drawing(step), observe(reports.append) if observe else nullcontext():
            taken = self._taken(step, x, quick=not measure)
        if measure or self.stepping.watch.waits or not step % _LOOK_EVERY:
            self._look()
        metrics = self._numbers(step, taken, reports) if measure else None
        if metrics:
            self.records.write(step, "train", metrics)
        self._tell(step, "train", metrics or {})
        return metrics

    def _taken(self, step: int, x: Tensor, *, quick: bool) -> Taken:
        """Takes the step; says what broke where every operation is looked at."""
        try:
            return (self.stepping.quick if quick else self.stepping.eager)(x)
        except RuntimeError as error:
            if (term := broken_operation(error)) is None:
                raise
            raise TrainingDiverged(step, term, self.checkpoint) from error

    def end_step(self, step: int, *, last: bool, interruption: Interruption) -> bool:
        """Calibrates, saves and evaluates where that is due; says whether to stop here."""
        asked, overdue, stopped = self.processes.agree(
            step, interruption.requested, self._overdue, self.stopped
        )
        evaluates = self._evaluates(step, last=last or stopped)
        saves = last or asked or overdue or not step % self.config.checkpoint_every
        if not (evaluates or saves):
            return False
        self._look()
        self._calibrate(step)
        if saves:
            self.save(step)
        if evaluates:
            self._measure_heldout(step)
            asked, stopped = self.processes.any(interruption.requested, self.stopped)
        self.stopped |= stopped  # between two agreements one process may know more
        stop = (asked or stopped) and not last
        if stop and not saves:
            self.save(step)
        return stop

    def catch_up(self, step: int, *, last: bool) -> bool:
        """Makes an evaluation that a run was cut off in, after the checkpoint of the step.

        Says whether the run stopped early here.
        """
        if self._evaluates(step, last=last) and not self.records.has(step):
            self._measure_heldout(step)
        tired = any(isinstance(each, EarlyStopping) and each.exhausted for each in self.callbacks)
        self.stopped = self.processes.any(self.stopped or tired)[0]
        return self.stopped

    def save(self, step: int) -> None:
        """Writes a checkpoint if the run has a folder."""
        if self.folder is not None:
            self.checkpoint = save_checkpoint(
                self.folder / "checkpoints",
                step,
                {**self.pair, **self.networks},
                self.optimizer,
                keep=self.config.keep_checkpoints,
            )
            self.records.sync()
        self.saved_at = time.monotonic()

    def _drawing(self, step: int) -> AbstractContextManager[Any]:
        return self.processes.drawing(self.config.seed, step, self.fabric.device)

    @property
    def _overdue(self) -> bool:
        minutes = self.config.checkpoint_minutes
        return minutes is not None and time.monotonic() - self.saved_at >= 60 * minutes

    def _evaluates(self, step: int, *, last: bool) -> bool:
        return last or not step % self.config.eval_every

    def _look(self) -> None:
        """Raises where a step broke since the last look."""
        broken = self.stepping.watch.first_broken()
        if broken is not None:
            raise self._diverged(broken)

    def _numbers(self, step: int, taken: Taken, reports: Sequence[Any]) -> Metrics:
        x = self._whole(step)
        with batch_statistics(self.pair["guide"]):  # the running averages depend on stops
            units = {"active_units": active_units(self.pair["guide"], x)} if reports else {}
        loss, norm = torch.stack(taken).tolist()
        return {
            "loss": loss,
            "gradient_norm": norm,
            **self.processes.mean_of(mean_report(reports)),
            **units,
            "images_per_second": self._speed(step),
        }

    def _whole(self, step: int) -> Tensor:
        """The minibatch of all processes, in the type of the weights."""
        return self.batches.whole(step).to(next(self.loss.parameters()).dtype)

    def _calibrate(self, step: int) -> None:
        """Makes the statistics of batch normalisation those of the weights of this step."""
        wanted = math.ceil(_CALIBRATION_IMAGES / self.config.batch_size)
        numbers = range(1, 1 + min(wanted, self.batches.per_epoch))
        with self._drawing(step):
            calibrate(
                self.loss,
                self.loss.module,
                (self.batches(number) for number in numbers),
                mean=self.processes.mean,
            )

    def _measure_heldout(self, step: int) -> None:
        if self.evaluate is not None:
            heldout = self.evaluate()
            self.records.write(step, "heldout", heldout)
            self.records.sync()
            self._tell(step, "heldout", heldout)

    def _tell(self, step: int, kind: str, metrics: Metrics) -> None:
        for callback in self.callbacks:
            if callback(step, kind, metrics):
                self.stopped = True

    def _diverged(self, step: int) -> TrainingDiverged:
        """Names what broke at a step; the weights are those before it."""
        x = self._whole(step)
        self.stepping.prepare(step)

        def seed() -> None:
            seed_step(self.config.seed, step, self.fabric.device)

        loss = self.loss.module
        with self.fabric.autocast():
            seed()
            loss.zero_grad()  # what is there may be of a later step, or the mean of all processes
            value = loss(x) / self.num_data
            value.backward()
            norm = get_total_norm([p.grad for p in loss.parameters() if p.grad is not None])
            term = broken_term(
                self.objective, x, **self.pair, loss=loss, seed=seed, num_data=self.num_data
            )
        finite = bool((value.detach() + norm).isfinite())
        return TrainingDiverged(step, term, self.checkpoint, finite=finite)

    def _speed(self, step: int) -> float:
        """Images per second since the last call."""
        now = time.perf_counter()
        (last_step, then), self.measured = self.measured, (step, now)
        return (step - last_step) * self.config.batch_size / max(now - then, 1e-9)
