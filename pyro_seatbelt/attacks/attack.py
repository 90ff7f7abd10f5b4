r"""Attacks on a guide: all pairs and all penalties together.

References:
    | Disentangling Improves VAEs' Robustness to Adversarial Attacks (Willetts et al.), Section 4
    | Adversarial Images for Variational Autoencoders (Tabacof et al., 2016)
    | Adversarial Attacks on Variational Autoencoders (Gondim-Ribeiro et al., 2018)
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Literal, get_args

import pyro
import torch
from torch import Tensor

from pyro_seatbelt.attacks.ball import Ball
from pyro_seatbelt.attacks.folding import folded
from pyro_seatbelt.attacks.groups import Spread, StartMethod, run_groups
from pyro_seatbelt.attacks.objectives import Objective
from pyro_seatbelt.attacks.optimisers import LBFGSB, Optimiser
from pyro_seatbelt.attacks.pair import Pair, Program, evaluating, read_pair
from pyro_seatbelt.attacks.result import AttackResult
from pyro_seatbelt.attacks.solver import Solver
from pyro_seatbelt.attacks.start import Start
from pyro_seatbelt.attacks.weights import PAPER_WEIGHTS
from pyro_seatbelt.errors import InputError
from pyro_seatbelt.progress import Progress, silent


@dataclass(frozen=True)
class Attack:
    r"""Looks for small distortions that move an input's posterior or output.

    .. math::
        \min_d \; \text{distance}(x + d, x_t) + \lambda \|d\|_2
        \quad \text{with } x + d \text{ in the data's range}

    for every input-target pair and every weight :math:`\lambda`. Without a target the distance
    is from the input's own posterior or output, and is maximised. With a ball, d stays in it.

    The problems are run in fixed groups of `batch`: rounding depends on who shares a batch, and
    a line search amplifies it, so a group is also what a stopped attack starts again. Each
    problem has frozen noise of its own, which depends on the seed and its number alone.

    Attributes:
        objective: The distance.
        optimiser: :class:`LBFGSB` for the penalty (and for a ball of the Linf norm, which is a
            box), :class:`~pyro_seatbelt.attacks.PGD` for a ball.
        weights: The penalties :math:`\lambda \ge 0`.
        ball: Where the distortion must stay besides the data's range.
        noise: `frozen` draws the latents with noise that is fixed, and shared by the two sides of
            the distance; `mean` propagates posterior means.
        samples: Number K of frozen draws to average the distance over.
        seed: Seed of the noise, the starts and the restarts.
        start: `uniform` starts at U(-1e-8, 1e-8), as the authors did, `gradient` a step of 1e-3
            along the feasible descent of the distance. An untargeted attack with `gradient`
            starts a step of 1e-3 in a random direction: at 0 its gradient vanishes. `auto` takes
            `uniform` with a target and `gradient` without one.
        zero_test: Whether to settle the problems at once for which :math:`d = 0` is optimal.
        limits: The range of the data.
        batch: Problems in a group: bounds the optimiser's memory.
        rows: Rows (a draw of a problem each) of one pass through the networks: bounds theirs.
            64 on the CPU and 1024 elsewhere by default.
        record_samples: Fresh draws that the recorded likelihoods are averaged over.
        threads: Threads that torch uses on the CPU for one group. The results depend on it by
            rounding, and not at all on the number of processes.

    Raises:
        InputError: For a setting out of range, or settings that contradict each other.

    Example:
        >>> from pyro_seatbelt.attacks import LatentKL
        >>> attack = Attack(LatentKL(), LBFGSB(max_iterations=150), weights=[0.0, 1.0])
        >>> [len(group) for group in attack.groups(num_pairs=100)]
        [128, 72]
    """

    objective: Objective
    optimiser: Optimiser = LBFGSB()  # noqa: RUF009 - frozen
    weights: Sequence[float] = PAPER_WEIGHTS
    _: KW_ONLY
    ball: Ball | None = None
    noise: Literal["frozen", "mean"] = "frozen"
    samples: int = 1
    seed: int = 0
    start: Start = "auto"
    zero_test: bool = True
    limits: tuple[float, float] = (0.0, 1.0)
    batch: int = 128
    rows: int | None = None
    record_samples: int = 1
    threads: int = 1

    def __post_init__(self) -> None:
        if not self.weights:
            raise InputError("expected one weight or more, got none")
        for weight in self.weights:
            if not 0 <= weight < float("inf"):
                raise InputError(f"expected finite weights lambda >= 0, got {weight}")
        for name in ("samples", "batch", "record_samples", "threads", "rows"):
            number = getattr(self, name)
            if number is not None and number < 1:
                raise InputError(f"expected {name} >= 1, got {number}")
        for name, choices in (("noise", ("frozen", "mean")), ("start", get_args(Start))):
            if getattr(self, name) not in choices:
                among = " or ".join(map(repr, choices))
                raise InputError(f"expected {name} {among}, got {getattr(self, name)!r}")
        if not self.limits[0] < self.limits[1]:
            raise InputError(f"expected limits (low, high) with low < high, got {self.limits}")
        self._check_together()

    def _check_together(self) -> None:
        if self.noise == "mean" and self.samples > 1:
            raise InputError(
                f"samples={self.samples} means nothing with noise='mean', which draws nothing"
            )
        self.optimiser.check_ball(self.ball)

    def __call__(
        self,
        model: Program | None,
        guide: Program,
        x: Tensor,
        target: Tensor | None = None,
        *,
        processes: int = 1,
        progress: Progress = silent,
    ) -> AttackResult:
        """Attacks a guide on every pair with every weight.

        Args:
            model: The model; None if the objective needs none and nothing about the outputs
                is to be recorded.
            guide: The guide. Modules are put into eval mode and back; nothing is trained.
            x: The inputs, pixels in `limits`, shape `(B, *image)`.
            target: Their targets, of the same shape; None for maximum damage.
            processes: How many processes share the groups (on the CPU).
            progress: Called as the attack goes on.

        Returns:
            The outcome of `B * len(weights)` problems, pair by pair.

        Raises:
            InputError: When an image or the pair cannot be attacked; the text says why.
        """
        parts = self.run(model, guide, x, target, processes=processes, progress=progress)
        return AttackResult.concatenate([part for _, part in parts])

    def groups(self, num_pairs: int) -> list[range]:
        """The problems of each group, by number (``pair * len(weights) + weight``)."""
        total = num_pairs * len(self.weights)
        return [
            range(first, min(first + self.batch, total)) for first in range(0, total, self.batch)
        ]

    def run(
        self,
        model: Program | None,
        guide: Program,
        x: Tensor,
        target: Tensor | None = None,
        *,
        skip: Collection[int] = (),
        processes: int = 1,
        start_method: StartMethod | None = None,
        spread: Spread | None = None,
        progress: Progress = silent,
    ) -> Iterator[tuple[int, AttackResult]]:
        """Attacks group by group, and yields each group's outcome as it comes.

        Args:
            model: As in a call.
            guide: As in a call.
            x: As in a call.
            target: As in a call.
            skip: Numbers of groups to leave out: those that an earlier run finished.
            processes: As in a call.
            start_method: How processes start (see :func:`run_groups`).
            spread: Runs the groups somewhere else (see :func:`run_groups`).
            progress: As in a call; it counts the groups that are run.

        Yields:
            The number of a group, and the outcome of its problems. In order with one process.

        Raises:
            InputError: As in a call.
        """
        self.check(model, guide, x, target, processes=processes)
        task = _GroupTask(self, model, guide, x, target)
        groups = self.groups(len(x))
        todo = [group for group in range(len(groups)) if group not in skip]
        yield from run_groups(
            task,
            todo,
            [len(groups[group]) for group in todo],
            processes=processes,
            threads=self.threads,
            start_method=start_method,
            spread=spread,
            progress=progress,
        )

    def check(
        self,
        model: Program | None,
        guide: Program,
        x: Tensor,
        target: Tensor | None = None,
        *,
        processes: int = 1,
    ) -> tuple[str, ...]:
        """Finds out whether the attack can be made, without making it.

        Args:
            model: As in a call.
            guide: As in a call.
            x: As in a call.
            target: As in a call.
            processes: As in a call.

        Returns:
            The sites that it looks at.

        Raises:
            InputError: As in a call.
        """
        self._check_images(x, target)
        if processes < 1:
            raise InputError(f"expected processes >= 1, got {processes}")
        if processes > 1 and x.device.type != "cpu":
            raise InputError(f"several processes share a CPU, and the images are on {x.device}")
        return _GroupTask(self, model, guide, x, target).check()

    def _check_images(self, x: Tensor, target: Tensor | None) -> None:
        low, high = self.limits
        for name, images in (("input", x), ("target", target)):
            if images is None:
                continue
            if images.ndim < 2 or not len(images) or not images.is_floating_point():
                raise InputError(
                    f"expected {name}s of shape (pairs, *image) and a floating dtype, got "
                    f"{tuple(images.shape)} of {images.dtype}"
                )
            if not bool(((images >= low) & (images <= high)).all()):
                raise InputError(
                    f"expected {name}s with pixels in [{low:g}, {high:g}], got "
                    f"[{float(images.min()):g}, {float(images.max()):g}]"
                )
        if target is None:
            return
        if target.shape != x.shape or target.dtype != x.dtype or target.device != x.device:
            raise InputError(
                f"expected inputs and targets alike, got {tuple(x.shape)} of {x.dtype} on "
                f"{x.device} and {tuple(target.shape)} of {target.dtype} on {target.device}"
            )
        equal = (x == target).flatten(1).all(1)
        if bool(equal.any()):
            raise InputError(
                f"pair {int(equal.nonzero()[0])}: the target equals the input, so there is nothing "
                "to attack; choose another target"
            )


@dataclass(frozen=True)
class _GroupTask:
    """The attack of one group, as a thing that can be sent to another process."""

    attack: Attack
    model: Program | None
    guide: Program
    x: Tensor
    target: Tensor | None

    def check(self) -> tuple[str, ...]:
        """Raises what would be raised in the middle of the attack; returns the layers."""
        with evaluating(self.model, self.guide):
            pair = self._pair()
            if self.attack.objective.needs_model and pair.model is None:
                raise InputError(
                    f"the {self.attack.objective.name} attack reads the model: pass it with the "
                    "guide"
                )
        return pair.layers

    def __call__(self, group: int, progress: Progress) -> AttackResult:
        problems = self.attack.groups(len(self.x))[group]
        # with validation a single NaN would raise, and take the whole batch with it
        with (
            evaluating(self.model, self.guide),
            folded(self.model, self.guide),
            pyro.validation_enabled(False),
            torch.enable_grad(),
        ):
            return Solver(self.attack, self._pair(), self.x, self.target, problems).run(progress)

    def _pair(self) -> Pair:
        return read_pair(self.model, self.guide, self.x, self.attack.objective.layers)
