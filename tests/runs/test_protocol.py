import json
import multiprocessing

import pandas as pd
import pytest
import torch

from pyro_seatbelt.attacks import LBFGSB, Attack, Ball, BoundAttack, LatentKL, Output
from pyro_seatbelt.errors import InputError
from pyro_seatbelt.executors import LocalProcesses
from pyro_seatbelt.locks import locked
from pyro_seatbelt.runs.protocol import run_protocol
from pyro_seatbelt.runs.records import AttackRecords


def keep(attack, chain, folder, **options):
    return run_protocol(attack.bind(*chain), folder, **options)


@pytest.fixture
def chain(pairs):
    return pairs.ChainModel(), pairs.ChainGuide(), pairs.images(3, 1), pairs.images(3, 2)


def make(**changes):
    settings = {"batch": 4, "weights": [0.0, 0.1, 1e6], "objective": LatentKL()} | changes
    return Attack(optimiser=LBFGSB(max_iterations=20), **settings)


def content(folder):
    return {
        path.relative_to(folder): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name != "arguments.json"
    }


def test_the_table_is_the_result_of_the_attack(chain, tmp_path):
    attack = make()
    found = keep(attack, chain, tmp_path / "a", columns={"input_image": [7, 8, 9]})
    result = attack(*chain)
    expected = pd.DataFrame(result.columns())
    pd.testing.assert_frame_equal(found.table[list(expected)], expected, check_dtype=False)
    assert found.table["input_image"].tolist() == [7] * 3 + [8] * 3 + [9] * 3
    assert torch.equal(torch.from_numpy(found.images["adversarial"]), result.adversarial)
    assert torch.equal(torch.from_numpy(found.images["distortion"]), result.distortion)
    assert torch.equal(torch.from_numpy(found.images["reconstruction"]), result.reconstruction)
    assert torch.equal(torch.from_numpy(found.pairs["input"]), chain[2])
    at_zero = found.table[found.table["norm"] == 0]
    assert len(at_zero) >= 3
    torch.testing.assert_close(
        torch.tensor(at_zero["l2_target"].tolist()),
        torch.tensor(at_zero["l2_clean_to_target"].tolist()),
    )
    assert set(found.pairs) == {
        "input",
        "input_reconstruction",
        "target",
        "target_reconstruction",
    }


@pytest.mark.parametrize("stop_after", [0, 1, 2])
def test_a_stopped_attack_ends_as_an_uninterrupted_one(chain, tmp_path, monkeypatch, stop_after):
    whole = keep(make(), chain, tmp_path / "whole")
    add = AttackRecords.add

    def killed(self, group, result):
        if group == stop_after:
            (self.groups / ".group-00000.parquet.1.part").write_text("half a fi")
            raise KeyboardInterrupt
        add(self, group, result)

    with monkeypatch.context() as patch:
        patch.setattr(AttackRecords, "add", killed)
        with pytest.raises(KeyboardInterrupt):
            keep(make(), chain, tmp_path / "stopped")
    seen = []
    found = keep(make(), chain, tmp_path / "stopped", progress=lambda *each: seen.append(each))
    pd.testing.assert_frame_equal(found.table, whole.table)
    assert content(tmp_path / "stopped") == content(tmp_path / "whole")
    assert seen[0][1] >= 4 * stop_after, "a finished group is done again"
    assert seen[-1][:3] == ("problems", 9, 9)


