"""The page of measurements, written by one command."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MARKER = re.compile(r"<!-- (\S+) -->\n.*?\n<!-- end \1 -->", re.DOTALL)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="memory is counted as Linux does")
def test_every_section_of_the_page_is_measured(tmp_path):
    text = (ROOT / "docs" / "performance.md").read_text(encoding="utf-8")
    sections = [found[1] for found in MARKER.finditer(text)]
    page = tmp_path / "performance.md"
    page.write_text("\n".join(f"<!-- {name} -->\nno\n<!-- end {name} -->" for name in sections))

    command = [sys.executable, "-m", "benchmarks", "docs", "--smoke", "--out", str(page)]
    subprocess.run(command, cwd=ROOT, check=True)

    found = {each[1]: each[0] for each in MARKER.finditer(page.read_text(encoding="utf-8"))}
    assert list(found) == sections
    assert all("*Measured " in table and "|--" in table for table in found.values())
    assert page.with_suffix(".png").is_file()
