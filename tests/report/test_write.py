import json
import shutil
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from pyro_seatbelt.attacks import geometric_weights
from pyro_seatbelt.errors import InputError
from pyro_seatbelt.evaluation.attack_summary import shown
from pyro_seatbelt.report import Advice, Comparison, Interval
from pyro_seatbelt.report import write as reports
from pyro_seatbelt.report.pages.attacks import attack_sections, labels
from pyro_seatbelt.report.pages.comparison import compare
from pyro_seatbelt.report.pages.known import KnownAttack, KnownRun, read_attack, read_known
from pyro_seatbelt.report.pages.protocol import comparable
from pyro_seatbelt.report.pages.room import Room
from pyro_seatbelt.report.pages.run import run_section
from pyro_seatbelt.report.pages.sweep import read_claims
from pyro_seatbelt.report.write import report_runs
from pyro_seatbelt.runs import AttackOptions, attack_run
from pyro_seatbelt.runs.evaluation import Evaluation, NoiseLevel
from pyro_seatbelt.runs.records import AttackRecords

pytestmark = pytest.mark.usefixtures("workplace")


SMALL = AttackOptions(
    modes=("latent", "output"),
    pairs=2,
    weights=geometric_weights(3),
    max_iterations=3,
    device="cpu",
    processes=1,
)
EVALUATION = Evaluation(
    step=4,
    seed=0,
    num_images=4,
    num_aggregate=4,
    versions={},
    fingerprint="f" * 64,
    elbo=-1234.5,
    iwae=-1230.25,
    iwae_samples=64,
    log_likelihood=-1200.0,
    kl={"z1": 3.0, "z2": 2.0},
    mutual_information=0.5,
    total_correlation=0.25,
    dimension_wise_kl=1.25,
    active_units={"z1": 2, "z2": 1},
    mse=0.0321,
    ms_ssim=0.876,
    l2=3.5,
    weight_norm={"encoder": 11.0, "decoder": 12.0},
    noise=[
        NoiseLevel(scale=scale, log_likelihood=-1200 - scale, std=9.0, quantiles=[-9, 0, 1, 2, 3])
        for scale in (0.0, 0.5)
    ],
    disentanglement={"mig": 0.125, "sap": 0.0625},
    mig={"z1": 0.25, "z2": 0.125},
)  # fmt: skip


@pytest.fixture(scope="module")
def attacked(attackable, tmp_path_factory):
    """A run with everything in it, shared by all tests: look at copies of it."""
    run = shutil.copytree(attackable, tmp_path_factory.mktemp("attacked") / "run")
    with pytest.MonkeyPatch.context() as patch:
        name = "pyro_seatbelt.runs.attack_report.save_figure"
        patch.setattr(name, lambda figure, path: path.write_bytes(b""))
        attack_run(run, SMALL)
    figures = run / "evaluation" / "figures"
    figures.mkdir(parents=True)
    (run / "evaluation" / "evaluation.json").write_text(EVALUATION.model_dump_json())
    picture = Image.effect_noise((300, 200), 50)
    for name in ("prior.png", "noise.png", "traversals-z1.png", "traversals-z10.png"):
        picture.save(figures / name)
    picture.save(figures / "traversals-z2.png")
    picture.save(figures / "traversals-z2.gif", save_all=True, append_images=[picture.rotate(90)])
    return run


@pytest.fixture
def run(attacked, tmp_path):
    return shutil.copytree(attacked, tmp_path / "run")


def words(file: Path) -> str:
    class Words(HTMLParser):
        text = ""

        def handle_data(self, data):
            if self.lasttag not in {"script", "style"}:
                self.text += f" {data}"

    reader = Words()
    reader.feed(file.read_text("utf-8"))
    return " ".join(reader.text.split())


