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


def test_the_runs_of_a_sweep_are_listed_by_its_folder(seatbelt, workplace):
    (workplace / "sweep" / "runs" / "a").mkdir(parents=True)
    (workplace / "sweep" / "runs" / "a" / "run.json").write_text("{")
    listed = json.loads(seatbelt("runs", "sweep", "--json").stdout)
    assert [each["folder"] for each in listed] == ["sweep/runs/a"]
    assert json.loads(seatbelt("runs", "sweep/runs/a", "--json").stdout) == listed


def test_files_of_runs_are_checked(seatbelt, workplace):
    seatbelt("train", "small", "--out", "runs/a")
    assert seatbelt("runs").stdout == seatbelt("runs", "list").stdout
    listed = seatbelt("runs", "runs").stdout
    assert listed == seatbelt("runs", "list", "runs").stdout
    assert listed.splitlines()[1].startswith("runs/a  finished")
    result = seatbelt("runs", "verify")
    assert result.exit_code == 0, result.output
    assert [line.split()[1] for line in result.stdout.splitlines()] == ["state", *["intact"] * 3]
    config = workplace / "runs" / "a" / "config.json"
    config.write_text(config.read_text().replace('"seed": 0', '"seed": 1'))
    result = seatbelt("runs", "verify", "runs/a", "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)[0]["state"] == "damaged"
    assert result.stderr == "runs/a/config.json: its SHA-256 is not the one in manifest.json\n"
    assert seatbelt("runs", "verify", "nowhere").exit_code == 2


def test_the_help_of_runs_names_both(seatbelt):
    text = seatbelt("runs", "--help").stdout
    assert "list" in text
    assert "verify" in text
