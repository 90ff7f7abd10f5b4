"""What to attack of a trained run, and how."""

from pathlib import Path
from typing import Annotated, Any, ClassVar, get_args

from pydantic import (
    BeforeValidator,
    Field,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    model_validator,
)

from pyro_seatbelt.attacks.modes import Ends, Layers, Mode, Norm, OptimiserName
from pyro_seatbelt.attacks.penalties import PAPER_WEIGHTS, geometric_weights
from pyro_seatbelt.errors import InputError
from pyro_seatbelt.family import PRESETS
from pyro_seatbelt.options import Device, Expected, Flag, Options


def _sites(value: Any) -> Any:
    """A tuple of names, also from a text such as `z1, z3`; words for some layers stay words."""
    if isinstance(value, str) and value not in {"all", "top", "base"}:
        return tuple(name.strip() for name in value.split(","))
    return tuple(value) if isinstance(value, list) else value


def _as_given(values: Any, check: ValidatorFunctionWrapHandler) -> Any:
    """Numbers, whole ones as they came: the name of an attack's folder depends on them."""
    numbers = check(values)
    if not isinstance(values, (list, tuple)):
        return numbers
    return tuple(
        value if type(value) is int else number
        for value, number in zip(values, numbers, strict=True)
    )


def _as_before(value: Any) -> bool:
    """Whether an option that version 0.1.0 did not have stands at what that version did.

    Such an option is not written down, so that what was finished then is known again.
    """
    return value in {None, False}


class AttackOptions(Options):
    """What to attack, and how.

    Fields are documented by their descriptions, which are also the help texts of
    ``seatbelt attack``. What contradicts itself is refused by :func:`check_search`, what cannot
    be attacked where the attacks are made, by :func:`~pyro_seatbelt.runs.attack.check_options`.

    Attributes:
        images: Two pictures of one's own, the input and the target, instead of random pairs; the
            input alone of an untargeted attack.
        figures: Whether to draw figures and keep posterior draws.

    Raises:
        InputError: If a name is unknown or a value is of another type.

    Example:
        >>> AttackOptions(modes=["latent"], lambdas=2, layers="z1, z3").weights
        (0.0, 9.5367431640625e-07, 1048576.0)
    """

    noun: ClassVar[str] = "option of an attack"
    exclusive: ClassVar[tuple[str, str]] = ("lambdas", "weights")

    modes: Annotated[
        tuple[Mode, ...],
        Flag("--mode", metavar="NAME"),
        Expected(f"a mode of {', '.join(get_args(Mode))}"),
        Field(
            description="What to move towards the target: latent (KL of the posteriors), w2 "
            "(their 2-Wasserstein distance), l2 (their means), output (the ELBO)."
        ),
    ] = ("latent",)
    layers: Annotated[
        Layers | None,
        BeforeValidator(_sites),
        Expected("all, top, base or a list of sites"),
        Field(
            description="all, top, base, or sites such as z1,z3; by default all for models with "
            "skips and base for chains without."
        ),
    ] = None
    pairs: Annotated[int, Field(le=10**6, description="Random pairs of held-out images.")] = 10
    images: Annotated[tuple[Path, ...] | None, Flag(None)] = None
    untargeted: Annotated[
        bool,
        Flag("--untargeted"),
        Field(
            description="Move inputs as far from themselves as a budget lets, to no target.",
            exclude_if=_as_before,
        ),
    ] = False
    budget: Annotated[
        float | None,
        Field(
            gt=0,
            le=1,
            description="Bound on the distortion, instead of penalties, in units of pixels, which "
            "go from 0 to 1: their root mean square change (--norm l2) or the largest "
            "(--norm linf). Needed without a target.",
            exclude_if=_as_before,
        ),
    ] = None
    norm: Annotated[
        Norm | None,
        Field(description="Of the budget. [default: l2]", exclude_if=_as_before),
    ] = None
    optimiser: Annotated[
        OptimiserName | None,
        Field(
            description="What searches. [default: lbfgsb with penalties, pgd in a budget]",
            exclude_if=_as_before,
        ),
    ] = None
    lambdas: Annotated[
        int | None,
        Field(
            description="Penalties from 2^-20 to 2^20, besides 0. [default: 50]",
            exclude=True,  # the weights have them
        ),
    ] = None
    weights: Annotated[
        tuple[float, ...],
        WrapValidator(_as_given),
        Flag("--lambda", variable="weight"),
        Expected("finite weights lambda >= 0"),
        Field(description="One penalty of your own, instead of the series."),
    ] = Field(default_factory=lambda: PAPER_WEIGHTS)  # too many for a help text
    ends: Annotated[
        Ends | None,
        Field(
            description="Where searches start: from the input, and from the target where that is "
            "lower, so that none ends above it; or from the input alone, as the authors'. "
            "[default: both; an attack that version 0.1.0 began goes on from the input]",
            exclude_if=_as_before,
        ),
    ] = None
    restarts: Annotated[
        int,
        Field(
            le=10**6,
            description="Further searches of every problem, from random points.",
            exclude_if=_as_before,
        ),
    ] = 0
    seed: Annotated[int, Field(description="Of pairs and noise.")] = 0
    samples: Annotated[
        int, Field(le=10**6, description="Draws that a distance is averaged over.")
    ] = 1
    fresh: Annotated[
        bool,
        Flag("--fresh"),
        Field(
            description="Draw anew at every evaluation, for pgd: the expectation over the draws.",
            exclude_if=_as_before,
        ),
    ] = False
    at_mean: Annotated[
        bool, Flag("--at-mean"), Field(description="Propagate posterior means instead of draws.")
    ] = False
    batch: Annotated[
        int,
        Field(le=10**6, description="Problems that advance together and are resumed together."),
    ] = 128
    max_iterations: Annotated[
        int,
        Field(le=10**9, description="Cap on the iterations of a search; pgd makes as many."),
    ] = 100
    device: Device = "auto"
    processes: Annotated[
        int | None,
        Field(
            le=1000,
            description="Processes that share the work on a CPU, by default one per processor, at "
            "most 8.",
            exclude=True,
        ),
    ] = None
    force: Annotated[
        bool, Flag("--force"), Field(description="Make finished attacks again.", exclude=True)
    ] = False
    figures: Annotated[bool, Flag(None)] = True

    @model_validator(mode="before")
    @classmethod
    def _series(cls, values: Any) -> Any:
        """Puts the penalties where their number was."""
        if isinstance(values, dict) and values.get("budget") is not None:
            # a budget takes the place of penalties; both are refused where attacks are made
            values = {"weights": (0.0,)} | values if values.get("lambdas") is None else values
        if not isinstance(values, dict) or type(values.get("lambdas")) is not int:
            return values
        if "weights" in values:
            raise ValueError("expected lambdas or weights, got both")
        return {**values, "weights": geometric_weights(values["lambdas"]), "lambdas": None}


