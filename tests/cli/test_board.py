import json

import pytest


@pytest.mark.usefixtures("blank_figures")
def test_a_board_of_eighty_columns_and_the_same_as_json(seatbelt, tmp_path, monkeypatch):
    monkeypatch.setenv("SEATBELT_DATA", str(tmp_path / "data"))  # other tests count what is there
    result = seatbelt("board", "beta-tcvae", "--scale", "smoke", "--seeds", 1, "--workers", 1)
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0].split()[:4] == ["r50", "and", "95", "%"]
    assert {line.split()[0] for line in lines[1:3]} == {"vae", "beta-tcvae"}
    assert all(len(line) <= 80 for line in lines)
    result = seatbelt("board", "make", "vae", "--scale", "smoke", "--seeds", 1, "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout, parse_constant=pytest.fail)
    assert {row["name"] for row in found["rows"]} == {"vae", "beta-tcvae"}  # all that are there
    run = next((tmp_path / "board/smoke/runs").glob("*-vae-*"))
    result = seatbelt("board", "add", run, "--name", "mine", "--scale", "smoke")
    assert result.exit_code == 0, result.output
    assert any(line.startswith("mine ") for line in result.stdout.splitlines())


def test_what_stands_on_it(seatbelt):
    result = seatbelt("board", "--list")
    assert result.stdout.splitlines()[0].split() == ["name", "entry", "source"]
    names = [entry["name"] for entry in json.loads(seatbelt("board", "--list", "--json").stdout)]
    assert names[:3] == ["vae", "beta-tcvae", "seatbelt"]


BAD_INPUT = {
    "no such entry": (["nothing"], "unknown entry 'nothing': choose from vae"),
    "no such scale": (["--scale", "huge"], "expected a scale of smoke, laptop, workstation, got"),
    "no seeds": (["--seeds", 0], "seeds: expected >= 1, got 0"),
    "no workers": (["--workers", 0], "expected workers >= 1, got 0"),
    "no such run": (["add", "absent"], "board/laptop: expected a board, there is none: seatbelt"),
}


@pytest.mark.parametrize("case", BAD_INPUT)
def test_bad_input_is_one_line(case, seatbelt, tmp_path):
    arguments, expected = BAD_INPUT[case]
    result = seatbelt("board", *arguments)
    assert result.exit_code == 2
    assert f"error: {expected}" in result.stderr
    assert not (tmp_path / "board").exists()
