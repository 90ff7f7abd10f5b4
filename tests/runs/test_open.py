import pytest

from pyro_seatbelt.errors import InputError
from pyro_seatbelt.runs import list_runs, load_run, newest_run, train_run
from pyro_seatbelt.runs.folder import new_folder, runs_root
from pyro_seatbelt.training import TrainConfig


def test_no_folder_of_runs_is_said_so(tmp_path):
    with pytest.raises(InputError, match="runs: no such folder of runs: `seatbelt train` makes"):
        list_runs()
    with pytest.raises(InputError, match="none: no such folder"):
        newest_run(tmp_path / "none")


def test_no_run_is_said_so(tmp_path):
    (tmp_path / "runs").mkdir()
    assert list_runs() == []
    with pytest.raises(InputError, match="runs: no run here"):
        newest_run()


def test_runs_are_named_listed_and_found(make_config):
    first = train_run(make_config(steps=1)).folder
    second = train_run(make_config(steps=2, model="vae", layers=1)).folder
    assert first.parent == runs_root()
    assert first.name.endswith("-seatbelt-synth-chairs")
    assert second.name.endswith("-vae-synth-chairs")
    runs = {each.folder: each for each in list_runs()}
    assert set(runs) == {first, second}
    assert runs[second].step == 2
    assert runs[second].status == "finished"
    assert newest_run() in {first, second}
    (second / "run.json").write_text("{")
    assert {each.folder: each.status for each in list_runs()} == {
        first: "finished",
        second: "damaged",
    }
    assert newest_run() == first


def test_two_runs_of_one_second_have_two_folders(tmp_path):
    folders = [new_folder(TrainConfig(), out=None, root=tmp_path).path for _ in range(5)]
    assert len(set(folders)) == 5


@pytest.mark.parametrize("content", [None, "{}", "{", "[]"])
def test_a_folder_without_a_good_record_is_no_run(content, tmp_path):
    (tmp_path / "config.json").write_text(TrainConfig().to_json())
    if content is not None:
        (tmp_path / "run.json").write_text(content)
    with pytest.raises(InputError, match=r"run\.json: (cannot be read|the file is damaged)"):
        load_run(tmp_path)


def test_any_folder_is_no_run(tmp_path):
    with pytest.raises(InputError, match=r"expected the folder of a run, it has no config\.json"):
        load_run(tmp_path)
