"""What was measured of a trained run."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pyro_seatbelt.evaluation.decomposition import saturation_warning
from pyro_seatbelt.plots.lines import Line
from pyro_seatbelt.report.charts import Breakdown, Chart
from pyro_seatbelt.report.contents import RunContents, number
from pyro_seatbelt.report.parts import KL_PARTS, NATS, Advice, Fact, Table
from pyro_seatbelt.runs.evaluation import Evaluation

_PARTS_OF = {
    "held-out images": "The parts of the top layer add up to its KL, with the exact aggregate "
    "posterior of these images.",
    "training images": "The parts of the top layer are of training images, as an earlier version "
    "measured them, and do not add up to its KL on held-out ones.",
}


@dataclass(frozen=True, kw_only=True)
class EvaluationSection:
    """The numbers of a trained run.

    Attributes:
        facts: The first ones to read.
        charts: The KL and its parts, and what else is drawn.
        tables: More of them.
        note: Where they come from.
        advice: How to get more.
    """

    facts: Sequence[Fact]
    charts: Sequence[Chart | Breakdown] = ()
    tables: Sequence[Table] = ()
    note: str = ""
    advice: Advice | None = None


def evaluation_section(run: RunContents) -> EvaluationSection | Advice:
    """Shows what was measured of a run.

    Args:
        run: The run.

    Returns:
        Its evaluation; without one of its newest checkpoint, what training wrote down of held-out
        images; without those, what makes one.
    """
    command = f"seatbelt evaluate {run.path}"
    if run.evaluation is not None:
        return _measured(run.evaluation)
    heldout = run.heldout
    if heldout is None:
        return Advice(text="The run has not been evaluated:", command=command)
    parts = [number(heldout.get(name)) for name in KL_PARTS]
    return EvaluationSection(
        facts=[
            Fact(label="ELBO", value=_finite(heldout.get("elbo")), unit=NATS),
            Fact(label="log p(x | z)", value=_finite(heldout.get("log_likelihood")), unit=NATS),
            *_active(_finite_of(heldout.get("active_units"))),
        ],
        charts=_breakdown(
            _finite_of(heldout.get("kl")),
            parts,
            f"{_PARTS_OF['held-out images']} {_warning(parts[0], heldout)}".rstrip(),
        ),
        note=f"From {heldout.get('num_images', 'some')} held-out images, at step "
        f"{heldout['step']} of training.",
        advice=Advice(
            text="More, such as reconstruction errors, noise and disentanglement, comes with",
            command=command,
        ),
    )


def _measured(found: Evaluation) -> EvaluationSection:
    facts = [
        Fact(label=each.name, value=each.value, unit=each.unit, note=each.note)
        for each in found.quantities
    ]
    facts += _active(found.active_units)
    parts = [getattr(found, name) for name in KL_PARTS]
    return EvaluationSection(
        facts=facts,
        charts=[
            *_breakdown(
                found.kl,
                parts,
                f"{_PARTS_OF[found.parts_of]} {found.parts_warning}".rstrip(),
            ),
            *_noise_charts(found),
        ],
        tables=[*_noise_tables(found), *_score_tables(found)],
        note=f"From {found.num_images:,} held-out images, at step {found.step}.",
    )


def _breakdown(kl: Mapping[str, float], top_parts: Sequence[float], note: str) -> list[Breakdown]:
    """The layers below the top by their KL, the top layer by its parts."""
    layers = _bottom_up(kl)
    sizes = [number(kl[layer]) for layer in layers[:-1]] + [*top_parts]
    if not layers or not all(map(math.isfinite, sizes)):
        return []
    names = [f"KL of {layer}" for layer in layers[:-1]]
    top = layers[-1]
    names += [f"{name} of {top}" for name in KL_PARTS.values()]
    parts = list(zip(names, sizes, strict=True))
    return [Breakdown(title="Where the KL goes", parts=parts, note=note)]


def _warning(mutual_information: float, heldout: Mapping[str, Any]) -> str:
    count = number(heldout.get("num_images"))
    return saturation_warning(mutual_information, int(count)) if count >= 1 else ""


def _noise_charts(found: Evaluation) -> list[Chart]:
    levels = sorted(found.noise, key=lambda level: level.scale)
    if len(levels) < 2:
        return []
    scales = [level.scale for level in levels]
    lines = [Line(name="mean", x=scales, y=[level.log_likelihood for level in levels])]
    if all(len(level.quantiles) == 5 for level in levels):
        for place, name in ((0, "5 % quantile"), (4, "95 % quantile")):
            values = [level.quantiles[place] for level in levels]
            lines.append(Line(name=name, x=scales, y=values))
    return [
        Chart(
            title="Noise on the input",
            x_label="standard deviation of the noise, pixels \u22121 to 1",
            y_label="log p(clean x | z of noisy x), nats",
            lines=lines,
            listed=False,
        )
    ]


def _noise_tables(found: Evaluation) -> list[Table]:
    if not found.noise:
        return []
    return [
        Table(
            caption="log p(clean x | z of noisy x), nats per image",
            headings=("noise", "mean", "standard deviation over images"),
            rows=[(f"{level.scale:g}", level.log_likelihood, level.std) for level in found.noise],
        )
    ]


def _score_tables(found: Evaluation) -> list[Table]:
    tables = []
    if found.scores:
        tables.append(
            Table(
                caption="Disentanglement of the top layer, 0 to 1",
                headings=("score", "value"),
                rows=[(each.name, each.value) for each in found.scores],
            )
        )
    if found.mig is not None and len(found.mig) > 1:
        tables.append(
            Table(
                caption="Mutual information gap per layer",
                headings=("layer", "MIG"),
                rows=list(found.mig.items()),
            )
        )
    return tables


def _active(units: Mapping[str, float]) -> list[Fact]:
    if not units:
        return []
    text = ", ".join(f"{layer} {units[layer]}" for layer in _bottom_up(units))
    return [Fact(label="active units", value=text, note="dimensions that vary over images")]


def _bottom_up(sites: Iterable[str]) -> list[str]:
    """`z10` comes after `z9`."""
    return sorted(sites, key=lambda site: (len(site), site))


def _finite_of(value: object) -> Mapping[str, float]:
    if not isinstance(value, dict):
        return {}
    return {str(name): each for name, each in value.items() if math.isfinite(number(each))}


def _finite(value: object) -> float | None:
    return None if math.isnan(number(value)) else number(value)
