import json
import shutil

import pytest


@pytest.fixture
def run(attackable, workplace):
    return shutil.copytree(attackable, workplace / "runs" / "first")


def test_it_says_last_where_the_report_is(seatbelt, run):
    result = seatbelt("report")  # the newest
    assert result.exit_code == 0, result.output
    first, last = result.stdout.splitlines()
    assert first.startswith("size    ")
    assert last == f"report  {run / 'report.html'}"
    assert (run / "report.html").read_text("utf-8").startswith("<!doctype html>")


def test_json(seatbelt, run, workplace):
    given = ["--out", "a.html", "--title", "A <title>", "--json"]
    told = json.loads(seatbelt("report", run, *given).stdout)
    assert told == {"report": "a.html", "bytes": (workplace / "a.html").stat().st_size}
    assert "<h1>A &lt;title&gt;</h1>" in (workplace / "a.html").read_text("utf-8")


def test_it_can_be_opened(seatbelt, run, monkeypatch):
    opened = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    seatbelt("report", run, "--open")
    assert opened == [(run / "report.html").as_uri()]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "no such folder of runs: `seatbelt train` makes the first one"),
        (["absent"], "absent: expected the folder of a run"),
        ([".", "--out", "report.txt"], "report.txt: expected the name of a file"),
    ],
)
def test_bad_input_is_one_line(arguments, message, seatbelt, workplace):
    result = seatbelt("report", *arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    [line] = result.stderr.splitlines()
    assert line.startswith("error: ")
    assert message in line
    assert list(workplace.iterdir()) == []
