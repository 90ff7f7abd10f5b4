"""The robustness of a run, as a page shows it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from pyro_seatbelt.errors import InputError
from pyro_seatbelt.plots.lines import Line
from pyro_seatbelt.report.charts import Chart
from pyro_seatbelt.report.contents import RunContents
from pyro_seatbelt.report.parts import NATS, Advice, Fact, MeanCI, Table
from pyro_seatbelt.runs.robustness_numbers import (
    MedianInterval,
    Robustness,
    of_run,
    read_table,
)

_NAMES = {
    "r50": "r50: covers half of the way",
    "r90": "r90: covers 90 %",
    "blend50": "blend50: mixing the images to the effect of r50",
    "blend90": "blend90",
    "r50_over_blend50": "r50 / blend50: 1 if the attack is no better than mixing",
    "noise50": "random noise, to the effect of r50",
    "auddc": "AUDDC, the least over attacks",
    "certified50": "certified: nothing smaller covers half of the way",
    "certified90": "certified: nothing smaller covers 90 %",
}
_VERDICTS = {True: "passed", False: "FAILED", None: "not told"}


@dataclass(frozen=True, kw_only=True)
class RobustnessSection:
    """How large a distortion has to be.

    Attributes:
        facts: The first numbers to read, with the quality beside them.
        charts: What is covered by distortions of any size.
        tables: All numbers, and the health of the attack.
        warnings: Checks that failed, and pairs for which nothing is defined.
        note: What the numbers mean.
    """

    facts: Sequence[Fact]
    charts: Sequence[Chart]
    tables: Sequence[Table]
    warnings: Sequence[str]
    note: str


def robustness_section(run: RunContents) -> RobustnessSection | Advice:
    """Shows how robust a run is.

    Args:
        run: The run.

    Returns:
        The section; what measures it where that was not done of the newest checkpoint.
    """
    found = run.robustness
    if found is None:
        return Advice(
            text="How large a distortion must be to move it was not measured:",
            command=f"seatbelt robustness {run.name}",
        )
    return RobustnessSection(
        facts=[
            Fact(label="r50", value=found.r50.median, note="1 is best"),
            Fact(label="blend50", value=found.blend50.median, note="mixing the two images"),
            Fact(label="mean squared error", value=found.mse, note="of clean reconstructions"),
            Fact(label="rate", value=found.rate, unit=NATS),
            Fact(label="ELBO", value=found.elbo, unit=NATS),
        ],
        charts=_charts(run),
        tables=_tables(found),
        warnings=_warnings(found),
        note=f"Of {found.num_pairs} pairs of held-out images: the least distortion, relative to "
        "the distance of the input from the target, whose reconstruction covers so much of the "
        "way to the target\u2019s. An attack finds it, so a better one may find less. Models "
        "compare by it at equal quality.",
    )


def median(found: MedianInterval) -> MeanCI:
    """A median as a cell of a table.

    Args:
        found: The median.
    """
    return MeanCI(
        *(math.nan if each is None else each for each in (found.median, found.low, found.high))
    )


def _warnings(found: Robustness) -> list[str]:
    warnings = [f"The attack fails a check, {check.name}: {check.text}." for check in found.failed]
    if found.num_undefined:
        warnings.append(
            f"Undefined for {found.num_undefined} of {found.num_pairs} pairs: the decoder makes "
            "the same of both images, which is not resistance."
        )
    return warnings


def _tables(found: Robustness) -> list[Table]:
    return [
        Table(
            caption="Relative sizes of distortions, medians over pairs with 95 % intervals",
            headings=("", "median"),
            rows=[
                (words, median(each))
                for name, words in _NAMES.items()
                if (each := getattr(found, name)) is not None
            ]
            + [
                (f"r50 of {mode} attacks alone", median(each))
                for mode, each in found.r50_by_attack.items()
            ],
        ),
        Table(
            caption="Maximum damage without a target: how far the reconstruction moves, in shares "
            "of the way between those of a pair, and the r-robustness probability that it is half "
            "of the way or less (Camuto et al., 2021)",
            headings=("size of d", "moves by", "robust at means", "robust at draws"),
            rows=[
                ("0", 0.0, 1.0, found.robust_clean),
                *(
                    (
                        f"{each.norm:g}",
                        median(each.moved),
                        each.robust_at_mean,
                        each.robust_at_draws,
                    )
                    for each in found.damage
                ),
            ],
        ),
        Table(
            caption="Health of the attack (Carlini et al., 2019)",
            headings=("check", "verdict", "what was seen"),
            rows=[(check.name, _VERDICTS[check.passed], check.text) for check in found.checks],
        ),
    ]


def _charts(run: RunContents) -> list[Chart]:
    try:
        table = read_table(of_run(run.path).curves)
    except InputError:  # the page says so elsewhere
        return []
    middle = table.groupby("distortion")[["covered", "blend"]].median()
    x = middle.index.tolist()
    lines = [
        Line(name="best attack", x=x, y=middle["covered"].tolist(), look=0),
        Line(name="blend of the two images", x=x, y=middle["blend"].tolist(), look=6),
    ]
    return [
        Chart(
            title="What distortions cover",
            x_label="\u2016d\u2016 / distance from input to target",
            y_label="share of the way",
            lines=lines,
            note="Medians over pairs.",
            listed=False,
        )
    ]
