"""Figures of matplotlib as part of an HTML page."""

import io
import re
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from xml.etree import ElementTree as ET

import matplotlib as mpl
from markupsafe import Markup
from matplotlib.figure import Figure

from pyro_seatbelt.plots.style import COLOURS

_WORDS, _AXES = "#565b63", "#8b8a84"
_VARIABLES = {
    _WORDS: "var(--muted)",
    _AXES: "var(--strong)",
    **{colour.lower(): f"var(--c{number})" for number, colour in enumerate(COLOURS)},
}
"""What the style sheet calls a colour: each has a light and a dark value."""

_SETTINGS: dict[Any, object] = {
    "svg.fonttype": "none",  # words stay words, in the font of the page
    "text.parse_math": False,  # a dollar in the name of a run is a dollar
    "text.color": _WORDS,
    "axes.labelcolor": _WORDS,
    "xtick.labelcolor": _WORDS,
    "ytick.labelcolor": _WORDS,
    "axes.edgecolor": _AXES,
    "xtick.color": _AXES,
    "ytick.color": _AXES,
    "grid.color": _AXES,
    "axes.spines.top": False,
    "axes.spines.right": False,
}


@contextmanager
def page_style() -> Iterator[None]:
    """Gives the figures that are made and saved inside it the look of a page."""
    with mpl.rc_context(_SETTINGS), warnings.catch_warnings():
        # the browser has its own fonts: that matplotlib's lacks a letter does not matter
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        yield


def inline_svg(figure: Figure, name: str, label: str) -> Markup:
    """Writes a figure as an SVG element.

    The element follows the security policy and the theme of the page: it has attributes in place
    of inline styles, and its colours are variables of the style sheet.

    Args:
        figure: A figure made within :func:`page_style`.
        name: What its ids begin with: unique within the page.
        label: What a screen reader says of it.

    Returns:
        The element.

    Example:
        >>> with page_style():
        ...     figure = Figure()
        ...     _ = figure.text(0.5, 0.5, "a < b")
        ...     svg = inline_svg(figure, "chart-1", "a picture")
        >>> 'aria-label="a picture"' in svg, "a &lt; b" in svg, "style=" in svg
        (True, True, False)
    """
    content = io.StringIO()
    with page_style(), mpl.rc_context({"svg.hashsalt": name}):
        nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        figure.savefig(content, format="svg", transparent=True, metadata=nothing)
    text = content.getvalue()
    root = ET.fromstring(text)  # noqa: S314 - matplotlib wrote it just now
    used = set(re.findall(r'(?:url\(|href=")#([\w.-]+)', text))
    for element in root.iter():
        for child in list(element):
            if _local(child.tag) in {"style", "metadata"}:
                element.remove(child)
        element.tag = _local(element.tag)
        element.text = element.text if element.text and element.text.strip() else None
        element.tail = None
        element.attrib = _attributes(element.attrib, name, used)
    view = root.attrib["viewBox"]
    root.attrib = {"class": "plot", "viewBox": view, "role": "img", "aria-label": label}
    root.set("stroke-linejoin", "round")
    return Markup(ET.tostring(root, encoding="unicode"))  # noqa: S704 - it is escaped


def _local(name: str) -> str:
    """The name of an element or an attribute, without its namespace."""
    return name.rpartition("}")[2]


def _attributes(given: Mapping[str, str], name: str, used: set[str]) -> dict[str, str]:
    """Turns inline styles into attributes, and makes ids those of this figure."""
    styles = dict(re.findall(r"([\w-]+): ([^;]+)", given.get("style", "")))
    kept = {}
    for key, value in {**given, **styles}.items():
        if key == "id" and value in used:
            kept[key] = f"{name}-{value}"
        elif key not in {"id", "style", "font-family"} and not value.startswith("rotate(-0 "):
            kept[_local(key)] = _VARIABLES.get(value) or _rounded(_reference(value, name, used))
    return kept


def _reference(value: str, name: str, used: set[str]) -> str:
    return re.sub(r"#([\w.-]+)", lambda to: f"#{name}-{to[1]}" if to[1] in used else to[0], value)


def _rounded(value: str) -> str:
    """Rounds numbers to hundredths of a pixel."""
    return re.sub(
        r"-?\d+\.\d+", lambda number: f"{float(number[0]):.2f}".rstrip("0").rstrip("."), value
    )
