"""How the robustness of a trained run is measured."""

from pathlib import Path
from typing import Annotated, Any, ClassVar, get_args

from pydantic import Field

from pyro_seatbelt.attacks.modes import Ends, Mode
from pyro_seatbelt.options import Device, Expected, Flag, Options

_WEAKEST, _STRONGEST = -6, 10
"""Powers of 2 between which penalties are: below them d is free, above them it is 0."""


class RobustnessOptions(Options):
    """How hard a run is attacked, and what else is measured.

    Fields are documented by their descriptions, which are also the help texts of
    ``seatbelt robustness``. The defaults are sized for a laptop.

    Raises:
        InputError: If a name is unknown or a value is out of its bounds.

    Example:
        >>> RobustnessOptions(penalties=3).weights
        (0.0, 0.015625, 1024.0)
    """

    noun: ClassVar[str] = "option of a robustness measurement"

    modes: Annotated[
        tuple[Mode, ...],
        Flag("--mode", metavar="NAME"),
        Expected(f"a mode of {', '.join(get_args(Mode))}"),
        Field(
            min_length=1,
            description="Attacks, the best of which counts: latent (KL), w2, l2 (means), output.",
        ),
    ] = ("latent", "w2", "output")
    pairs: Annotated[int, Field(ge=1, le=10**6, description="Random pairs of held-out images.")] = (
        10
    )
    penalties: Annotated[
        int,
        Field(ge=2, le=10**5, description="Penalties lambda: 0, and others from 2^-6 to 2^10."),
    ] = 12
    max_iterations: Annotated[
        int, Field(ge=1, le=10**8, description="Cap on the iterations of a search.")
    ] = 100
    minimum: Annotated[
        bool,
        Field(
            description="Look for the least distortions themselves, too, and not only for those of "
            "penalties: in most cases the strongest attack, and the fastest.",
        ),
    ] = True
    ends: Annotated[
        Ends,
        Field(
            description="Where searches start: from the input and from the target, or from the "
            "input alone, as the authors'.",
            exclude_if=lambda ends: ends == "both",
        ),
    ] = "both"
    restarts: Annotated[
        int,
        Field(
            ge=0,
            description="Further searches of every problem, from random points.",
            exclude_if=lambda restarts: restarts == 0,
        ),
    ] = 0
    samples: Annotated[
        int,
        Field(
            ge=1,
            description="Draws that attacks average over: more than one against defences that "
            "draw.",
            exclude_if=lambda samples: samples == 1,
        ),
    ] = 1
    transfer: Annotated[
        Path | None,
        Flag("--transfer", metavar="RUN"),
        Field(
            description="Check that what moves another run of the same pairs, such as the one "
            "without the defence, moves this one no sooner.",
            exclude_if=lambda run: run is None,
        ),
    ] = None
    norms: Annotated[
        tuple[Annotated[float, Field(gt=0, le=1)], ...],
        Flag("--norm"),
        Expected("norms above 0 and up to 1"),
        Field(
            description="Size of a distortion that does as much damage as it can, relative to the "
            "mean distance of the pairs."
        ),
    ] = (0.1, 0.25, 0.5)
    draws: Annotated[
        int,
        Field(ge=1, le=10**6, description="Posterior draws of the r-robustness probability."),
    ] = 32
    images: Annotated[
        int, Field(ge=2, description="Held-out images at most, for MSE, rate and ELBO.")
    ] = 512
    seed: Annotated[
        int,
        Expected(">= 0 and below 2^63"),
        Field(ge=0, lt=2**63, description="Of pairs, noise and draws."),
    ] = 0
    health: Annotated[
        bool,
        Flag("--health"),
        Field(
            description="Check the attack more: twice the iterations, and a search without "
            "gradients; takes about three times as long."
        ),
    ] = False
    device: Device = "auto"
    processes: Annotated[
        int | None,
        Field(
            ge=1,
            le=1000,
            description="Processes that share the attacks on a CPU, by default one per processor, "
            "at most 8.",
            exclude=True,
        ),
    ] = None
    force: Annotated[
        bool, Flag("--force"), Field(description="Measure what is finished again.", exclude=True)
    ] = False
    figures: Annotated[bool, Field(description="Draw figures.", exclude=True)] = True

    @property
    def weights(self) -> tuple[float, ...]:
        """The penalties, ascending, 0 first."""
        steps = range(self.penalties - 1)
        width = (_STRONGEST - _WEAKEST) / max(1, self.penalties - 2)
        return (0.0, *(2.0 ** (_WEAKEST + width * step) for step in steps))

    @property
    def protocol(self) -> dict[str, Any]:
        """What decides the numbers, as JSON has it."""
        decided = self.model_dump(mode="json", exclude={"device"})
        if self.transfer is not None:
            decided["transfer"] = self.transfer.resolve().name
        return decided | {"norms": sorted({*decided["norms"]})}
