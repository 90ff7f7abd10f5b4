"""Where entries stand: resistance, damage, quality and time, against the plain VAE."""

import statistics
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple

from pyro_seatbelt.board.entries import PLAIN, Entry
from pyro_seatbelt.errors import InputError
from pyro_seatbelt.runs.folder import RunFolder
from pyro_seatbelt.runs.robustness import RobustnessReport
from pyro_seatbelt.runs.robustness_comparison import Model, gains_over, plain, pool
from pyro_seatbelt.runs.robustness_numbers import MedianInterval

DEAREST = 1.1
"""Mean squared error, relative to the plain VAE's, up to which a defence costs little."""

Verdict = Literal["resists", "at a price", "undecided", "weaker", "undefined", "attack failed", ""]

_HEADINGS = (
    "", "source", "r50", "gain", "r90", "blend", "damage", "certified", "MSE", "to VAE", "rate",
    "ELBO", "train, min", "verdict",
)  # fmt: skip

_READING = (
    "r50 is the least distortion, relative to the distance from the input to the target, that "
    "covers half of the way between their reconstructions: 1 is best. Medians over pairs and seeds "
    "with 95 % bootstrap intervals. The gain is the difference from the plain VAE's over the same "
    "pairs and seeds. `damage` is how far an attack without a target moves the reconstruction, in "
    "shares of the way, at that relative size. Where `certified` is given, no distortion smaller "
    "than that can cover half of the way. An entry *resists* if the whole interval of its gain is "
    f"above 0 and its mean squared error at most {DEAREST:g} times the plain VAE's; above that, it "
    "does so *at a price*."
)


class Standing(NamedTuple):
    """Where an entry stands.

    Attributes:
        name: The entry.
        title: Its name in prose.
        source: Where it is from.
        model: Its runs, and their numbers over pairs and seeds; its gains are over the plain VAE.
        gain: How much larger its median r50 is than the plain VAE's over the same pairs and seeds;
            None of the plain VAE, and of runs that have other pairs.
        mse_ratio: Its mean squared error relative to the plain VAE's, means over seeds.
        minutes: What training took, the mean over seeds, on the machine that it ran on.
        verdict: Whether it resists more, by the whole interval.
    """

    name: str
    title: str
    source: str
    model: Model
    gain: MedianInterval | None
    mse_ratio: float
    minutes: float
    verdict: Verdict

    def plain(self) -> dict[str, Any]:
        """The row as JSON has it."""
        return {
            **self._asdict(),
            "model": plain(self.model),
            "gain": self.gain and self.gain.model_dump(),
        }


def standings(
    entries: Mapping[str, Entry], reports: Mapping[str, Sequence[RobustnessReport]]
) -> list[Standing]:
    """Puts entries in order, the most resistant first.

    Args:
        entries: What is known of them.
        reports: The measurements of their runs, by entry, in the order of their seeds; those of
            the plain VAE among them.

    Returns:
        A row for each entry that has runs.

    Raises:
        InputError: If the plain VAE has no runs, or a file is damaged.
    """
    if not reports.get(PLAIN):
        raise InputError(f"expected runs of '{PLAIN}', which all are compared with, got none")
    base = reports[PLAIN]
    plain_mse = statistics.fmean(report.robustness.mse for report in base)
    rows = []
    for name, some in reports.items():
        if not some:
            continue
        [model] = pool(some)
        gains = {} if name == PLAIN else gains_over(base, some)
        gain, ratio = gains.get("r50"), statistics.fmean(model.mse) / plain_mse
        rows.append(
            Standing(
                name,
                entries[name].title,
                entries[name].source,
                model._replace(name=entries[name].title, gains=gains),
                gain,
                ratio,
                statistics.fmean(_minutes(report) for report in some),
                _verdict(model, gain, ratio),
            )
        )
    return sorted(rows, key=lambda row: -(row.model.medians["r50"].median or 0.0))


def _verdict(model: Model, gain: MedianInterval | None, mse_ratio: float) -> Verdict:
    if model.failed:
        return "attack failed"
    if model.medians["r50"].median is None:  # the decoder makes the same of all images
        return "undefined"
    if gain is None or gain.low is None or gain.high is None:
        return ""
    if gain.high < 0:
        return "weaker"
    if gain.low <= 0:
        return "undecided"
    return "resists" if mse_ratio <= DEAREST else "at a price"


def _minutes(report: RobustnessReport) -> float:
    """How long training took by the median of the speeds that it logged."""
    run = RunFolder(report.run)
    speeds = [
        line["images_per_second"]
        for line in run.read_metrics()
        if line["kind"] == "train" and line.get("images_per_second")
    ]
    if not speeds:
        return float("nan")
    config = run.read_config()
    num_images = report.robustness.step * config.batch_size
    return num_images / float(statistics.median(speeds)) / 60