def test_a_run_is_one_file_with_all_of_it(run):
    file = report_runs([run])
    assert file == run / "report.html"
    text = words(file)
    for each in (
        "Seatbelt-VAE on folder",
        "2 latent layers of 2 dimensions and \u03b2 = 6",
        "real images",
        "\u22121234",
        "0.03210",
        "Traversals",
        "One dimension of z2 a row",
        "Animation",
        "mutual information gap (MIG)",
        "Latent attack (KL) on z1 + z2",
        "Output attack",
        "AUDDC",
        "Where the KL goes",
    ):
        assert each in text, each
    assert str(run.parent) not in file.read_text("utf-8").replace(f"seatbelt attack {run}", "")
    assert not list(run.glob(".*"))


def test_no_model_is_loaded(run, monkeypatch):
    shutil.rmtree(run / "checkpoints")
    assert report_runs([run]).is_file()


def test_sections_say_what_the_files_say(run):
    section = run_section(read_known(run), Room(10**7))
    latent, output = section.attacks
    assert (latent.label, output.label) == ("Latent attack (KL) on z1 + z2", "Output attack")
    [folder] = run.glob("attacks/latent-*")
    found = AttackRecords(folder).read()
    chosen = shown(found.table)
    assert len(latent.pairs) == 2
    for number, pair in enumerate(latent.pairs):
        rows = found.table[found.table["pair"] == number].sort_values("weight")
        assert [each.weight for each in pair.problems] == list(geometric_weights(3))
        assert [each.norm for each in pair.problems] == rows["norm"].tolist()
        assert pair.problems[pair.shown].value == found.table["value"][chosen[number]]
        assert pair.sprite.num <= 3 + 3 * len(pair.problems)
    titles = [picture.title for each in section.galleries for picture in each.pictures]
    assert titles == [
        "Held-out images and their reconstructions",
        "Images that the model makes up",
        *(f"One dimension of z{layer} a row" for layer in (1, 2, 10)),
        "What Gaussian noise on the input does",
    ]
    assert next(chart.title for chart in section.charts) == "Objective and ELBO"
    settings = [each for group in section.settings for each in group.settings]
    chosen_ones = {each.name: each.value for each in settings if each.chosen}
    assert chosen_ones["latent dim"] == "2"
    assert chosen_ones["data dir"] == "pictures"  # not where they lie
    assert "beta" not in chosen_ones


def test_the_rows_may_lie_in_any_order(run):
    [folder] = run.glob("attacks/latent-*")
    records = AttackRecords(folder)
    before = attack_sections([read_attack(folder)], Room(10**7))
    found = records.read()
    order = np.random.default_rng(0).permutation(len(found.table))
    found.table.iloc[order].to_parquet(records.table, index=False)
    import safetensors.numpy

    shuffled = {name: np.ascontiguousarray(batch[order]) for name, batch in found.images.items()}
    records.images.write_bytes(safetensors.numpy.save(shuffled))
    assert attack_sections([read_attack(folder)], Room(10**7)) == before


def test_a_bare_run_says_what_makes_the_rest(attackable, tmp_path):
    run = shutil.copytree(attackable, tmp_path / "run")
    text = words(report_runs([run]))
    assert f"The run has not been attacked: seatbelt attack {run}" in text
    assert f"seatbelt evaluate {run}" in text
    assert "From 4 held-out images, at step 4 of training." in text
    (run / "metrics.jsonl").unlink()
    shutil.rmtree(run / "figures")
    text = words(report_runs([run]))
    assert "The run has not been evaluated:" in text
    assert "There are no metrics yet." in text
    assert "There are no figures yet" in text


