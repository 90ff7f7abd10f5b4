"""The attacks on a run, as a page shows them."""

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pyro_seatbelt.evaluation.attack_summary import shown, summarise
from pyro_seatbelt.evaluation.auddc import auddc, curves
from pyro_seatbelt.evaluation.estimates import Estimate
from pyro_seatbelt.plots.attacks import normalised
from pyro_seatbelt.report import (
    AttackSection,
    Chart,
    Fact,
    Interval,
    Line,
    PairView,
    Problem,
    Table,
    make_sprite,
)
from pyro_seatbelt.report.pages.known import KnownAttack, read_findings
from pyro_seatbelt.report.pages.room import Room
from pyro_seatbelt.report.quantity import spread
from pyro_seatbelt.runs.records import Findings

MODES = {
    "latent-kl": "Latent attack (KL)",
    "latent-w2": "Latent attack (2-Wasserstein)",
    "latent-l2": "Latent attack (means)",
    "output": "Output attack",
}
"""What the objectives are called."""

QUANTITIES = {
    "value": "objective \u0394",
    "distance": "distance in \u0394",
    "target_nll": "\u2212log p(target | z\u0303), nats",
    "l2_target": "L2 to target",
    "l2_clean": "L2 to clean reconstruction",
    "norm": "\u2016d\u2016, L2 of the distortion",
}
"""What the summary lists."""

_QUALITIES = (None, 85, 60)
"""From every pixel as it is to the smallest."""


@dataclass(frozen=True)
class _Prepared:
    """A pair, before its images are packed."""

    label: str
    images: Sequence[NDArray[np.uint8]]
    problems: Sequence[Problem]
    shown: int

    def packed(self, quality: int | None) -> PairView:
        sprite, cells = make_sprite(self.images, quality=quality)
        places = np.reshape(cells[3:], (-1, 3)).tolist()
        return PairView(
            label=self.label,
            sprite=sprite,
            cells=(cells[0], cells[1], cells[2]),
            problems=[
                replace(problem, cells=tuple(place))
                for problem, place in zip(self.problems, places, strict=True)
            ],
            shown=self.shown,
        )


def attack_sections(
    attacks: Sequence[KnownAttack], room: Room, newest: int | None = None
) -> list[AttackSection]:
    """Shows the attacks on a run.

    Args:
        attacks: The attacks.
        room: How much fits. Images are kept pixel by pixel if they fit like that, else packed
            with a loss; what still does not fit is left out, pair by pair.
        newest: Step of the newest checkpoint of the run; None if it is not known.

    Returns:
        A section for each.

    Raises:
        InputError: If a file is damaged.
    """
    prepared = [_prepare(read_findings(attack.folder)) for attack in attacks]
    views = _fit(prepared, room)
    return [
        _section(attack, label, pairs, len(all_pairs), newest)
        for attack, label, pairs, all_pairs in zip(
            attacks, labels(attacks), views, prepared, strict=True
        )
    ]


def labels(attacks: Sequence[KnownAttack]) -> list[str]:
    """Names attacks so that no two have the same name.

    Args:
        attacks: The attacks.
    """
    names = [
        MODES.get(attack.mode, attack.mode)
        + ("" if attack.mode == "output" else f" on {attack.layers.replace('+', ' + ')}")
        for attack in attacks
    ]
    often = Counter(names)
    return [
        name if often[name] == 1 else f"{name}, {attack.folder.name.rpartition('-')[2]}"
        for name, attack in zip(names, attacks, strict=True)
    ]


def _fit(attacks: Sequence[Sequence[_Prepared]], room: Room) -> list[list[PairView]]:
    views: list[list[PairView]] = [[] for _ in attacks]
    order = list(_in_turns(attacks))
    if not order:
        return views
    for quality in _QUALITIES:
        sample = order[0][1].packed(quality).sprite.num_bytes
        if quality == _QUALITIES[-1] or 1.1 * sample * len(order) <= room.left:
            break
    for number, pair in order:
        view = pair.packed(quality)
        if room.take(view.sprite.num_bytes):
            views[number].append(view)
    return views


def _in_turns(attacks: Sequence[Sequence[_Prepared]]) -> Iterator[tuple[int, _Prepared]]:
    """The first pair of every attack, then the second: few pairs serve all attacks alike."""
    for place in range(max(map(len, attacks), default=0)):
        for number, pairs in enumerate(attacks):
            if place < len(pairs):
                yield number, pairs[place]


