"""The site builds without a warning, and its pages ask nothing of another server."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


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
    assert 'display="block"' in page  # the bound, as MathML
    assert '<span class="gp">' in page  # an example, as a session
    for path in site.rglob("*.html"):
        text = re.sub(r"<code>.*?</code>", "", path.read_text("utf-8"), flags=re.DOTALL)
        assert ":math:" not in text, path
        assert ".. math::" not in text, path
