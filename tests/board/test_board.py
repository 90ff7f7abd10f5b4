"""A board of two small entries, made once."""

import json
import shutil
from dataclasses import replace

import pytest

from pyro_seatbelt.board import board as module
from pyro_seatbelt.board.board import add_to_board, jobs_of, make_board, write_board
from pyro_seatbelt.board.entries import ENTRIES, Entry, entries_named
from pyro_seatbelt.board.scales import SCALES, scale_named
from pyro_seatbelt.errors import InputError
from pyro_seatbelt.executors import Inline
from pyro_seatbelt.runs import robustness_measure, train_run
from pyro_seatbelt.sweeps.job_run import Attempt
from pyro_seatbelt.traces import coverage
from pyro_seatbelt.training.config import TrainConfig

SMOKE = scale_named("smoke")
SMALL = replace(
    SMOKE,
    fields=SMOKE.fields | {"steps": 3, "batch_size": 4, "hidden": 8, "features": 8},
    robustness=SMOKE.robustness.model_copy(update={"processes": 1}),
)
TWO = ["beta-tcvae"]

pytestmark = pytest.mark.usefixtures("blank_figures")


@pytest.fixture(scope="module")
def four_chairs(tmp_path_factory):
    """A cache of its own: other tests count what lies in theirs."""
    return tmp_path_factory.mktemp("data")


@pytest.fixture(autouse=True)
def _in_the_workplace(workplace, four_chairs, monkeypatch):
    monkeypatch.setenv("SEATBELT_DATA", str(four_chairs))
    # after three steps images hardly differ in their reconstructions
    for place in (coverage, robustness_measure):
        monkeypatch.setattr(place, "LEAST_ROOM", 1e-9)
    here = lambda jobs, folder, options: (Inline(), Attempt(folder, 1))  # noqa: E731
    monkeypatch.setattr("pyro_seatbelt.sweeps.sweep.place_jobs", here)


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    return tmp_path_factory.mktemp("kept")


@pytest.fixture
def made(kept, tmp_path):
    """A finished board, made once and copied."""
    if not (kept / "smoke").exists():
        make_board(TWO, scale=SMALL, folder=kept)
    shutil.copytree(kept, tmp_path / "board")
    return tmp_path / "board"


def rows_of(folder):
    return {
        row["name"]: row for row in json.loads((folder / "smoke/board.json").read_text())["rows"]
    }


def test_every_entry_has_a_row_and_the_plain_one_no_gain(made):
    rows = rows_of(made)
    assert rows.keys() == {"vae", "beta-tcvae"}
    assert rows["vae"]["gain"] is None
    assert rows["vae"]["mse_ratio"] == 1
    other = rows["beta-tcvae"]
    assert len(other["model"]["runs"]) == 2  # seeds
    assert other["gain"]["num"] == other["model"]["medians"]["r50"]["num"]
    assert other["mse_ratio"] == pytest.approx(
        sum(other["model"]["mse"]) / sum(rows["vae"]["model"]["mse"])
    )
    assert other["minutes"] > 0
    text = (made / "smoke" / "board.md").read_text()
    standings, gains = text.split("The same differences")
    assert (standings.count("\n| "), gains.count("\n| ")) == (3, 2)
    found = other["model"]["gains"]
    assert found.keys() == {"r50", "r50_by_output", "r50_by_minimum", "damage_0.5"}
    assert found["r50"] == other["gain"]
    assert "beta-TCVAE β=10" in text


def test_a_finished_board_is_not_made_again(made):
    before = {path: path.stat().st_mtime_ns for path in made.rglob("runs/**/*") if path.is_file()}
    found = make_board(TWO, scale=SMALL, folder=made)
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert not found.failed
    assert [row.name for row in found.rows] == list(rows_of(made))


def test_what_fails_is_said_and_the_others_are_ranked(made, monkeypatch):
    broken = Entry("broken", "nowhere", {"model": "vae", "learning_rate": 1e30})
    monkeypatch.setitem(ENTRIES, "broken", broken)
    found = make_board(["broken"], scale=SMALL, folder=made)
    assert set(found.failed) == {job.name for job in jobs_of(broken, SMALL)}
    assert {row.name for row in found.rows} == {"vae", "beta-tcvae"}


