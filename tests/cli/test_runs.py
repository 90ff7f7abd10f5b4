import json


def test_no_runs_is_said_so(seatbelt):
    result = seatbelt("runs")
    assert result.exit_code == 2
    assert "no such folder of runs: `seatbelt train` makes the first one" in result.stderr


def test_an_empty_folder_has_no_runs(seatbelt, workplace):
    (workplace / "runs").mkdir()
    assert seatbelt("runs").stdout == "no run here yet: `seatbelt train` makes one\n"
    assert json.loads(seatbelt("runs", "--json").stdout) == []


def test_a_damaged_run_is_listed_as_such(seatbelt, workplace):
    (workplace / "runs" / "a").mkdir(parents=True)
    (workplace / "runs" / "a" / "run.json").write_text("{")
    assert "damaged" in seatbelt("runs").stdout
