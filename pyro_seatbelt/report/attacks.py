"""The attacks on a run, as a page shows them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from pyro_seatbelt.attacks.modes import TITLES
from pyro_seatbelt.evaluation.attack_summary import (
    DAMAGE,
    QUANTITIES,
    count_failed,
    has_targets,
    summarise,
)
from pyro_seatbelt.evaluation.auddc import auddc, curves
from pyro_seatbelt.evaluation.estimates import Estimate
from pyro_seatbelt.plots.lines import Line
from pyro_seatbelt.report.byte_budget import ByteBudget
from pyro_seatbelt.report.charts import Chart
from pyro_seatbelt.report.contents import AttackContents, mapping, number, read_findings
from pyro_seatbelt.report.pair_view import PairView, pair_views
from pyro_seatbelt.report.parts import Fact, MeanCI, Table
from pyro_seatbelt.report.quantity import between

_TYPESET = {"Delta": "\u0394", "-log": "\u2212log", "z~": "z\u0303", "recon.": "reconstruction"}
"""What a page can write better than a terminal."""

_FAILED = "given up, or ended above the objective at the input or at the target itself"

DELTA = (
    "\u0394 says how far apart two posteriors are in units of their scale: compare it between "
    "attacks on one model, and models of other depth or \u03b2 by r50 and AUDDC."
)
"""What a table with the objective has to say."""


@dataclass(frozen=True, kw_only=True)
class AttackSection:
    """One attack on a run.

    Attributes:
        label: Its name.
        facts: How it was made.
        summary: Means over its problems.
        chart: Its distortion-distance curves.
        pairs: What can be looked at, pair by pair.
        note: What is left out.
    """

    label: str
    facts: Sequence[Fact]
    summary: Table
    chart: Chart | None
    pairs: Sequence[PairView]
    note: str = ""


def attack_sections(
    attacks: Sequence[AttackContents], budget: ByteBudget, newest: int | None = None
) -> list[AttackSection]:
    """Shows the attacks on a run.

    Args:
        attacks: The attacks.
        budget: How much fits.
        newest: Step of the newest checkpoint of the run; None if it is not known.

    Returns:
        A section for each.

    Raises:
        InputError: If a file is damaged.
    """
    views = pair_views([read_findings(attack.folder) for attack in attacks], budget)
    return [
        AttackSection(
            label=label,
            facts=_facts(attack, newest),
            summary=_summary(attack.table),
            chart=_curves(attack.table),
            pairs=pairs,
            note=_note(len(pairs), attack),
        )
        for attack, label, pairs in zip(attacks, labels(attacks), views, strict=True)
    ]


def labels(attacks: Sequence[AttackContents]) -> list[str]:
    """Names attacks so that no two have the same name.

    Args:
        attacks: The attacks.
    """
    names = [
        (TITLES[attack.mode].title if attack.mode in TITLES else attack.mode)
        + ("" if attack.mode == "output" else f" on {attack.layers.replace('+', ' + ')}")
        + ("" if has_targets(attack.table) else ", without a target")
        for attack in attacks
    ]
    often = Counter(names)
    return [
        name if often[name] == 1 else f"{name}, {attack.folder.name.rpartition('-')[2]}"
        for name, attack in zip(names, attacks, strict=True)
    ]


def _note(num_shown: int, attack: AttackContents) -> str:
    notes = []
    if not has_targets(attack.table):
        notes.append("There is no target: the input, from which it moves away, has its place.")
    if num_shown < attack.num_pairs:
        notes.append(
            f"{num_shown} of {attack.num_pairs} pairs can be looked at here, to keep the page "
            "small: a report of this run alone has room for more."
        )
    return " ".join(notes)


def _facts(attack: AttackContents, newest: int | None) -> list[Fact]:
    table, arguments = attack.table, attack.arguments
    optimiser = mapping(arguments.get("optimiser"))
    retired = int((table["stop"] == "nan").sum()) if "stop" in table else 0
    facts = [
        Fact(label="pairs", value=attack.num_pairs),
        Fact(label="penalties \u03bb", value=int(table["weight"].nunique())),
        Fact(label="problems", value=len(table), note=f"{retired} given up" if retired else ""),
    ]
    if (failed := count_failed(table)) is not None:
        facts.append(Fact(label="failed", value=failed, note=_FAILED if failed else ""))
    if "name" in optimiser:
        steps = optimiser.get("max_iterations", optimiser.get("steps"))
        name = {"LBFGSB": "L-BFGS-B"}.get(str(optimiser["name"]), str(optimiser["name"]))
        note = f"at most {steps} iterations" if steps is not None else ""
        facts.append(Fact(label="optimiser", value=name, note=note))
    if ball := mapping(arguments.get("ball")):
        norm = {"l2": "L2", "linf": "L\u221e"}.get(str(ball.get("norm")), str(ball.get("norm")))
        note = f"largest {norm} norm of the distortion"
        facts.append(Fact(label="budget", value=number(ball.get("radius")), note=note))
    if "noise" in arguments:
        facts.append(Fact(label="noise of the posteriors", value=str(arguments["noise"])))
    if attack.step is not None:
        note = "" if newest in {None, attack.step} else f"the run is at step {newest}"
        facts.append(Fact(label="made at step", value=attack.step, note=note))
    return facts


def _summary(table: pd.DataFrame) -> Table:
    estimates, targeted = summarise(table), has_targets(table)
    names = QUANTITIES if targeted else DAMAGE
    area = auddc(table)
    if area is not None:
        estimates["auddc"] = area
    return Table(
        caption=f"Means over problems. {DELTA}"
        if targeted
        else "Means over problems: larger ones stand for a less robust model",
        headings=("", "mean and 95 % CI", "95 % CI over pairs"),
        rows=[
            (
                _typeset(names.get(name, "AUDDC")),
                mean_ci(each),
                between(each.pairs_low, each.pairs_high) or None,
            )
            for name, each in estimates.items()
        ],
    )


def _typeset(text: str) -> str:
    for plain, better in _TYPESET.items():
        text = text.replace(plain, better)
    return text


def mean_ci(estimate: Estimate) -> MeanCI:
    """The mean of an estimate, and its interval over pairs and penalties.

    Args:
        estimate: The estimate.
    """
    return MeanCI(estimate.mean, estimate.low, estimate.high)


def _curves(table: pd.DataFrame) -> Chart | None:
    drawn = {pair: curve for pair, curve in curves(table).items() if len(curve.distortion)}
    if not drawn:
        return None
    return Chart(
        title="How much distortion buys how much of the target",
        x_label="\u2016d\u2016 / distance from input to target",
        y_label="distance to the target",
        lines=[
            Line(
                name=f"pair {pair} ({curve.area:.2f})",
                x=curve.distortion.tolist(),
                y=curve.distance.tolist(),
            )
            for pair, curve in drawn.items()
        ],
        note="One line per pair, with the area under it in brackets; their mean is the AUDDC. "
        "The distance is 1 for the clean reconstruction, 0 for that of the target itself.",
        listed=False,
    )
