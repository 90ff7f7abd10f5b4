import json
import shutil

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from PIL import Image

from pyro_seatbelt.attacks import MODES, BoundAttack
from pyro_seatbelt.errors import InputError
from pyro_seatbelt.manifest import check_manifest, read_manifest
from pyro_seatbelt.runs import AttackOptions, attack_run, load_run
from pyro_seatbelt.runs import attack as attacks
from pyro_seatbelt.runs.attack_options import paper_layers
from pyro_seatbelt.runs.images import open_data
from pyro_seatbelt.runs.records import AttackRecords

SMALL = AttackOptions(pairs=2, weights=(0.0, 1.0, 1e9), max_iterations=5, device="cpu", processes=1)


def replace(options, **changes):
    return options.model_copy(update=changes)


@pytest.fixture
def run(attackable, tmp_path):
    return shutil.copytree(attackable, tmp_path / "run")


@pytest.mark.usefixtures("blank_figures")
def test_every_mode_is_kept_in_the_folder_of_the_run(run):
    seen = []
    reports = attack_run(
        run,
        replace(SMALL, modes=list(MODES), pairs=1),
        progress=lambda stage, done, total, _=None: seen.append((stage, done, total)),
    )
    assert [each.mode for each in reports] == list(MODES)
    for each in reports:
        assert each.folder.parent == run / "attacks"
        assert each.folder.name.startswith(f"{each.mode}-all-")
        assert (each.mode, 3, 3) in seen
        assert (each.num_pairs, each.num_problems, each.num_retired) == (1, 3, 0)
        assert all(file.is_file() for file in each.files.values())
        assert set(each.summary) >= {"value", "target_nll", "l2_target", "l2_clean", "norm"}
        assert each.auddc is not None
        table = pd.read_parquet(each.files["table"])
        assert each.summary["norm"].mean == pytest.approx(table["norm"].mean())
        written = pd.read_csv(each.files["summary"], index_col="quantity")
        assert written["mean"]["l2_target"] == pytest.approx(table["l2_target"].mean())


@pytest.mark.usefixtures("blank_figures")
def test_pairs_are_held_out_and_of_different_identities(run):
    [report] = attack_run(run, SMALL)
    loaded = load_run(run)
    dataset, split = open_data(loaded.config)
    found = AttackRecords(report.folder).read()
    pairs = found.table.groupby("pair")[["input_image", "target_image"]].first()
    numbers = pairs.to_numpy().flatten().tolist()
    assert len(set(numbers)) == 4
    assert set(numbers) <= set(split.heldout.tolist())
    expected = dataset.images.gather(split.heldout.new_tensor(pairs["input_image"].tolist()))
    assert found.pairs["input"] == pytest.approx(expected.numpy() / 255)


@pytest.mark.usefixtures("blank_figures")
def test_a_finished_attack_is_not_made_again(run, monkeypatch):
    [first] = attack_run(run, SMALL)
    files = {path: path.stat().st_mtime_ns for path in first.folder.rglob("*")}
    with monkeypatch.context() as patch:
        patch.setattr(BoundAttack, "run", lambda *args, **kwargs: pytest.fail("it ran again"))
        [again] = attack_run(run, SMALL)
        assert again.was_finished
        assert not first.was_finished
        assert again.summary == first.summary
        assert {path: path.stat().st_mtime_ns for path in first.folder.rglob("*")} == files
        first.files["curves"].unlink()
        attack_run(run, SMALL)
        assert first.files["curves"].is_file()
    before = first.files["table"].read_bytes()
    [forced] = attack_run(run, replace(SMALL, force=True))
    assert not forced.was_finished
    assert forced.folder == first.folder
    assert forced.files["table"].read_bytes() == before


@pytest.mark.usefixtures("blank_figures")
def test_an_attack_from_the_input_alone_is_not_taken_for_one_from_both_ends(run):
    [alone] = attack_run(run, replace(SMALL, ends="input"))
    [both] = attack_run(run, SMALL)
    assert (both.was_finished, both.num_failed) == (False, 0)
    assert alone.folder != both.folder
    written = json.loads((both.folder / "summary.json").read_text())
    assert (written["failed"]["mean"], written["failed"]["num"]) == (0, 6)


def test_figures_can_wait(run):
    [plain] = attack_run(run, replace(SMALL, figures=False))
    assert set(plain.files) == {"table", "images", "pairs", "summary"}
    assert not (plain.folder / "figures").exists()
    [drawn] = attack_run(run, SMALL)
    assert drawn.was_finished
    assert drawn.folder == plain.folder
    assert drawn.files["panels"].is_file()


class EnoughError(Exception):
    pass