def test_somebody_elses_run_joins(made, tmp_path):
    config = TrainConfig.merge(SMALL.fields, {"model": "beta-vae", "beta": 2.0, "seed": 1})
    train_run(config, out=tmp_path / "mine")
    add_to_board(tmp_path / "mine", scale=SMALL, folder=made)
    shutil.rmtree(tmp_path / "mine")  # the board has what it needs
    write_board(made / "smoke", SMALL)
    row = rows_of(made)["mine"]
    assert row["model"]["runs"] == ["mine"]
    assert row["gain"]["num"] == 2  # it has the split of the board's second seed


def test_pairs_of_another_split_have_no_gain(made, tmp_path):
    config = TrainConfig.merge(SMALL.fields, {"model": "vae", "seed": 7})
    train_run(config, out=tmp_path / "mine")
    add_to_board(tmp_path / "mine", scale=SMALL, folder=made, name="other-split")
    assert rows_of(made)["other-split"]["gain"] is None


def test_a_run_on_other_images_is_refused(made, attackable):
    with pytest.raises(InputError, match=r"expected a run on the images of the board, folder"):
        add_to_board(attackable, scale=SMALL, folder=made)
    assert not (made / "smoke" / "added").exists()


@pytest.mark.parametrize("name", ["../out", ".hidden", "a/b", "a b"])
def test_a_name_is_that_of_a_folder(name, made):
    run = next((made / "smoke" / "runs").iterdir())
    with pytest.raises(InputError, match=r"name: expected letters, digits"):
        add_to_board(run, scale=SMALL, folder=made, name=name)


def test_what_is_added_halfway_is_not_there(made, monkeypatch):
    run = next((made / "smoke" / "runs").iterdir())
    add_to_board(run, scale=SMALL, folder=made, name="mine")
    there = made / "smoke" / "added" / "mine"
    (there / "config.json").unlink()
    write_board(made / "smoke", SMALL)
    assert "mine" not in rows_of(made)
    add_to_board(run, scale=SMALL, folder=made, name="mine")
    assert "mine" in rows_of(made)


def test_without_a_board_nobody_joins(tmp_path, attackable):
    with pytest.raises(InputError, match=r"there is none: seatbelt board --scale smoke makes one"):
        add_to_board(attackable, scale=SMALL, folder=tmp_path)


def test_measurements_by_another_protocol_do_not_count(made):
    other = replace(SMALL, robustness=SMALL.robustness.model_copy(update={"draws": 3}))
    assert module._made(made / "smoke", other) == {}
    assert module._made(made / "smoke", SMALL).keys() == {"vae", "beta-tcvae"}


def test_seeds_are_at_least_one():
    with pytest.raises(InputError, match=r"seeds: expected >= 1, got 0"):
        jobs_of(ENTRIES["vae"], SMALL, 0)


def test_entries_bring_what_they_need(monkeypatch):
    assert list(entries_named(["seatbelt"])) == ["vae", "seatbelt"]
    assert entries_named() == ENTRIES
    monkeypatch.setitem(ENTRIES, "worn", Entry("worn", "nowhere", {}, base="beta-tcvae"))
    assert list(entries_named(["worn"])) == ["vae", "beta-tcvae", "worn"]
    with pytest.raises(InputError, match=r"unknown entry 'nothing': choose from vae"):
        entries_named(["nothing"])


@pytest.mark.parametrize("scale", SCALES.values(), ids=SCALES)
@pytest.mark.parametrize("name", ENTRIES)
def test_every_entry_can_be_made_at_every_scale(name, scale):
    """All runs of a board learn from the same images, with the same budget."""
    jobs = jobs_of(ENTRIES[name], scale)
    assert [job.config.seed for job in jobs] == list(range(scale.seeds))
    assert len({job.name for job in jobs}) == scale.seeds
    for job in jobs:
        for field in ("dataset", "ids", "steps", "batch_size", "holdout"):
            assert getattr(job.config, field) == scale.fields.get(
                field, TrainConfig.model_fields[field].default
            )
