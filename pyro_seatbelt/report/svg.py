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

_AXES = "#8b8a84"
_VARIABLES = {
    _AXES: "var(--strong)",
    **{colour.lower(): f"var(--c{number})" for number, colour in enumerate(COLOURS)},
}
"""What the style sheet calls a colour: each has a light and a dark value."""

_OWN = {"id", "style", "font-family", "font-size"}
"""Attributes that are not kept: the style sheet knows the font."""

_SETTINGS: dict[Any, object] = {
    "svg.fonttype": "none",  # words stay words, in the font of the page
    "text.parse_math": False,  # a dollar in the name of a run is a dollar
    "axes.edgecolor": _AXES,
    "grid.color": _AXES,
    "figure.frameon": False,  # the page is the paper
    "xtick.bottom": False,  # the grid shows where ticks are
    "ytick.left": False,
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
    targets = sorted(set(re.findall(r'(?:url\(|href=")#([\w.-]+)', text)))
    ids = {target: f"{name}-{number}" for number, target in enumerate(targets)}
    root = ET.fromstring(text)  # noqa: S314 - matplotlib wrote it just now
    for element in root.iter():
        element.tag = _local(element.tag)
        element.text = element.text if element.text and element.text.strip() else None
        element.tail = None
        element.attrib = _attributes(element.attrib, ids)
    root[:] = _flat(root)
    view = root.attrib["viewBox"]
    root.attrib = {"class": "plot", "viewBox": view, "role": "img", "aria-label": label}
    root.set("stroke-linejoin", "round")
    return Markup(ET.tostring(root, encoding="unicode"))  # noqa: S704 - it is escaped


def _local(name: str) -> str:
    """The name of an element or an attribute, without its namespace."""
    return name.rpartition("}")[2]


def _attributes(given: Mapping[str, str], ids: Mapping[str, str]) -> dict[str, str]:
    """Turns inline styles into attributes, but for fonts, and ids into those of this figure."""
    styles = dict(re.findall(r"([\w-]+): ([^;]+)", given.get("style", "")))
    kept = {}
    for key, value in {**given, **styles}.items():
        if key == "id" and value in ids:
            kept[key] = ids[value]
        elif key not in _OWN and not value.startswith("rotate(-0 "):
            kept[_local(key)] = _VARIABLES.get(value) or _short(value, ids)
    return kept


def _short(value: str, ids: Mapping[str, str]) -> str:
    """Leads references to their new ids, and rounds numbers to a tenth of a point."""
    value = re.sub(r"#([\w.-]+)", lambda to: f"#{ids.get(to[1], to[1])}", value)
    value = re.sub(
        r"-?\d+\.\d+", lambda number: f"{float(number[0]):.1f}".removesuffix(".0"), value
    )
    return " ".join(value.split())


def _flat(parent: ET.Element) -> list[ET.Element]:
    """Leaves out groups that only had a name, what is empty, and what the page itself says."""
    children = []
    for child in parent:
        child[:] = _flat(child)
        _share_with_group(child)
        if child.tag == "g" and not child.attrib:
            children += list(child)
        elif len(child) or child.tag not in {"g", "defs", "style", "metadata"}:
            children.append(child)
    return children


def _share_with_group(group: ET.Element) -> None:
    """Moves to a group what all its members have alike: many points have one colour."""
    for key in ("fill", "stroke", "stroke-width", "stroke-linejoin"):
        values = {child.get(key) for child in group}
        if len(group) > 1 and len(values) == 1 and (value := values.pop()) is not None:
            group.set(key, value)
            for child in group:
                del child.attrib[key]
