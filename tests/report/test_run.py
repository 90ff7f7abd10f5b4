import json
import shutil

import pytest

from pyro_seatbelt.attacks import geometric_weights
from pyro_seatbelt.evaluation.attack_summary import shown_rows
from pyro_seatbelt.report import report_runs
from pyro_seatbelt.report.byte_budget import ByteBudget
from pyro_seatbelt.report.charts import Breakdown
from pyro_seatbelt.report.contents import read_contents
from pyro_seatbelt.report.evaluation import evaluation_section
from pyro_seatbelt.report.parts import Advice
from pyro_seatbelt.report.run import run_section
from pyro_seatbelt.runs.records import AttackRecords

pytestmark = pytest.mark.usefixtures("workplace")


def test_sections_say_what_the_files_say(run):
    section = run_section(read_contents(run), ByteBudget(10**7))
    latent, output = section.attacks
    assert (latent.label, output.label) == ("Latent attack (KL) on z1 + z2", "Output attack")
    [folder] = run.glob("attacks/latent-*")
    found = AttackRecords(folder).read()
    chosen = shown_rows(found.table)
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
        *(f"One dimension of z{layer} per row" for layer in (1, 2, 10)),
        "What Gaussian noise on the input does",
    ]
    assert next(chart.title for chart in section.charts) == "Objective and ELBO"
    settings = [each for group in section.settings for each in group.settings]
    chosen_ones = {each.name: each.value for each in settings if each.chosen}
    assert chosen_ones["latent dim"] == "2"
    assert chosen_ones["data dir"] == "pictures"  # not where they lie
    assert "beta" not in chosen_ones


def test_a_bare_run_says_what_makes_the_rest(attackable, tmp_path, words):
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


def test_an_unfinished_run_says_how_it_stands(run, words):
    record = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps(record | {"status": "failed", "error": "no memory"}))
    text = words(report_runs([run]))
    assert "status failed no memory" in text


def test_the_parts_of_the_kl_say_which_images_they_are_of(run):
    def note_of(**changes):
        numbers = run / "evaluation" / "evaluation.json"
        content = json.loads(numbers.read_text()) | changes
        numbers.write_text(json.dumps({k: v for k, v in content.items() if v is not None}))
        section = evaluation_section(read_contents(run))
        [breakdown] = [each for each in section.charts if isinstance(each, Breakdown)]
        return breakdown.note

    assert note_of(mutual_information=0.25) == (
        "The parts of the top layer add up to its KL, with the exact aggregate posterior of "
        "these images."
    )
    assert "near log 4 = 1.39, the most that 4 images can show" in note_of(mutual_information=1.3)
    earlier = note_of(parts_of=None, num_aggregate=1000)
    assert earlier.endswith("and do not add up to its KL on held-out ones.")


def test_advice_is_a_type_of_its_own(attackable):
    section = run_section(read_contents(attackable), ByteBudget(10**6))
    assert isinstance(section.attacks, Advice)