def paper_layers(model: str) -> Layers:
    """Chooses the layers that the paper attacks.

    Args:
        model: Member of the family.

    Returns:
        `base` for chains without skips, whose decoder sees that layer alone (Eq 14); `all` for
        the others (Eqs 13 and 15).

    Example:
        >>> paper_layers("dlgm"), paper_layers("seatbelt"), paper_layers("vae")
        ('base', 'all', 'all')
    """
    preset = PRESETS[model]
    return "base" if preset.hierarchical and not preset.skip else "all"


def optimiser_of(options: AttackOptions) -> OptimiserName:
    """What searches where the options leave it open.

    Example:
        >>> optimiser_of(AttackOptions()), optimiser_of(AttackOptions(budget=0.1))
        ('lbfgsb', 'pgd')
    """
    return options.optimiser or ("lbfgsb" if options.budget is None else "pgd")


def check_search(options: AttackOptions) -> None:
    """Refuses options that are out of their bounds or contradict each other, before torch is there.

    Args:
        options: What to attack, and how.

    Raises:
        InputError: One line that names the option.
    """
    if "output" in options.modes and options.layers is not None:
        raise InputError("the output attack reads every layer: leave out the layers, or the mode")
    if options.pairs < 1:
        raise InputError(f"expected one pair or more, got {options.pairs}")
    for name, least in {"max_iterations": 1, "samples": 1, "restarts": 0, "batch": 1}.items():
        if getattr(options, name) < least:
            raise InputError(f"expected {name} >= {least}, got {getattr(options, name)}")
    for weight in options.weights:
        if not 0 <= weight < float("inf"):
            raise InputError(f"expected finite weights lambda >= 0, got {weight}")
    optimiser, bounded = optimiser_of(options), options.budget is not None
    wrong = {
        "untargeted: nothing bounds the distortion: give a budget": (
            options.untargeted and not bounded
        ),
        "norm: it is that of a budget: give a budget, or leave it out": (
            options.norm is not None and not bounded
        ),
        "optimiser: pgd searches in a ball: give a budget, or use lbfgsb": (
            optimiser == "pgd" and not bounded
        ),
        "budget: it bounds the distortion in place of penalties lambda: leave out either": (
            bounded and any(options.weights)
        ),
        "optimiser: lbfgsb handles boxes, and a ball of the l2 norm is none: use pgd": (
            optimiser == "lbfgsb" and bounded and options.norm != "linf"
        ),
        "fresh: means are not drawn: leave out fresh, or at_mean": (
            options.fresh and options.at_mean
        ),
        "fresh: lbfgsb searches along lines, and needs noise that stays: use pgd and a budget": (
            options.fresh and optimiser != "pgd"
        ),
        "ends: without a target there is one end: leave it out": (
            options.untargeted and options.ends is not None
        ),
        "images: expected an input and a target, the input alone of an untargeted attack": (
            options.images is not None and len(options.images) != 2 - options.untargeted
        ),
    }
    for message, contradicts in wrong.items():
        if contradicts:
            raise InputError(message)
