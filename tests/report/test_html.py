import base64
import hashlib
import json
import re
from dataclasses import fields, is_dataclass, replace
from html.parser import HTMLParser

import pytest

from pyro_seatbelt.report.html import Page, render, script_json
from pyro_seatbelt.report.parts import Advice, Fact
from pyro_seatbelt.report.run import RunSection
from pyro_seatbelt.report.sprite import Sprite

VOID = {"meta", "link", "img", "input", "br", "hr"}
CLOSED = {"defs", "line", "rect", "path", "polyline", "use", "image"}


class Reader(HTMLParser):
    """Sees that elements are closed in turn, and remembers what it saw."""

    def __init__(self, html):
        super().__init__()
        self.open, self.elements, self.text, self.declared = [], [], {}, []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_decl(self, declaration):
        self.declared.append(declaration)

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        assert tag in CLOSED, tag
        self.elements.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, text):
        self.text.setdefault(self.open[-1] if self.open else "", []).append(text)

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.mark.parametrize("num_runs", [1, 2, 3])
def test_it_is_one_valid_document(num_runs, make_page, claims):
    reader = Reader(render(make_page(num_runs, claims=claims, notes=["a note"])))
    assert reader.declared == ["doctype html"]
    assert [len(reader.all(tag)) for tag in ("html", "head", "body", "main", "h1")] == [1] * 5
    assert reader.all("html")[0]["lang"] == "en"
    ids = [each["id"] for _, each in reader.elements if "id" in each]
    assert len(ids) == len(set(ids))
    for tag, attributes in reader.elements:
        assert not any(name.startswith("on") or name == "style" for name in attributes), tag
        for link in (attributes.get("href"), attributes.get("src")):
            assert link is None or link.startswith("data:") or link.removeprefix("#") in ids
    for label in reader.all("label"):
        assert label.get("for", ids[0]) in ids
    assert all("alt" in each and "width" in each for each in reader.all("img"))
    assert all(each.get("scope") for each in reader.all("th"))


def test_the_policy_allows_its_own_style_and_script_and_nothing_else(make_page):
    html = render(make_page())
    reader = Reader(html)
    [policy] = [each["content"] for each in reader.all("meta") if "http-equiv" in each]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    for tag in ("style", "script"):
        text = re.search(rf"<{tag}>(.*?)</{tag}>", html, re.DOTALL)[1]
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
        assert "http" not in text
        assert "url(" not in text


PLOT = re.compile(r'<svg class="plot".*?</svg>', re.DOTALL)
HOSTILE = "</script><script>alert(1)</script>\"'&{{ 7*7 }}<img src=x onerror=alert(1)>"


def poisoned(value):
    """The same with hostile words wherever there are words."""
    if isinstance(value, str):
        return value if not value or value.startswith("data:") else f"{value} {HOSTILE}"
    if isinstance(value, Sprite):
        return value
    if is_dataclass(value):
        return replace(
            value, **{each.name: poisoned(getattr(value, each.name)) for each in fields(value)}
        )
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return value
    if isinstance(value, (list, tuple)):
        return type(value)(poisoned(each) for each in value)
    return value


def test_no_word_becomes_markup(make_page, claims):
    page = make_page(3, claims=claims, notes=["a note"])
    pages = [render(page), render(poisoned(page))]
    clean, dirty = (Reader(PLOT.sub("", each)) for each in pages)
    assert [tag for tag, _ in dirty.elements] == [tag for tag, _ in clean.elements]
    names = [sorted(attributes) for _, attributes in clean.elements]
    assert [sorted(attributes) for _, attributes in dirty.elements] == names
    assert "49" not in "".join(dirty.text["h1"])
    assert HOSTILE in "".join(dirty.text["h1"])
    # a long name takes more lines of a drawing, but no other elements and attributes
    clean, dirty = (Reader("".join(PLOT.findall(each))) for each in pages)
    for seen in (lambda tag, _: {tag}, lambda _, attributes: set(attributes)):
        ours, theirs = (
            set().union(*(seen(*each) for each in one.elements)) for one in (clean, dirty)
        )
        assert ours == theirs
    assert "<img" in "".join(dirty.text["text"])


def test_json_in_a_script_ends_nothing():
    text = script_json({"a": HOSTILE, "b": "<!--"})
    assert "<" not in text
    assert json.loads(text) == {"a": HOSTILE, "b": "<!--"}


def test_an_empty_page_is_a_page():
    Reader(render(Page(title="nothing")))


def test_a_bare_run_says_what_makes_the_rest():
    run = RunSection(
        name="bare",
        headline="a run",
        evaluation=Advice(text="Not evaluated:", command="seatbelt evaluate runs/bare"),
        attacks=Advice(text="Not attacked:", command="seatbelt attack runs/bare"),
    )
    reader = Reader(render(Page(title="bare", runs=[run])))
    assert {"seatbelt evaluate runs/bare", "seatbelt attack runs/bare"} <= set(reader.text["code"])
    assert "data-viewer" not in str(reader.elements)


def test_verdicts_are_words_and_signs(make_page, claims):
    html = re.sub(r"<[^>]+>", " ", render(make_page(claims=claims)))
    for verdict in ("✓ +yes", "✗ +no", "[?] +undecided"):
        assert re.search(verdict, html)
    assert "1 of 3 hold here, 1 do not, and 1 cannot be decided." in html


def test_claims_say_on_what_data_and_within_what_ends(make_page, claims):
    html = " ".join(re.sub(r"<[^>]+>", "", render(make_page(claims=claims))).split())
    assert "on faces" in html
    assert "beta = 10 0.5 (0.125 to 0.75)" in html


def test_an_unknown_number_is_a_dash(make_page):
    run = replace(make_page().runs[0], facts=[Fact(label="ELBO", value=None)])
    assert "<b>\u2013</b>" in render(make_page(runs=[run]))


def test_a_page_of_many_runs_is_small_besides_its_pictures(make_page):
    one, three = (len(render(make_page(number))) for number in (1, 3))
    assert (three - one) / 2 < 120_000