def test_other_settings_are_another_folder(run, monkeypatch):
    places = []

    def note(attack, folder, **options):
        places.append(folder)
        raise EnoughError

    monkeypatch.setattr(attacks, "run_protocol", note)
    for changes in (
        *({}, {"seed": 1}, {"weights": (0.0, 2.0)}, {"samples": 2}, {"at_mean": True}),
        *(
            {"ends": "input"},
            {"restarts": 1},
            {"layers": "top"},
            {"batch": 5},
            {"max_iterations": 9},
            {"modes": ["w2"]},
            {"pairs": 1},
        ),
    ):
        with pytest.raises(EnoughError):
            attack_run(run, replace(SMALL, **changes))
    assert len(set(places)) == len(places)
    for same in ({}, {"processes": 2}, {"force": True}, {"layers": ["z1", "z2"]}):
        with pytest.raises(EnoughError):
            attack_run(run, replace(SMALL, **same))
        assert places[-1] == places[0]


@pytest.mark.usefixtures("blank_figures")
def test_layers_of_chains_without_skips(make_attackable):
    assert paper_layers("beta-tcdlgm") == "base"
    run = make_attackable(model="dlgm", steps=1)
    [report] = attack_run(run, replace(SMALL, pairs=1, weights=(0.0,)))
    assert report.layers == ("z1",)
    assert report.folder.name.startswith("latent-z1-")


def test_colours_are_attacked_in_colour(make_attackable, tmp_path):
    run = make_attackable(channels=3, steps=1)
    Image.new("RGB", (90, 80), "red").save(tmp_path / "a.png")
    Image.new("L", (64, 64), 30).save(tmp_path / "b.png")
    own = (tmp_path / "a.png", tmp_path / "b.png")
    [report] = attack_run(run, replace(SMALL, images=own, weights=(0.0,)))
    found = AttackRecords(report.folder).read()
    assert found.images["adversarial"].shape == (1, 3, 64, 64)
    with Image.open(report.files["panels"]) as picture:
        assert picture.width > 1000
    assert found.pairs["input"][0, :, 0, 0].tolist() == [1, 0, 0]
    assert found.pairs["target"][0, :, 0, 0] == pytest.approx([30 / 255] * 3)


@pytest.mark.usefixtures("blank_figures")
def test_pictures_of_ones_own_need_no_data(run, without_manifests, tmp_path):
    without_manifests(run)
    rng = np.random.default_rng(0)
    for name in "ab":
        values = rng.integers(0, 256, (200, 100, 3), dtype=np.uint8)
        Image.fromarray(values).save(tmp_path / f"{name}.png")
    config = json.loads((run / "config.json").read_text())
    (run / "config.json").write_text(json.dumps(config | {"data_dir": "gone"}))
    options = replace(SMALL, images=(tmp_path / "a.png", tmp_path / "b.png"))
    [report] = attack_run(run, options)
    table = pd.read_parquet(report.files["table"])
    assert table["input_image"].tolist() == ["a.png"] * 3
    assert (report.num_pairs, report.num_problems) == (1, 3)
    assert np.isnan(report.summary["norm"].pairs_low)
    recorded = json.loads((report.folder / "arguments.json").read_text())
    assert recorded["source"] == {"pictures": ["a.png", "b.png"]}


@pytest.mark.usefixtures("blank_figures")
def test_a_changed_summary_or_figure_is_made_again(run):
    [report] = attack_run(run, SMALL)
    assert not check_manifest(report.folder)
    files = [report.folder / "summary.csv", report.folder / "summary.json", report.files["draws"]]
    listed = {path.relative_to(report.folder).as_posix() for path in report.files.values()}
    assert read_manifest(report.folder).keys() == listed | {"arguments.json", "summary.json"}
    for path in files:
        content = bytearray(path.read_bytes())
        content[-4] ^= 1
        path.write_bytes(content)
        assert attack_run(run, SMALL)[0].was_finished
        assert not check_manifest(report.folder)


def test_other_data_are_refused(run, without_manifests):
    without_manifests(run)
    config = json.loads((run / "config.json").read_text())
    pictures = shutil.copytree(config["data_dir"], run.parent / "others")
    Image.new("L", (64, 64)).save(pictures / "0.png")
    (run / "config.json").write_text(json.dumps(config | {"data_dir": str(pictures)}))
    with pytest.raises(InputError, match="the run was trained on other data than folder holds now"):
        attack_run(run, SMALL)
    assert not (run / "attacks").exists()


@pytest.mark.usefixtures("blank_figures")
def test_posterior_draws_are_kept(run):
    [report] = attack_run(run, SMALL)
    with xr.open_datatree(report.files["draws"], engine="h5netcdf") as tree:
        posterior = tree["posterior"]
        assert set(posterior.data_vars) == {"z1", "z2"}
        assert posterior["image"].values.tolist() == ["x", "x + d", "target"]
        assert posterior["pair"].values.tolist() == [0, 1]


def test_a_run_whose_every_problem_was_retired_has_a_table_and_no_figures(run, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr("pyro_seatbelt.runs.attack_report.shown_rows", lambda table: {})
        [report] = attack_run(run, SMALL)
    assert report.files["table"].is_file()
    assert "panels" not in report.files
