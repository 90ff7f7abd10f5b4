"""The page of measurements, written by one command."""

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_every_section_is_measured(tmp_path):
    page = tmp_path / "performance.md"

    command = [sys.executable, "-m", "benchmarks", "docs", "--smoke", "--out", str(page)]
    subprocess.run(command, cwd=ROOT, check=True)

    text = page.read_text(encoding="utf-8")
    assert text.count("<!-- end ") == 10
    assert text.count(f"*Measured {datetime.now(UTC):%Y-%m-%d}") == 10
    assert page.with_suffix(".png").is_file()
