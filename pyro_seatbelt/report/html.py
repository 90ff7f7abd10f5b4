"""A page as one HTML document that needs nothing else."""

import base64
import hashlib
import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from pyro_seatbelt.plots.attack_panels import PANELS
from pyro_seatbelt.report.charts import Breakdown, Chart, DrawnChart, draw
from pyro_seatbelt.report.claims import ClaimRow
from pyro_seatbelt.report.comparison import ComparisonSection
from pyro_seatbelt.report.parts import Advice, MeanCI
from pyro_seatbelt.report.pictures import Gallery
from pyro_seatbelt.report.quantity import between, measured, quantity
from pyro_seatbelt.report.run import RunSection
from pyro_seatbelt.report.viewer import (
    penalty,
    readings,
    script_data,
    spoken,
    sprite_id,
    windows,
)

_UNSAFE = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"})


@dataclass(frozen=True, kw_only=True)
class Page:
    """A whole page.

    Attributes:
        title: Its title.
        made: What made it and when, in a line.
        runs: The runs.
        comparison: The runs side by side.
        claims: The claims of a paper.
        galleries: Figures that belong to no single run.
        notes: What cannot be read.
    """

    title: str
    made: str = ""
    runs: Sequence[RunSection] = ()
    comparison: ComparisonSection | None = None
    claims: Sequence[ClaimRow] = ()
    galleries: Sequence[Gallery] = ()
    notes: Sequence[str] = ()


def render(page: Page) -> str:
    """Writes a page as one HTML document.

    Everything is inside it: styles, script, pictures. It loads nothing, and its security policy
    forbids the browser to. What it is told is untrusted: every text is escaped.

    Args:
        page: What it shows.

    Returns:
        The document.

    Example:
        >>> html = render(Page(title="Chairs & <tables>"))
        >>> "<title>Chairs &amp; &lt;tables&gt;</title>" in html
        True
    """
    environment = _environment()
    style, script = (_own(environment, name) for name in ("report.css", "report.js"))
    policy = (
        "default-src 'none'; img-src data:; "
        f"style-src '{_digest(style)}'; script-src '{_digest(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    return environment.get_template("page.html").render(
        page=page, style=style, script=script, policy=policy
    )


def script_json(value: Any) -> Markup:
    r"""Writes JSON that can stand in a script element: nothing in it ends the element.

    Args:
        value: What JSON has words for.

    Example:
        >>> script_json("</script>")
        Markup('"\\u003c/script\\u003e"')
    """
    text = json.dumps(value, separators=(",", ":")).translate(_UNSAFE)
    return Markup(text)  # noqa: S704 - nothing in it is markup


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("pyro_seatbelt.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    numbers = itertools.count(1)

    def draw_next(chart: Chart | Breakdown) -> DrawnChart | None:
        return draw(chart, f"chart-{next(numbers)}")

    environment.filters |= {
        "draw": draw_next,
        "quantity": quantity,
        "measured": measured,
        "ends": lambda value: between(value.low, value.high),
        "sort_key": _sort_key,
        "penalty": penalty,
        "readings": readings,
        "script_json": script_json,
    }
    environment.tests |= {
        "advice": lambda value: isinstance(value, Advice),
        "mean_ci": lambda value: isinstance(value, MeanCI),
        "numeric": lambda value: isinstance(value, (int, float, MeanCI)) or value is None,
    }
    environment.globals |= {
        "PANELS": PANELS,
        "script_data": script_data,
        "spoken": spoken,
        "sprite_id": sprite_id,
        "windows": windows,
    }
    return environment


def _own(environment: Environment, name: str) -> Markup:
    assert environment.loader is not None
    return Markup(environment.loader.get_source(environment, name)[0])  # noqa: S704 - a file of ours


def _digest(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _sort_key(value: object) -> str:
    """What a column is sorted by: the number, or the text."""
    number = value.mean if isinstance(value, MeanCI) else value
    return "" if number is None or number != number else str(number)  # noqa: PLR0124 - NaN