def as_markdown(rows: Sequence[Standing], *, title: str, note: str) -> str:
    """Writes the board as a dated Markdown table.

    Args:
        rows: The rows.
        title: The heading.
        note: What the budget and the protocol were.

    Returns:
        The document.
    """
    lines = [
        f"# {title}",
        "",
        f"{note} Made on {datetime.now(UTC):%Y-%m-%d}.",
        "",
        _READING,
        "",
        f"| {' | '.join(_HEADINGS)} |",
        f"|{'---|' * len(_HEADINGS)}",
    ]
    for row in rows:
        medians = row.model.medians
        damage = ", ".join(
            f"{_number(each.median)} at {name.removeprefix('damage_')}"
            for name, each in medians.items()
            if name.startswith("damage_")
        )
        cells = (
            row.title,
            row.source,
            interval(medians["r50"]),
            "" if row.gain is None else interval(row.gain, signed=True),
            _number(medians["r90"].median),
            _number(medians["blend50"].median),
            damage,
            certified(row),
            f"{statistics.fmean(row.model.mse):.4f}",
            f"{row.mse_ratio:.2f}",
            f"{statistics.fmean(row.model.rate):.1f}",
            f"{statistics.fmean(row.model.elbo):.0f}",
            f"{row.minutes:.1f}",
            row.verdict,
        )
        lines.append(f"| {' | '.join(cells)} |")
    lines += _gain_table(rows)
    undefined = [
        f"{row.title} {row.model.num_undefined}" for row in rows if row.model.num_undefined
    ]
    if undefined:
        lines += ["", f"Pairs of which the decoder makes the same image: {', '.join(undefined)}."]
    failed = [f"- {row.title}: {text}" for row in rows for text in row.model.failed]
    if failed:
        lines += ["", "Attacks that fail a check of their health:", "", *failed]
    return "\n".join(lines) + "\n"


def _gain_table(rows: Sequence[Standing]) -> list[str]:
    """The differences of each attack alone, and of damage, as lines of Markdown."""
    names = list(dict.fromkeys(name for row in rows for name in row.model.gains))[1:]
    if not names:
        return []
    headings = [name.replace("_", " ").replace("damage", "damage at") for name in names]
    title = (
        "The same differences from the plain VAE of each attack alone, and of the damage, of which "
        "more is worse:"
    )
    return [
        *("", title, ""),
        f"| {' | '.join(['', 'r50', *headings])} |",
        f"|{'---|' * (len(names) + 2)}",
        *(
            f"| {' | '.join([row.title, *(_gain(row, name) for name in ('r50', *names))])} |"
            for row in rows
            if row.model.gains
        ),
    ]


def _gain(row: Standing, name: str) -> str:
    found = row.model.gains.get(name)
    return "" if found is None else interval(found, signed=True)


def interval(found: MedianInterval, *, signed: bool = False) -> str:
    """A median with its interval, for tables.

    Example:
        >>> interval(MedianInterval(median=0.25, low=0.2, high=0.3, num=9), signed=True)
        '+0.25 (+0.20 to +0.30)'
    """
    form = "+.2f" if signed else ".2f"
    if found.median is None:
        return "n/a"
    if found.low is None or found.high is None:
        return f"{found.median:{form}}"
    return f"{found.median:{form}} ({found.low:{form}} to {found.high:{form}})"


def short_interval(found: MedianInterval, *, signed: bool = False) -> str:
    """The same where there is little room.

    Example:
        >>> short_interval(MedianInterval(median=0.25, low=0.2, high=0.3, num=9))
        '0.25 .20-.30'
        >>> short_interval(MedianInterval(median=0.1, low=-0.05, high=0.3, num=9), signed=True)
        '+.10 -.05+.30'
    """
    form = "+.2f" if signed else ".2f"
    if found.median is None:
        return "n/a"
    ends = [f"{end:{form}}" for end in (found.low, found.high) if end is not None]
    if signed:
        return " ".join([f"{found.median:+.2f}", "".join(ends)]).replace("0.", ".")
    return " ".join([f"{found.median:.2f}", "-".join(end.removeprefix("0") for end in ends)])


def certified(row: Standing) -> str:
    """The median certificate of an entry, for tables; empty if it has none."""
    found = row.model.medians.get("certified50")
    return "" if found is None or found.median is None else f"{found.median:.3g}"


def _number(value: float | None) -> str:
    return "n/a" if value is None else f"{value:.2f}"
