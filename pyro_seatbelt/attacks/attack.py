r"""Attacks on a guide: all pairs and all penalties together.

References:
    | Disentangling Improves VAEs' Robustness to Adversarial Attacks (Willetts et al.), Section 4
    | Adversarial Images for Variational Autoencoders (Tabacof et al., 2016)
    | Adversarial Attacks on Variational Autoencoders (Gondim-Ribeiro et al., 2018)
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import KW_ONLY, dataclass, replace
from functools import cached_property
from typing import Any, get_args

from torch import Tensor

from pyro_seatbelt.attacks.arguments import attack_arguments
from pyro_seatbelt.attacks.ball import Ball
from pyro_seatbelt.attacks.fresh_distance import FreshDistance
from pyro_seatbelt.attacks.groups import processes_for_groups, run_groups
from pyro_seatbelt.attacks.latent_draws import LatentDraws
from pyro_seatbelt.attacks.limits import Limits, check_limits
from pyro_seatbelt.attacks.modes import Ends, Noise
from pyro_seatbelt.attacks.objectives import Objective
from pyro_seatbelt.attacks.optimisers import LBFGSB, Optimiser
from pyro_seatbelt.attacks.pair import Pair, read_pair
from pyro_seatbelt.attacks.penalties import PAPER_WEIGHTS
from pyro_seatbelt.attacks.problems import PenalisedDistance, Problems, check_images
from pyro_seatbelt.attacks.rehearsal import rehearse
from pyro_seatbelt.attacks.result import AttackResult, reconstructions, record_result
from pyro_seatbelt.attacks.search_mode import search_mode
from pyro_seatbelt.attacks.solver import solve
from pyro_seatbelt.attacks.starting_point import Start
from pyro_seatbelt.errors import InputError
from pyro_seatbelt.executors import Executor
from pyro_seatbelt.progress import Progress, silent
from pyro_seatbelt.traces.evaluation_mode import evaluation_mode
from pyro_seatbelt.traces.frozen_noise import noise_seed
from pyro_seatbelt.traces.programs import Program


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
            the distance; `fresh` draws it again at every evaluation (the expectation over
            transformations), for an optimiser without a line search, and judges what was found by
            frozen draws that the search has not seen; `mean` propagates posterior means.
        samples: Number K of draws to average the distance over.
        seed: Seed of the noise, the starts and the restarts.
        start: `uniform` starts at U(-1e-8, 1e-8), as the authors did, `gradient` a step of 1e-3
            along the feasible descent of the distance. An untargeted attack with `gradient`
            starts a step of 1e-3 in a random direction: at 0 its gradient vanishes. `auto` takes
            `uniform` with a target and `gradient` without one.
        ends: Where attacks with a target search from. `input` starts at the input alone, as the
            authors did, and may end above what the target itself would give: such problems are
            marked `failed`. `both` then searches those from the target (in a ball, from as far
            that way as it goes), and none ends above.
        restarts: Further searches of every problem, from random points.
        zero_test: Whether to settle the problems at once for which :math:`d = 0` is optimal.
        limits: The range of the data, `(low, high)`: two numbers, or two sequences with one for
            each channel, as normalised images have.
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
        >>> attack.optimiser.max_iterations
        150

        Against the expectation over a guide's draws, with a record that is as exact:

        >>> thorough = Attack(
        ...     *(LatentKL(), LBFGSB(), [1.0]), samples=16, record_samples=100, rows=256, threads=2
        ... )

        Of data from -1 to 1, searched from the authors' start even where d = 0 is optimal:

        >>> as_published = Attack(
        ...     *(LatentKL(), LBFGSB(), [1.0]), start="uniform", ends="input", zero_test=False,
        ...     limits=(-1.0, 1.0),
        ... )
    """

    objective: Objective
    optimiser: Optimiser = LBFGSB()  # noqa: RUF009 - frozen
    weights: Sequence[float] = PAPER_WEIGHTS
    _: KW_ONLY
    ball: Ball | None = None
    noise: Noise = "frozen"
    samples: int = 1
    seed: int = 0
    start: Start = "auto"
    ends: Ends = "both"
    restarts: int = 0
    zero_test: bool = True
    limits: Limits = (0.0, 1.0)
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
        least = {"samples": 1, "restarts": 0, "batch": 1, "record_samples": 1, "threads": 1}
        for name, low in {**least, "rows": 1}.items():
            number = getattr(self, name)
            if number is not None and number < low:
                raise InputError(f"expected {name} >= {low}, got {number}")
        for name, choices in (
            ("noise", get_args(Noise)),
            ("start", get_args(Start)),
            ("ends", get_args(Ends)),
        ):
            if getattr(self, name) not in choices:
                among = " or ".join(map(repr, choices))
                raise InputError(f"expected {name} {among}, got {getattr(self, name)!r}")
        check_limits(self.limits)
        self._check_noise()
        self.optimiser.check_ball(self.ball)

    def _check_noise(self) -> None:
        if self.noise == "mean" and self.samples > 1:
            raise InputError(
                f"samples={self.samples} means nothing with noise='mean', which draws nothing"
            )
        if self.noise == "fresh" and self.optimiser.line_search:
            raise InputError(
                f"{type(self.optimiser).__name__} searches along lines, which fresh noise bends at "
                "every evaluation: use PGD in a ball, or frozen noise"
            )

    def __call__(
        self,
        model: Program | None,
        guide: Program,
        x: Tensor,
        target: Tensor | None = None,
        *,
        context: Sequence[Tensor] = (),
        target_context: Sequence[Tensor] | None = None,
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
            context: Further arguments of model and guide, a row for each input (the labels of a
                conditional VAE). The attacker does not move them.
            target_context: Those that the targets are encoded with; by default the inputs' own.
            processes: How many processes share the groups (on the CPU).
            progress: Called as the attack goes on.

        Returns:
            The outcome of `B * len(weights)` problems, pair by pair.

        Raises:
            InputError: When an image or the pair cannot be attacked; the text says why.
        """
        bound = self.bind(model, guide, x, target, context=context, target_context=target_context)
        executor = processes_for_groups(processes, device=x.device.type)
        parts = bound.run(executor=executor, progress=progress)
        return AttackResult.concatenate([part for _, part in parts])

    def bind(
        self,
        model: Program | None,
        guide: Program,
        x: Tensor,
        target: Tensor | None = None,
        *,
        context: Sequence[Tensor] = (),
        target_context: Sequence[Tensor] | None = None,
    ) -> "BoundAttack":
        """Finds out whether the attack can be made, without making it.

        Args:
            model: As in a call.
            guide: As in a call.
            x: As in a call.
            target: As in a call.
            context: As in a call.
            target_context: As in a call.

        Returns:
            The attack on these images.

        Raises:
            InputError: As in a call.
        """
        check_images(x, target, self.limits)
        with evaluation_mode(model, guide):
            pair = read_pair(
                *(model, guide, x, self.objective.layers),
                of_bound=self.objective.of_bound,
                context=context,
                target_context=target_context,
            )
        if self.objective.needs_model and model is None:
            raise InputError(
                f"the {self.objective.name} attack reads the model: pass it with the guide"
            )
        bound = BoundAttack(self, pair, x, target)
        bound.rehearse()
        return bound


@dataclass(frozen=True)
class BoundAttack:
    """An attack on the images of a pair that has been read and checked: see :meth:`Attack.bind`.

    The weights of the pair must not change while it is in use.

    Attributes:
        attack: The attack.
        pair: The model and the guide.
        x: The inputs, shape `(B, *image)`.
        target: Their targets; None for maximum damage.
    """

    attack: Attack
    pair: Pair
    x: Tensor
    target: Tensor | None

    @property
    def layers(self) -> tuple[str, ...]:
        """The sites that the attack looks at."""
        return self.pair.layers

    @property
    def groups(self) -> list[range]:
        """The problems of each group, by number (``pair * len(weights) + weight``)."""
        total, batch = len(self.x) * len(self.attack.weights), self.attack.batch
        return [range(first, min(first + batch, total)) for first in range(0, total, batch)]

    @property
    def rows(self) -> int:
        """Rows of one pass through the networks."""
        return self.attack.rows or (64 if self.x.device.type == "cpu" else 1024)

    @cached_property
    def arguments(self) -> dict[str, Any]:
        """All that decides the numbers, as JSON has it (see :func:`attack_arguments`)."""
        return attack_arguments(vars(self.attack), self.pair, self.x, self.target)

    def on(self, x: Tensor, target: Tensor | None = None) -> "BoundAttack":
        """The same attack of the same pair on other images.

        Args:
            x: The inputs, of the shape of those that the pair was read with.
            target: Their targets.

        Raises:
            InputError: When an image cannot be attacked, or the attack was bound with context.
        """
        if self.pair.context:
            raise InputError("context belongs to its images: bind the attack to the others anew")
        check_images(x, target, self.attack.limits)
        return replace(self, x=x, target=target)

    def run(
        self,
        *,
        skip: Collection[int] = (),
        executor: Executor | None = None,
        progress: Progress = silent,
    ) -> Iterator[tuple[int, AttackResult]]:
        """Attacks group by group, and yields each group's outcome as it comes.

        Args:
            skip: Numbers of groups to leave out: those that an earlier run finished.
            executor: Runs the groups; this process does by default.
            progress: Called as the attack goes on; it counts the groups that are run.

        Yields:
            The number of a group, and the outcome of its problems. In order in this process.

        Raises:
            InputError: When the pair has to be sent somewhere and cannot.
        """
        groups = self.groups
        todo = [group for group in range(len(groups)) if group not in skip]
        yield from run_groups(
            self.solve_group,
            todo,
            [len(groups[group]) for group in todo],
            threads=self.attack.threads,
            executor=executor,
            progress=progress,
        )

    def solve_group(self, group: int, progress: Progress = silent) -> AttackResult:
        """Solves the problems of one group, in this process.

        Args:
            group: Its number.
            progress: Called as problems are solved.
        """
        attack, pair, numbers = self.attack, self.pair, self.groups[group]
        with search_mode(pair.model, pair.guide):
            function = self.penalised_distance(numbers)
            solution = solve(
                function,
                attack.optimiser,
                ball=attack.ball,
                start=attack.start,
                ends=attack.ends,
                restarts=attack.restarts,
                zero_test=attack.zero_test,
                seed=attack.seed,
                progress=progress,
            )
            seed = noise_seed(attack.seed, "record", "")
            fresh = LatentDraws.frozen(numbers, attack.record_samples, seed=seed)
            return record_result(
                *(pair.of_rows(function.problems.pair), function.problems, solution, fresh),
                mode=attack.objective.name,
                rows=self.rows,
            )

    def rehearse(self) -> None:
        """Does on two images what the attack does on all, so that what must fail fails now.

        Raises:
            InputError: When the pair fails, or is no function of the images and their noise.
        """
        other = self.x[:1].flip(-1) if self.target is None else self.target[:1]
        rehearse(self.pair, self.x[:1], other, lambda: self.penalised_distance(self.groups[0][:2]))

    def penalised_distance(self, numbers: Sequence[int]) -> PenalisedDistance:
        """What is minimised for some problems, each with its target and its noise.

        Args:
            numbers: Their numbers.
        """
        attack = self.attack
        problems = Problems.choose(
            numbers, self.x, self.target, attack.weights, limits=attack.limits, ball=attack.ball
        )
        draws = (
            LatentDraws.at_mean()
            if attack.noise == "mean"
            else LatentDraws.frozen(numbers, attack.samples, seed=attack.seed)
        )
        pair = self.pair.of_rows(problems.pair)
        fresh = None
        if attack.noise == "fresh":
            fresh = FreshDistance(
                *(attack.objective, pair, problems.target, numbers),
                samples=attack.samples,
                seed=attack.seed,
            )
        return PenalisedDistance(
            attack.objective.bind(pair, problems.target, draws),
            problems,
            layers=self.layers,
            chunk=max(1, self.rows // attack.samples),
            searched=fresh,
        )

    def pair_images(self) -> dict[str, Tensor]:
        """The images of every pair, and what the model makes of them.

        Returns:
            `input`, `target`, and with a model their `..._reconstruction`: `(B, *image)` each.
        """
        images = {"input": self.x} | ({} if self.target is None else {"target": self.target})
        return images | reconstructions(self.pair, images)