def test_a_group_without_its_table_is_redone(chain, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(AttackRecords, "merge", lambda *args: None)
        patch.setattr(AttackRecords, "read", lambda self: None)
        keep(make(), chain, tmp_path / "a")
    [part] = (tmp_path / "a" / "groups").glob("*1.parquet")
    part.unlink()
    before = content(tmp_path / "a")
    keep(make(), chain, tmp_path / "b")
    keep(make(), chain, tmp_path / "a")
    assert content(tmp_path / "a") == content(tmp_path / "b")
    assert len(before) == 6


def test_a_finished_attack_is_only_read(chain, tmp_path, monkeypatch):
    first = keep(make(), chain, tmp_path / "a")
    before = content(tmp_path / "a")
    with monkeypatch.context() as patch:
        patch.setattr(BoundAttack, "run", lambda *args, **kwargs: pytest.fail("it ran again"))
        again = keep(make(), chain, tmp_path / "a")
    pd.testing.assert_frame_equal(first.table, again.table)
    seen = []
    keep(make(), chain, tmp_path / "a", force=True, progress=lambda *each: seen.append(each))
    assert seen
    assert content(tmp_path / "a") == before


def test_the_number_of_processes_changes_nothing(chain, tmp_path):
    keep(make(), chain, tmp_path / "one")
    keep(make(), chain, tmp_path / "two", executor=LocalProcesses(2, start="fork"))
    assert content(tmp_path / "one") == content(tmp_path / "two")
    assert multiprocessing.active_children() == []


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"seed": 1}, "seed"),
        ({"weights": [0.0, 0.1]}, "weights"),
        ({"objective": LatentKL("top")}, "objective"),
        ({"objective": Output()}, "objective"),
    ],
)
def test_another_attack_is_not_mixed_in(chain, tmp_path, changes, name):
    keep(make(), chain, tmp_path / "a")
    before = content(tmp_path / "a")
    with pytest.raises(InputError, match=rf"an attack with other arguments is here \({name}\)"):
        keep(make(**changes), chain, tmp_path / "a")
    assert content(tmp_path / "a") == before


def test_arguments_are_those_of_earlier_versions(chain):
    """A setting more, or another name for one, and no folder of old is known again."""
    arguments = make(ends="input").bind(*chain).arguments
    hashes = [arguments.pop(name) for name in ("images", "parameters")]
    assert json.dumps(arguments) == (
        '{"objective": {"name": "latent-kl", "layers": ["z1", "z2"], "estimator": "closed-form"}, '
        '"optimiser": {"name": "LBFGSB", "memory": 25, "factr": 10.0, "gtol": 1e-05, '
        '"max_iterations": 20, "max_evaluations": 15000, "max_line_search": 20, '
        '"backend": "auto"}, "weights": [0.0, 0.1, 1000000.0], "ball": null, "noise": "frozen", '
        '"samples": 1, "seed": 0, "start": "auto", "zero_test": true, "limits": [0.0, 1.0], '
        '"batch": 4, "rows": null, "record_samples": 1, "threads": 1, "device": "cpu"}'
    )
    assert [len(each) for each in hashes] == [64, 64]
    both = make(restarts=2).bind(*chain).arguments
    assert {name: both[name] for name in both.keys() - {*arguments, "images", "parameters"}} == {
        "ends": "both",
        "restarts": 2,
    }


def test_other_images_and_weights_are_another_attack(chain, pairs, tmp_path):
    model, guide, x, _ = chain
    keep(make(), chain, tmp_path / "a")
    with pytest.raises(InputError, match=r"other arguments is here \(images\)"):
        keep(make(), (model, guide, x, pairs.images(3, 5)), tmp_path / "a")
    with torch.no_grad():
        guide.heads[0].bias += 1
    with pytest.raises(InputError, match=r"other arguments is here \(parameters\)"):
        keep(make(), chain, tmp_path / "a")


def test_layers_by_any_name_are_the_same_attack(chain, tmp_path):
    first = keep(make(objective=LatentKL("top")), chain, tmp_path / "a")
    again = keep(make(objective=LatentKL(["z2"])), chain, tmp_path / "a")
    pd.testing.assert_frame_equal(first.table, again.table)
    recorded = json.loads((tmp_path / "a" / "arguments.json").read_text())
    assert recorded["arguments"]["objective"]["layers"] == ["z2"]


def test_nothing_is_written_for_a_pair_that_cannot_be_attacked(chain, tmp_path):
    model, guide, x, target = chain
    for attack, pair, message in [
        (make(objective=LatentKL(["z9"])), chain, "no latent site 'z9': choose among z1, z2"),
        (make(), (model, guide, x, x), "the target equals the input"),
        (make(objective=Output()), (None, guide, x, target), "reads the model"),
    ]:
        with pytest.raises(InputError, match=message):
            keep(attack, pair, tmp_path / "a")
    assert not (tmp_path / "a").exists()


