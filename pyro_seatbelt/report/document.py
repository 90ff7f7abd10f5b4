"""A page as one HTML document that needs nothing else."""

import base64
import hashlib
import json
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from pyro_seatbelt.report.drawing import HEIGHT, WIDTH, draw
from pyro_seatbelt.report.page import Page
from pyro_seatbelt.report.parts import Advice, Decomposition, Interval
from pyro_seatbelt.report.quantity import measured, quantity, spread
from pyro_seatbelt.report.viewer import (
    PANELS,
    penalty,
    readings,
    script_data,
    spoken,
    sprite_id,
    windows,
)

_UNSAFE = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"})


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


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("pyro_seatbelt.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "draw": draw,
        "quantity": quantity,
        "measured": measured,
        "interval": _interval,
        "sort_key": _sort_key,
        "segments": _segments,
        "penalty": penalty,
        "readings": readings,
        "script_json": script_json,
    }
    environment.tests |= {
        "advice": lambda value: isinstance(value, Advice),
        "interval": lambda value: isinstance(value, Interval),
        "numeric": lambda value: isinstance(value, (int, float, Interval)) or value is None,
    }
    environment.globals |= {
        "PANELS": PANELS,
        "PLANE": (WIDTH, HEIGHT),
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


def _interval(value: Interval) -> str:
    return spread(value.low, value.high)


def _sort_key(value: object) -> str:
    """What a column is sorted by: the number, or the text."""
    number = value.mean if isinstance(value, Interval) else value
    return "" if number is None or number != number else str(number)  # noqa: PLR0124 - NaN


def _segments(whole: Decomposition) -> list[tuple[str, float, float, float]]:
    """Names, sizes, beginnings and widths of the parts, in per cent of their sum."""
    sizes = [max(0.0, size) for _, size in whole.parts]
    total = sum(sizes) or 1.0
    starts = [100 * sum(sizes[:number]) / total for number in range(len(sizes))]
    return [
        (name, size, start, 100 * drawn / total)
        for (name, size), start, drawn in zip(whole.parts, starts, sizes, strict=True)
    ]
