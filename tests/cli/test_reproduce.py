import json
from pathlib import Path

import pytest

from pyro_seatbelt.paper import ITEMS, SCALES, Reproduction
from pyro_seatbelt.paper.claims import Claim


@pytest.fixture
def made(monkeypatch, tmp_path):
    """What the command asks for, and what it gets."""
    asked = {}
    claim = Claim(
        claim="elbo-a",
        item="fig3",
        text="It falls",
        source="Section 5.1",
        paper="smaller drop",
        measured={"drop": float("nan"), "models": 2},
        holds=False,
    )
    result = Reproduction(
        tmp_path / "smoke", {"fig3": [tmp_path / "smoke" / "fig3" / "elbo.png"]}, [claim], {}, 0
    )

    def make(names, **options):
        asked.update(names=names, **options)
        return asked.get("result", result)

    monkeypatch.setattr("pyro_seatbelt.paper.reproduction.reproduce", make)
    asked["default"] = result
    return asked


def test_claims_are_shown_and_where_everything_is(seatbelt, made):
    result = seatbelt("reproduce", "fig3", "--scale", "smoke", "--out", "here", "--workers", 2)
    assert result.exit_code == 0, result.output
    assert (made["names"], made["scale"], made["folder"]) == (
        ["fig3"],
        SCALES["smoke"],
        Path("here"),
    )
    assert (made["workers"], made["ray"], made["redraw_only"]) == (2, None, False)
    lines = result.stdout.splitlines()
    assert lines[1].split() == ["fig3", "elbo-a", "smaller", "drop", "does", "not", "hold"]
    assert any(line.startswith("claims") and line.endswith("claims.md") for line in lines)


def test_json_is_all_there_is_on_standard_output(seatbelt, made):
    result = seatbelt("reproduce", "all", "--json", "--redraw")
    found = json.loads(result.stdout)
    assert made["redraw_only"]
    assert made["scale"] is SCALES["laptop"]
    [claim] = found["claims"]
    assert claim["measured"] == {"drop": None, "models": 2}
    assert claim["holds"] is False
    assert found["files"]["fig3"][0].endswith("elbo.png")


def test_failures_are_said_and_are_a_status(seatbelt, made):
    made["result"] = made["default"]._replace(failed={"run-a": "it diverged"}, absent=1)
    result = seatbelt("reproduce", "fig3", "--redraw")
    assert result.exit_code == 1
    assert "run-a: it diverged" in result.stderr
    assert "1 run is not there: what needs it is left out, and unknown" in result.stderr


@pytest.mark.parametrize(
    ("words", "address"),
    [
        (["--ray", "fig3"], "local"),
        (["fig3", "--ray"], "local"),
        (["--ray", "auto", "fig3"], "auto"),
        (["fig3", "--ray", "ray://head:10001"], "ray://head:10001"),
        (["--ray", "--json", "fig3"], "local"),
    ],
)
def test_ray_may_have_an_address(seatbelt, made, words, address):
    assert seatbelt("reproduce", *words).exit_code == 0
    assert (made["names"], made["ray"]) == (["fig3"], address)


def test_the_list_names_every_item(seatbelt):
    listed = seatbelt("reproduce", "--list").stdout.splitlines()
    assert [line.split()[0] for line in listed[1:]] == list(ITEMS)
    found = json.loads(seatbelt("reproduce", "--list", "--json").stdout)
    assert [each["name"] for each in found] == list(ITEMS)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["fig2"], "expected figures or tables out of fig1, fig3"),
        (
            ["fig3", "--scale", "huge"],
            "expected a scale of smoke, laptop, workstation, paper, published, published-laptop",
        ),
        ([], "which one? name some of fig1, fig3"),
        (["fig3", "--redraw"], "nothing to redraw here"),
    ],
)
def test_bad_input_is_one_line_and_nothing_is_made(seatbelt, workplace, words, message):
    before = set(workplace.iterdir())
    result = seatbelt("reproduce", *words)
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    [line] = result.stderr.splitlines()
    assert line.startswith("error: ")
    assert message in line
    assert set(workplace.iterdir()) == before


def test_ctrl_c_says_how_to_go_on(seatbelt, monkeypatch):
    def stop(*words, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr("pyro_seatbelt.paper.reproduction.reproduce", stop)
    result = seatbelt("reproduce", "fig3")
    assert result.exit_code == 1
    assert result.stderr.splitlines() == ["stopped; the same command goes on from what is finished"]
