"""The attacks of several runs that compare: those made under the conditions most runs share."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from pyro_seatbelt.evaluation.attack_summary import has_targets
from pyro_seatbelt.family import PRESETS
from pyro_seatbelt.report.configuration import layers_of
from pyro_seatbelt.report.contents import AttackContents, RunContents, mapping, number
from pyro_seatbelt.report.quantity import quantity
from pyro_seatbelt.runs.attack_options import paper_layers

_RULES = {
    "paper": "the layers that the paper attacks",
    "all": "all layers",
    "base": "the base layer",
    "top": "the top layer",
}

_OTHERS = (
    "optimiser",
    "noise",
    "samples",
    "start",
    "ends",
    "restarts",
    "ball",
    "limits",
    "zero_test",
)
"""More arguments that change the numbers."""


class Conditions(NamedTuple):
    """What two attacks of a mode have in common if their numbers compare.

    Attributes:
        layers: Which layers they look at, as a rule for models of any depth, or their names.
        weights: The penalties lambda.
        num_pairs: How many pairs.
        pictures: A hash of pictures of one's own, or nothing.
        others: Further arguments.
    """

    layers: str
    weights: tuple[float, ...]
    num_pairs: int
    pictures: str
    others: str


@dataclass(frozen=True, kw_only=True)
class Comparable:
    """Attacks of one mode that compare.

    Attributes:
        attacks: One for each run; None for a run that was not attacked like that.
        note: How they were made, in words.
    """

    attacks: Sequence[AttackContents | None]
    note: str


def comparable(runs: Sequence[RunContents], mode: str) -> Comparable | None:
    """Chooses the attacks that can be put side by side.

    Args:
        runs: The runs.
        mode: Of the attacks.

    Returns:
        Those made under the conditions that most runs share; among equals those of the most
        problems, then those on the paper's layers. Attacks on other checkpoints than the newest
        are out of question, and so are those without targets. None if there is no other.
    """
    found: dict[Conditions, dict[int, AttackContents]] = {}
    for place, run in enumerate(runs):
        for attack in sorted(run.attacks, key=_seed):
            if attack.mode == mode and has_targets(attack.table) and _is_current(attack, run):
                for conditions in _conditions(attack, run):
                    found.setdefault(conditions, {}).setdefault(place, attack)
    if not found:
        return None

    def merit(conditions: Conditions) -> tuple[int, int, int]:
        rank = [*_RULES, conditions.layers].index(conditions.layers)
        return len(found[conditions]), conditions.num_pairs * len(conditions.weights), -rank

    chosen = max(found, key=merit)
    attacks = [found[chosen].get(place) for place in range(len(runs))]
    some = next(attack for attack in attacks if attack is not None)
    return Comparable(attacks=attacks, note=_in_words(chosen, some))


def _is_current(attack: AttackContents, run: RunContents) -> bool:
    return run.newest is None or attack.step == run.newest


def _conditions(attack: AttackContents, run: RunContents) -> list[Conditions]:
    """A layer can be chosen by more than one rule: of one layer, it is the top one and all."""
    weights = tuple(sorted(map(float, attack.table["weight"].unique())))
    pictures = str(attack.arguments.get("images")) if "pictures" in attack.source else ""
    others = {name: attack.arguments.get(name) for name in _OTHERS}
    objective = mapping(attack.arguments.get("objective"))
    others |= {name: value for name, value in objective.items() if name != "layers"}
    text = json.dumps(others, sort_keys=True)
    return [
        Conditions(layers, weights, attack.num_pairs, pictures, text)
        for layers in _layers(attack, run)
    ]


def _layers(attack: AttackContents, run: RunContents) -> list[str]:
    if attack.mode == "output":
        return [""]  # it reads every layer
    latents = PRESETS[run.config.model].latents(layers_of(run.config))
    rules = {"all": "+".join(latents), "base": latents[0], "top": latents[-1]}
    rules["paper"] = rules[str(paper_layers(run.config.model))]
    return [*(rule for rule in _RULES if rules[rule] == attack.layers), attack.layers]


def _seed(attack: AttackContents) -> float:
    seed = number(attack.arguments.get("seed"))
    return seed if seed == seed else 0.0  # noqa: PLR0124 - NaN


def _in_words(conditions: Conditions, some: AttackContents) -> str:
    parts = []
    if conditions.layers:
        parts.append(f"on {_RULES.get(conditions.layers, conditions.layers.replace('+', ' + '))}")
    if conditions.pictures:
        names = some.source["pictures"]
        names = map(str, names if isinstance(names, list) else [names])
        parts.append(f"of the pictures {' and '.join(names)}")
    else:
        parts.append(f"of {_count(conditions.num_pairs, 'pair')} of held-out images")
    weights = conditions.weights
    parts.append(
        f"with {_count(len(weights), 'penalty', 'penalties')} \u03bb"
        + (f" from {quantity(weights[0])} to {quantity(weights[-1])}" if len(weights) > 1 else "")
    )
    steps = mapping(some.arguments.get("optimiser")).get("max_iterations")
    if steps is not None:
        parts.append(f"at most {steps} iterations each")
    return ", ".join(parts)


def _count(size: int, name: str, names: str = "") -> str:
    return f"{size} {name}" if size == 1 else f"{size} {names or name + 's'}"