def test_a_folder_in_use_is_left_alone(chain, tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(InputError, match="expected an absent or empty folder for the attack"):
        keep(make(), chain, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_another_process_at_it_is_said_so(chain, tmp_path):
    keep(make(), chain, tmp_path / "a")
    with (
        locked(tmp_path / "a", "mine"),
        pytest.raises(InputError, match="another process is at this attack"),
    ):
        keep(make(), chain, tmp_path / "a")


@pytest.mark.parametrize("name", ["table.parquet", "images.safetensors", "arguments.json"])
def test_a_damaged_file_is_named(chain, tmp_path, name):
    keep(make(), chain, tmp_path / "a")
    path = tmp_path / "a" / name
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(InputError, match=rf"{name}: the file is "):
        keep(make(), chain, tmp_path / "a")


def test_a_guide_alone(chain, tmp_path):
    _, guide, x, target = chain
    found = keep(make(), (None, guide, x, target), tmp_path / "a")
    assert set(found.images) == {"adversarial", "distortion"}
    assert "l2_best_to_target" not in found.table
    assert found.table["target_nll"].isna().all()


def test_an_attack_without_targets_is_kept_and_resumed(chain, tmp_path, monkeypatch):
    model, guide, x, _ = chain
    attack = make(weights=[0.0], batch=2, ball=Ball("linf", 0.1))
    whole = keep(attack, (model, guide, x), tmp_path / "a")
    assert set(whole.pairs) == {"input", "input_reconstruction"}
    assert not {name for name in whole.table if name.endswith("_to_target")}
    with monkeypatch.context() as patch:
        patch.setattr(AttackRecords, "merge", lambda *args: None)
        patch.setattr(AttackRecords, "read", lambda self: None)
        keep(attack, (model, guide, x), tmp_path / "b")
    keep(attack, (model, guide, x), tmp_path / "b")
    assert content(tmp_path / "a") == content(tmp_path / "b")


def test_retired_problems_are_kept_and_named(chain, tmp_path):
    _, guide, x, target = chain

    def brittle(images):
        guide(images / (images.amax((1, 2, 3), keepdim=True) > 0))  # a black image breaks it

    x[1] = 0.0
    found = keep(make(), (None, brittle, x, target), tmp_path / "a")
    assert found.table["pair"][found.table["stop"] == "nan"].tolist() == [1, 1, 1]


@pytest.mark.parametrize("name", ["table.parquet", "images.safetensors", "pairs.safetensors"])
def test_a_changed_file_of_an_attack_is_refused(chain, tmp_path, name):
    keep(make(), chain, tmp_path / "a")
    path = tmp_path / "a" / name
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(InputError, match=rf"{name}: the file is absent or damaged: --force"):
        AttackRecords(tmp_path / "a").read()


def test_changed_arguments_are_refused(chain, tmp_path):
    keep(make(), chain, tmp_path / "a", about={"step": 3})
    path = tmp_path / "a" / "arguments.json"
    path.write_text(path.read_text().replace('"step": 3', '"step": 4'))
    with pytest.raises(InputError, match=r"arguments\.json: the file is damaged"):
        AttackRecords(tmp_path / "a").about()


def test_a_changed_part_of_an_attack_is_refused(chain, tmp_path, monkeypatch):
    folder = tmp_path / "a"
    with monkeypatch.context() as patch:
        patch.setattr(AttackRecords, "merge", lambda *args: None)
        patch.setattr(AttackRecords, "read", lambda self: None)
        keep(make(), chain, folder)
    path = folder / "groups" / "group-00000.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"group-00000\.safetensors: the file is absent or dam"):
        keep(make(), chain, folder)


def test_an_attack_of_a_newer_version_is_refused(chain, tmp_path):
    keep(make(), chain, tmp_path / "a")
    (tmp_path / "a" / "manifest.json").unlink()
    path = tmp_path / "a" / "arguments.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "format": 2}))
    with pytest.raises(InputError, match=r"arguments\.json: it has format 2, and this version"):
        keep(make(), chain, tmp_path / "a")
