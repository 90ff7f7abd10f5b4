"""The site builds without a warning, and its pages ask nothing of another server."""

import importlib
import os
import re
import subprocess
import sys
from pathlib import Path
from types import FunctionType

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ["objectives", "models", "guides", "adapters", "attacks", "defences", "evaluation"]
ROOMS += ["training", "runs", "data"]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    place = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(place)]
    environment = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    made = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert made.returncode == 0, made.stderr
    return place


def test_nothing_is_fetched(site):
    pages = list(site.rglob("*.html"))
    assert len(pages) > 25
    for page in pages:
        text = page.read_text("utf-8")
        fetched = re.findall(
            r"<(?:script|img|link|iframe)\b[^>]*?(?:src|href)=\"?https?:[^>]*>", text
        )
        assert fetched == [], page


def test_docstrings_are_written_as_they_are_meant(site):
    page = (site / "api" / "objectives.html").read_text("utf-8")
    assert "TraceTC_ELBO" in page
    assert '<math display="block">' in page  # the bound, as MathML
    assert '<math display="inline">' in page
    assert '<span class="gp">' in page  # an example, as a session
    for path in site.rglob("*.html"):
        text = re.sub(r"<code>.*?</code>", "", path.read_text("utf-8"), flags=re.DOTALL)
        assert ":math:" not in text, path
        assert ".. math::" not in text, path
        assert "1998/Math" not in text, path  # a tag that no browser knows


def test_the_reference_has_all_that_the_rooms_offer(site):
    entries = {
        name
        for page in site.glob("api/*.html")
        for name in re.findall(r'id="?(pyro_seatbelt[\w.]+)', page.read_text("utf-8"))
    }
    for room in ROOMS:
        package = importlib.import_module(f"pyro_seatbelt.{room}")
        offered = {
            f"{package.__name__}.{name}"
            for name in package.__all__
            if isinstance(getattr(package, name), type | FunctionType)
        }
        assert offered <= entries, sorted(offered - entries)
