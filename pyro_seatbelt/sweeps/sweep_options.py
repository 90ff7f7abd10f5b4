"""Where the jobs of a sweep run, and which of them."""

import re
from typing import Annotated, Any, ClassVar, Self

from pydantic import Field, model_validator

from pyro_seatbelt.options import Flag, Options


class SweepOptions(Options):
    """Where the jobs of a sweep run, how much of a machine each has, and which of them run.

    Fields are documented by their descriptions, which are also the help texts of
    ``seatbelt sweep``. Numbers depend on the threads by rounding. On a cluster that is not of its
    own, `workers` is by default as many as there are jobs, and `threads` 1.

    Raises:
        InputError: If a number is out of range, or GPUs are to be shared without Ray.

    Example:
        >>> SweepOptions(shard="1/4").shard
        (1, 4)
    """

    noun: ClassVar[str] = "option of a sweep"

    workers: Annotated[
        int | None,
        Field(
            description="Runs at a time; by default one per processor, at most 8, or one per GPU."
        ),
    ] = None
    threads: Annotated[
        int | None, Field(description="Processors of each; by default they are shared out.")
    ] = None
    ray: Annotated[
        str | None,
        Flag("--ray", metavar="[ADDRESS]"),
        Field(
            description="Run on Ray: on a cluster of its own on this machine, or on the one at an "
            "address (auto, host:port). Needs the extra `ray`."
        ),
    ] = None
    gpus: Annotated[
        float | None,
        Flag("--gpus-per-run"),
        Field(
            description="With --ray: GPUs of each run, such as 0.25; by default 1 where there are "
            "any."
        ),
    ] = None
    shard: Annotated[
        tuple[int, int] | None,
        Flag("--shard", metavar="I/N"),
        Field(
            description="Take only part I of N, counted from 1; others may take the others at the "
            "same time."
        ),
    ] = None

    @model_validator(mode="before")
    @classmethod
    def _parse_shard(cls, values: Any) -> Any:
        text = values.get("shard") if isinstance(values, dict) else None
        if not isinstance(text, str):
            return values
        match = re.fullmatch(r"(\d+)/(\d+)", text)
        if match is None or not 1 <= int(match[1]) <= int(match[2]):
            raise ValueError(f"--shard: expected I/N with 1 <= I <= N, such as 1/4, got {text}")
        return {**values, "shard": (int(match[1]), int(match[2]))}

    @model_validator(mode="after")
    def _check(self) -> Self:
        for name, value in (("workers", self.workers), ("threads", self.threads)):
            if value is not None and value < 1:
                raise ValueError(f"expected {name} >= 1, got {value}")
        if self.gpus is not None and self.gpus < 0:
            raise ValueError(f"expected gpus >= 0, got {self.gpus}")
        if self.gpus is not None and self.ray is None:
            raise ValueError("gpus: only Ray shares them out: leave it out, or run on Ray (--ray)")
        if self.shard is not None and not 1 <= self.shard[0] <= self.shard[1]:
            number, total = self.shard
            raise ValueError(f"expected a shard i of n with 1 <= i <= n, got {number} of {total}")
        return self
