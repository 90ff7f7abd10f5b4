"""The pages of docs/ and the README: their programs run, their commands exist."""

import re
import shlex
from pathlib import Path
from textwrap import dedent

import click
import pyro
import pytest
import typer

from pyro_seatbelt.cli.app import app
from pyro_seatbelt.data.registry import DATASETS
from pyro_seatbelt.executors import Inline
from pyro_seatbelt.sweeps import placement

ROOT = Path(__file__).parents[2]
PAGES = sorted(path.relative_to(ROOT) for path in [ROOT / "README.md", *ROOT.glob("docs/**/*.md")])


def blocks(page, language):
    text = (ROOT / page).read_text("utf-8")
    return [dedent(each) for each in re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)]


@pytest.mark.parametrize("page", [each for each in PAGES if blocks(each, "python")], ids=str)
def test_programs_run_from_top_to_bottom(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    # processes of a sweep load torch anew
    monkeypatch.setattr(placement, "LocalProcesses", lambda *_, **__: Inline())
    known, space = dict(DATASETS), {"__name__": "page"}
    try:
        with pyro.settings.context(module_local_params=False):
            for number, block in enumerate(blocks(page, "python"), start=1):
                exec(compile(block, f"{page}, block {number}", "exec"), space)  # noqa: S102 - ours
    finally:
        DATASETS.clear()
        DATASETS.update(known)


@pytest.mark.parametrize("page", [each for each in PAGES if blocks(each, "sh")], ids=str)
def test_commands_and_their_flags_exist(page):
    root = typer.main.get_command(app)
    text = "\n".join(blocks(page, "sh")).replace("\\\n", " ")
    for line in text.splitlines():
        words = shlex.split(line, comments=True)
        if words[:1] != ["seatbelt"]:
            continue
        command, context = root, click.Context(root, info_name="seatbelt")
        for word in words[1:]:
            if not isinstance(command, click.Group):
                break
            if word == "--version":
                break
            command = command.get_command(context, word)
            assert command is not None, line
            words = words[1:]
        if not isinstance(command, click.Group):
            command.make_context(word, words[1:], resilient_parsing=True)