def _prepare(found: Findings) -> list[_Prepared]:
    chosen = shown(found.table)
    prepared = []
    for pair, rows in found.table.groupby("pair", sort=True):
        place, at = int(pair), rows.index.to_numpy()
        clean = found.pairs["input"][place]
        images = [clean, found.pairs.get("input_reconstruction", found.pairs["input"])[place]]
        images.append(found.pairs["target"][place])
        again = found.images.get("reconstruction", np.zeros_like(found.images["adversarial"]))
        visible = normalised(found.images["distortion"][at])
        for row, distortion in zip(at, visible, strict=True):
            images += [found.images["adversarial"][row], distortion, again[row]]
        prepared.append(
            _Prepared(
                label=_pair_label(place, rows.iloc[0]),
                images=[_bytes(image) for image in images],
                problems=[_problem(row) for _, row in rows.iterrows()],
                shown=int(np.flatnonzero(at == chosen[place])[0]) if place in chosen else 0,
            )
        )
    return prepared


def _bytes(image: NDArray[Any]) -> NDArray[np.uint8]:
    pixels: NDArray[np.uint8] = (np.nan_to_num(image).clip(0, 1) * 255 + 0.5).astype(np.uint8)
    return pixels


def _pair_label(pair: int, row: pd.Series) -> str:
    ends = [row.get(f"{name}_image") for name in ("input", "target")]
    if any(end is None for end in ends):
        return str(pair)
    return f"{pair}: image {ends[0]} to {ends[1]}"


def _problem(row: pd.Series) -> Problem:
    def cell(name: str) -> float:
        value = row.get(name)
        return math.nan if value is None or isinstance(value, str) else float(value)

    return Problem(
        weight=cell("weight"),
        value=cell("value"),
        distance=cell("distance"),
        norm=cell("norm"),
        target_nll=cell("target_nll"),
        l2_target=cell("l2_target"),
        l2_clean=cell("l2_clean"),
        stop=str(row.get("stop", "")),
        cells=(0, 0, 0),
    )


def _section(
    attack: KnownAttack,
    label: str,
    pairs: Sequence[PairView],
    num_pairs: int,
    newest: int | None,
) -> AttackSection:
    table = attack.table
    note = ""
    if len(pairs) < num_pairs:
        note = (
            f"{len(pairs)} of {num_pairs} pairs can be looked at here, to keep the page small: "
            "a report of this run alone has room for more."
        )
    return AttackSection(
        label=label,
        facts=_facts(attack, num_pairs, newest),
        summary=_summary(table),
        chart=_curves(table),
        pairs=pairs,
        note=note,
    )


def _facts(attack: KnownAttack, num_pairs: int, newest: int | None) -> list[Fact]:
    table, arguments = attack.table, attack.arguments
    optimiser = arguments.get("optimiser")
    optimiser = optimiser if isinstance(optimiser, dict) else {}
    retired = int((table["stop"] == "nan").sum()) if "stop" in table else 0
    facts = [
        Fact(label="pairs", value=num_pairs),
        Fact(label="penalties \u03bb", value=int(table["weight"].nunique())),
        Fact(label="problems", value=len(table), note=f"{retired} given up" if retired else ""),
    ]
    if "name" in optimiser:
        steps = optimiser.get("max_iterations")
        name = {"LBFGSB": "L-BFGS-B"}.get(str(optimiser["name"]), str(optimiser["name"]))
        note = f"at most {steps} iterations" if steps is not None else ""
        facts.append(Fact(label="optimiser", value=name, note=note))
    if "noise" in arguments:
        facts.append(Fact(label="noise of the posteriors", value=str(arguments["noise"])))
    if attack.step is not None:
        note = "" if newest in {None, attack.step} else f"the run is at step {newest}"
        facts.append(Fact(label="made at step", value=attack.step, note=note))
    return facts


def _summary(table: pd.DataFrame) -> Table:
    estimates = summarise(table)
    area = auddc(table)
    if area is not None:
        estimates["auddc"] = area
    return Table(
        caption="Means over problems: larger ones stand for a more robust model",
        headings=("", "mean and 95 % CI", "95 % CI over pairs"),
        rows=[
            (
                QUANTITIES.get(name, "AUDDC"),
                interval(each),
                spread(each.pairs_low, each.pairs_high) or None,
            )
            for name, each in estimates.items()
        ],
    )


def interval(estimate: Estimate) -> Interval:
    """The mean of an estimate, and its interval over pairs and penalties.

    Args:
        estimate: The estimate.
    """
    return Interval(estimate.mean, estimate.low, estimate.high)


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
        note="A line a pair, with the area under it in brackets; their mean is the AUDDC. "
        "The distance is 1 for the clean reconstruction, 0 for that of the target itself.",
        listed=False,
    )