def truncate(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def empty_table(path):
    pd.read_parquet(path).iloc[:0].to_parquet(path)


def words_for_numbers(path):
    pd.read_parquet(path).assign(norm="much").to_parquet(path)


def no_such_pair(path):
    table = pd.read_parquet(path)
    table.assign(pair=table["pair"] + 7).to_parquet(path)


def fewer_rows(path):
    pd.read_parquet(path).iloc[1:].to_parquet(path)


def no_curve(path):
    pd.read_parquet(path).drop(columns="l2_clean_to_target").to_parquet(path)


DAMAGE = {
    "half a table": ("attacks/latent-*/table.parquet", truncate, "absent or damaged"),
    "half the images": ("attacks/latent-*/images.safetensors", truncate, "absent or damaged"),
    "no pairs": ("attacks/latent-*/pairs.safetensors", Path.unlink, "absent or damaged"),
    "an empty table": ("attacks/latent-*/table.parquet", empty_table, "its table is empty"),
    "words": ("attacks/latent-*/table.parquet", words_for_numbers, "no numbers in norm"),
    "a pair that is not there": ("attacks/latent-*/table.parquet", no_such_pair, "not those of"),
    "too few rows": ("attacks/latent-*/table.parquet", fewer_rows, "not those of its table"),
    "half a curve": ("attacks/latent-*/table.parquet", no_curve, "no numbers in l2_clean_to"),
    "no table yet": ("attacks/latent-*/table.parquet", Path.unlink, "it is not finished"),
}


@pytest.mark.parametrize("case", DAMAGE)
def test_a_damaged_attack_is_a_note(case, run):
    pattern, harm, message = DAMAGE[case]
    [path] = run.glob(pattern)
    harm(path)
    text = words(report_runs([run]))
    [place] = run.glob("attacks/latent-*")
    assert "An attack cannot be read:" in text
    assert message in text
    assert place.name in text
    assert str(run) not in text.replace(f"seatbelt evaluate {run}", "")
    assert "Output attack" in text
    assert "Latent attack (KL)" not in text


def test_other_damaged_parts_are_notes(run):
    (run / "metrics.jsonl").write_text('{"step": 1}\n')
    (run / "evaluation" / "evaluation.json").write_text("{")
    truncate(run / "evaluation" / "figures" / "prior.png")
    [attack] = run.glob("attacks/output-*")
    (attack / "arguments.json").write_text("[]")
    text = words(report_runs([run]))
    assert "The metrics cannot be read: metrics.jsonl: line 1 is no record" in text
    assert "The evaluation cannot be read: evaluation/evaluation.json" in text
    assert "prior.png: the picture cannot be read" in text
    assert "Output attack" in text


def test_a_picture_that_is_far_too_large_is_a_note(run, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    assert "prior.png: the picture cannot be read" in words(report_runs([run]))


def test_numbers_that_are_none_are_left_out(run):
    lines = [
        {"step": 1, "kind": "train", "elbo": "<b>", "kl": {"z1": None, "z2": [1]}},
        {"step": 2, "kind": "heldout", "elbo": None, "kl": 3, "active_units": "many"},
        {"step": 10**400, "kind": "train", "elbo": 1.0},
        {"step": 3, "kind": "train", "elbo": 10**400},
    ]
    (run / "metrics.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    shutil.rmtree(run / "evaluation")
    assert "There are no metrics yet." in words(report_runs([run]))


def test_hostile_names_stay_words(run, tmp_path):
    config = json.loads((run / "config.json").read_text())
    hostile = "</script><script>alert(1)</script>"
    (run / "config.json").write_text(json.dumps(config | {"dataset": hostile}))
    record = json.loads((run / "run.json").read_text())
    record |= {"versions": {hostile: hostile}, "provenance": {hostile: hostile, "big": 10**400}}
    record["started"] = "2026-01-01T00:00:00"  # of no time zone, unlike the end
    (run / "run.json").write_text(json.dumps(record))
    [folder] = run.glob("attacks/latent-*")
    table = pd.read_parquet(folder / "table.parquet")
    table.assign(mode=hostile, input_image=hostile).to_parquet(folder / "table.parquet")
    html = report_runs([run], title=hostile).read_text("utf-8")
    assert html.count("<script>") == 1
    assert "<script>alert" not in html
    assert "&lt;script&gt;alert" in html


def test_several_runs_are_compared(run, attackable, tmp_path):
    other = shutil.copytree(attackable, tmp_path / "other")
    file = report_runs([run, other, run], out=tmp_path / "both.html")
    text = words(file)
    assert "2 runs" in text
    for each in ("Comparison", "\u0394 latent", "\u0394 output", "MS-SSIM", "other"):
        assert each in text
    assert report_runs([run, other]) == tmp_path / "report.html"


def train_on(run: Path, step: int) -> None:
    """As if it had a newer checkpoint, and what training writes down of it."""
    (run / "checkpoints" / f"step-{step:08d}").mkdir()
    line = {"step": step, "kind": "heldout", "elbo": -777.0, "total_correlation": 55.5}
    with (run / "metrics.jsonl").open("a") as metrics:
        metrics.write(json.dumps(line) + "\n")


def test_an_evaluation_of_an_earlier_step_is_left_out(run):
    train_on(run, 8)
    text = words(report_runs([run]))
    assert (
        "The evaluation is of step 4, the run is at step 8: it is left out until "
        f"`seatbelt evaluate {run}` makes it again." in text
    )
    assert "held-out ELBO \u2212777" in text
    assert "at step 8 of training" in text
    assert "made at step 4 the run is at step 8" in text
    for each in ("\u22121234", "0.03210", "mutual information gap", "Traversals"):
        assert each not in text, each
    [reconstructions] = run_section(read_known(run), Room(10**7)).galleries
    assert reconstructions.title == "Reconstructions"


def test_a_run_that_lost_its_checkpoints_is_at_its_end(run):
    shutil.rmtree(run / "checkpoints")
    assert read_known(run).evaluation is not None
    (run / "checkpoints").mkdir()
    train_on(run, 8)
    shutil.rmtree(run / "checkpoints")
    assert read_known(run).outdated == 4
    record = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps(record | {"status": "failed"}))
    known = read_known(run)
    assert (known.newest, known.outdated) == (None, None)
    assert known.evaluation == EVALUATION


def compared(*runs: Path) -> tuple[Comparison, dict[str, list]]:
    found = compare([read_known(run) for run in runs])
    labels = [column.label for column in found.columns]
    cells = list(zip(*(row[1:] for row in found.rows), strict=True))
    return found, {name: list(each) for name, each in zip(labels, cells, strict=True)}


def test_the_comparison_has_no_numbers_of_earlier_steps(run, attackable, tmp_path):
    other = shutil.copytree(attackable, tmp_path / "other")
    _, cells = compared(run, other)
    assert cells["ELBO"][0] == -1234.5
    assert cells["TC"][0] == 0.25
    assert cells["TC"][1] is None  # that of training is of another aggregate
    train_on(run, 8)
    found, cells = compared(run, other)
    assert cells["ELBO"][0] == -777.0
    assert not {"TC", "MSE", "\u0394 latent"} & set(cells)
    assert "Not evaluated since they were trained on: run." in found.note
    assert "2 attacks are left out here" in found.note


def latent_of(run: KnownRun) -> KnownAttack:
    return next(each for each in run.attacks if each.mode == "latent-kl")


def with_arguments(attack: KnownAttack, **changes: object) -> KnownAttack:
    return replace(attack, arguments={**attack.arguments, **changes})


OTHERWISE = {
    "penalties": lambda one: replace(one, table=one.table[one.table["weight"] > 0]),
    "pairs": lambda one: replace(one, table=one.table[one.table["pair"] == 0]),
    "layers": lambda one: replace(one, layers="z2"),
    "iterations": lambda one: with_arguments(one, optimiser={"max_iterations": 4}),
    "noise": lambda one: with_arguments(one, noise="mean"),
    "estimator": lambda one: with_arguments(one, objective={"estimator": "another"}),
    "pictures": lambda one: replace(one, source={"pictures": ["a.png", "b.png"]}),
    "step": lambda one: replace(one, step=2),
    "no step": lambda one: replace(one, step=None),
}


@pytest.mark.parametrize("case", OTHERWISE)
def test_attacks_made_in_another_way_are_not_compared(case, attacked):
    run = read_known(attacked)
    usual = latent_of(run)
    larger = pd.concat([usual.table, usual.table])  # more rows do not make it the chosen one
    other = OTHERWISE[case](replace(usual, table=larger))
    runs = [run, run, replace(run, attacks=[other]), replace(run, attacks=[other, usual])]
    found = comparable(runs, "latent-kl")
    assert [None if each is None else id(each) for each in found.attacks] == [
        *(id(latent_of(each)) for each in runs[:2]), None, id(usual)
    ]  # fmt: skip
    page = compare(runs)
    [place] = [n for n, each in enumerate(page.columns, 1) if each.label == "\u0394 latent"]
    assert [row[place] is None for row in page.rows] == [False, False, True, False]
    assert page.columns[place - 1].note.endswith(
        "attacks on the layers that the paper attacks, of 2 pairs of held-out images, with "
        "4 penalties \u03bb from 0 to 1\u202f048\u202f576, at most 3 iterations each"
    )
    assert page.note.endswith(
        "2 attacks are left out here, made on an earlier checkpoint or in another way than most."
    )


def test_the_seed_decides_between_attacks_of_one_kind(attacked):
    run = read_known(attacked)
    first, second = (with_arguments(latent_of(run), seed=seed) for seed in (0, 1))
    for attacks in ([first, second], [second, first]):
        found = comparable([replace(run, attacks=attacks)], "latent-kl")
        assert found.attacks == [first]


def test_the_layers_of_an_attack_are_a_rule(attacked):
    def like(model, layers, sites):
        known = read_known(attacked)
        config = known.config.model_copy(update={"model": model, "layers": layers})
        return replace(known, config=config, attacks=[replace(latent_of(known), layers=sites)])

    def rule(*runs):
        return comparable(runs, "latent-kl").note.partition(",")[0]

    shallow = like("vae", None, "z1")
    deep = {sites: like("seatbelt", 3, sites) for sites in ("z1+z2+z3", "z1", "z3", "z2")}
    assert rule(shallow, deep["z1+z2+z3"]) == "on the layers that the paper attacks"
    assert rule(like("dlgm", 3, "z1"), shallow) == "on the layers that the paper attacks"
    assert rule(shallow, deep["z3"], like("dlgm", 2, "z2")) == "on the top layer"
    assert rule(deep["z1"], like("dlgm", 2, "z1")) == "on the base layer"
    assert rule(deep["z2"], deep["z2"]) == "on z2"
    assert rule(deep["z2"], deep["z3"], shallow) == "on the top layer"
    assert comparable([deep["z2"]], "output") is None


def test_pictures_of_ones_own_are_compared_among_themselves(attacked):
    run = read_known(attacked)
    own = replace(latent_of(run), source={"pictures": ["a.png", "b.png"]})
    others = with_arguments(own, images="another hash")
    runs = [replace(run, attacks=[each]) for each in (others, own, own)]
    found = comparable(runs, "latent-kl")
    assert [each is None for each in found.attacks] == [True, False, False]
    assert "of the pictures a.png and b.png" in found.note


@pytest.fixture
def sweep(run, attackable, tmp_path):
    sweep = tmp_path / "sweep"
    shutil.copytree(run, sweep / "runs" / "a")
    shutil.copytree(attackable, sweep / "runs" / "b")
    for name in ("fig5", "tables", "failures"):
        (sweep / name).mkdir()
        Image.new("L", (90, 60)).save(sweep / name / "latent-attack.png")
    (sweep / "failures" / "c.json").write_text("{}")
    claims = [
        {"claim": "one", "item": "fig5", "text": "It is higher.", "source": "Section 5", "paper": 9,
         "measured": {"ratio": 812.5, "told": True, "dataset": "teapots"}, "holds": True,
         "note": "A note."},
        {"text": "It is lower.", "holds": "perhaps", "measured": None},
    ]  # fmt: skip
    (sweep / "fig5" / "claims.json").write_text(json.dumps(claims))
    return sweep


def test_a_sweep_has_claims_figures_and_runs(sweep):
    file = report_runs([sweep])
    assert file == sweep / "report.html"
    text = words(file)
    for each in (
        "It is higher.",
        "\u2713 yes",
        "? undecided",
        "812.5",
        "on teapots",
        "A note.",
        "1 job failed: c",
    ):
        assert each in text
    assert text.count("latent attack") == 1  # of fig5, not of the tables


def test_a_sweep_with_damage_is_shown_without_it(sweep):
    (sweep / "claims.json").write_text("{")
    (sweep / "runs" / "b" / "run.json").write_text("{")
    text = words(report_runs([sweep]))
    assert "claims.json cannot be read: it is no list of claims." in text
    assert "A run cannot be read: runs/b/run.json: the file is damaged" in text
    assert "It is higher." in text
    (sweep / "runs" / "a" / "config.json").write_text("{")
    with pytest.raises(InputError, match="none of its runs can be read: A run"):
        report_runs([sweep])


def test_claims_of_one_text_are_told_apart_by_their_names(tmp_path):
    def claim(name, dataset, **more):
        return {"item": "fig8", "text": "It is higher.", "source": "Section 5", "claim": name,
                "measured": {"noise": 0.5, "dataset": dataset}, **more}  # fmt: skip

    claims = [claim("a-chairs", "chairs"), claim("a-faces", "faces"), claim("", "")]
    claims += [claim(None, None, source="Figure 8")]
    (tmp_path / "fig8").mkdir()
    for folder in (tmp_path, tmp_path / "fig8"):
        (folder / "claims.json").write_text(json.dumps(claims))
    found, notes = read_claims(tmp_path)
    assert notes == []
    assert [each.dataset for each in found] == ["chairs", "faces", "", ""]
    assert [each.source for each in found[2:]] == ["Section 5", "Figure 8"]
    assert all(each.measured == [("noise", 0.5)] for each in found)


def test_what_was_measured_reads_well(tmp_path):
    measured = {
        "beta_low": 1.0, "beta_high": 10.0, "ratio": 0.25, "ratio_high": 0.5, "ratio_low": 0.125,
        "drop_low": 9.0, "drop": 1.0, "drop_high": 2.0, "told": "yes", "told_low": 1,
        "absent": None, "nan": float("nan"),
    }  # fmt: skip
    claim = {"text": "It is higher.", "measured": measured}
    (tmp_path / "claims.json").write_text(json.dumps([claim]))
    [[found], _] = read_claims(tmp_path)
    assert found.measured == [
        ("beta low", 1.0), ("beta high", 10.0), ("ratio", Interval(0.25, 0.125, 0.5)),
        ("drop low", 9.0), ("drop", 1.0), ("drop high", 2.0), ("told", "yes"), ("told low", 1),
    ]  # fmt: skip


@pytest.mark.parametrize("content", ["3", "{}", '["a"]', '[{"item": "x"}]', "[" * 100_000, "\xff"])
def test_what_is_no_list_of_claims_is_a_note(content, tmp_path):
    (tmp_path / "claims.json").write_text(content, "latin-1")
    claims, notes = read_claims(tmp_path)
    assert claims == []
    assert len(notes) == (content != "{}")


def test_many_runs_share_the_room(run, tmp_path, monkeypatch):
    monkeypatch.setattr(reports, "page_room", lambda num_runs: Room(150_000))
    copies = [shutil.copytree(run, tmp_path / f"copy-{number}") for number in range(4)]
    large = report_runs(copies[:1], tmp_path / "one.html").stat().st_size
    small = report_runs(copies, tmp_path / "four.html").stat().st_size
    besides = 4 * 60_000
    assert small < 150_000 * 4 / 3 + besides
    assert large > 100_000


def test_what_has_no_room_is_left_out_with_a_note(run):
    known = read_known(run)
    [whole, _] = attack_sections(known.attacks, Room(10**7))
    assert [len(pair.problems) for pair in whole.pairs] == [4, 4]
    size = whole.pairs[0].sprite.num_bytes
    packed = attack_sections(known.attacks, Room(2 * size))
    assert sum(len(each.pairs) for each in packed) >= 2
    assert max(pair.sprite.num_bytes for each in packed for pair in each.pairs) < size
    nothing = attack_sections(known.attacks, Room(10))
    assert [each.pairs for each in nothing] == [[], []]
    assert nothing[0].note.startswith("0 of 2 pairs can be looked at here")
    section = run_section(known, Room(1000))
    notes = [note for each in section.galleries for note in each.notes]
    assert "noise.png is left out, to keep the page small." in notes


def test_attacks_of_one_kind_are_told_apart(run):
    known = read_attack(next(run.glob("attacks/latent-*")))
    other = replace(known, folder=known.folder.with_name("latent-all-0000beef"))
    first, second = labels([known, other])
    assert first != second
    assert second.endswith(", 0000beef")
    assert labels([known]) == ["Latent attack (KL) on z1 + z2"]


def test_an_attack_without_a_model_has_no_reconstructions(run):
    [folder] = run.glob("attacks/latent-*")
    records = AttackRecords(folder)
    found = records.read()
    gone = ["target_nll", "l2_target", "l2_clean"]
    distances = [name for name in found.table if name.endswith("_to_target")]
    found.table.assign(**dict.fromkeys(gone)).drop(columns=distances).to_parquet(records.table)
    [section] = attack_sections([read_attack(folder)], Room(10**7))
    assert section.chart is None
    assert np.isnan(section.pairs[0].problems[0].l2_target)
    assert report_runs([run]).is_file()


def test_problems_that_were_given_up_are_shown_as_such(run):
    [folder] = run.glob("attacks/latent-*")
    table = pd.read_parquet(folder / "table.parquet")
    lost = table["pair"] == 0
    table.loc[lost, ["value", "distance"]] = np.nan
    table.assign(stop=np.where(lost, "nan", table["stop"])).to_parquet(folder / "table.parquet")
    html = report_runs([run]).read_text("utf-8")
    assert "given up: not finite" in html
    assert "4 given up" in html


def test_an_unfinished_run_says_how_it_stands(run):
    record = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps(record | {"status": "failed", "error": "no memory"}))
    text = words(report_runs([run]))
    assert "status failed no memory" in text


@pytest.mark.parametrize("name", ["report.png", "report", "folder.html"])
def test_the_file_is_called_html(name, run, tmp_path):
    (tmp_path / "folder.html").mkdir()
    with pytest.raises(InputError, match=r"expected the name of a file that ends in \.html"):
        report_runs([run], tmp_path / name)


def test_what_is_no_run_is_an_error(run, tmp_path):
    with pytest.raises(InputError, match="expected the folder of a run"):
        report_runs([tmp_path / "absent"])
    (tmp_path / "sweep" / "runs").mkdir(parents=True)
    with pytest.raises(InputError, match="no run here yet"):
        report_runs([tmp_path / "sweep"])
    with pytest.raises(InputError, match="expected one sweep alone or runs, got 2 folders"):
        report_runs([tmp_path / "sweep", run])
    with pytest.raises(InputError, match="cannot write: No such file or directory"):
        report_runs([run], tmp_path / "absent" / "a.html")
    (run / "run.json").write_text("{")
    with pytest.raises(InputError, match=r"run\.json: the file is damaged"):
        report_runs([run])


def test_advice_is_a_type_of_its_own(attackable):
    section = run_section(read_known(attackable), Room(10**6))
    assert isinstance(section.attacks, Advice)
