from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from pyro_seatbelt.report import report_runs
from pyro_seatbelt.report.attacks import attack_sections, labels
from pyro_seatbelt.report.byte_budget import ByteBudget
from pyro_seatbelt.report.comparable import comparable
from pyro_seatbelt.report.contents import attack_contents, read_contents
from pyro_seatbelt.report.run import run_section
from pyro_seatbelt.runs import AttackOptions, attack_run
from pyro_seatbelt.runs.records import AttackRecords

pytestmark = pytest.mark.usefixtures("workplace")


def test_the_rows_may_lie_in_any_order(run):
    [folder] = run.glob("attacks/latent-*")
    records = AttackRecords(folder)
    before = attack_sections([attack_contents(folder)], ByteBudget(10**7))
    found = records.read()
    order = np.random.default_rng(0).permutation(len(found.table))
    found.table.iloc[order].to_parquet(records.table, index=False)
    import safetensors.numpy

    shuffled = {name: np.ascontiguousarray(batch[order]) for name, batch in found.images.items()}
    records.images.write_bytes(safetensors.numpy.save(shuffled))
    assert attack_sections([attack_contents(folder)], ByteBudget(10**7)) == before


def test_what_has_no_bytes_is_left_out_with_a_note(run):
    contents = read_contents(run)
    wholes = attack_sections(contents.attacks, ByteBudget(10**7))
    assert [len(pair.problems) for pair in wholes[0].pairs] == [4, 4]
    size = wholes[0].pairs[0].sprite.num_bytes
    packed = attack_sections(contents.attacks, ByteBudget(2 * size))
    assert sum(len(each.pairs) for each in packed) >= 2
    for each, whole in zip(packed, wholes, strict=True):
        for pair, original in zip(each.pairs, whole.pairs, strict=False):
            assert pair.sprite.num_bytes < original.sprite.num_bytes
    nothing = attack_sections(contents.attacks, ByteBudget(10))
    assert [each.pairs for each in nothing] == [[], []]
    assert nothing[0].note.startswith("0 of 2 pairs can be looked at here")
    section = run_section(contents, ByteBudget(1000))
    notes = [note for each in section.galleries for note in each.notes]
    assert "noise.png is left out, to keep the page small." in notes


def test_attacks_of_one_kind_are_told_apart(run):
    contents = attack_contents(next(run.glob("attacks/latent-*")))
    other = replace(contents, folder=contents.folder.with_name("latent-all-0000beef"))
    first, second = labels([contents, other])
    assert first != second
    assert second.endswith(", 0000beef")
    assert labels([contents]) == ["Latent attack (KL) on z1 + z2"]


def test_an_attack_without_a_model_has_no_reconstructions(run):
    [folder] = run.glob("attacks/latent-*")
    records = AttackRecords(folder)
    found = records.read()
    gone = ["target_nll", "l2_target", "l2_clean"]
    distances = [name for name in found.table if name.endswith("_to_target")]
    found.table.assign(**dict.fromkeys(gone)).drop(columns=distances).to_parquet(records.table)
    [section] = attack_sections([attack_contents(folder)], ByteBudget(10**7))
    assert section.chart is None
    assert np.isnan(section.pairs[0].problems[0].l2_target)
    assert report_runs([run]).is_file()


def test_attacks_say_how_many_of_their_problems_failed(run):
    [folder] = run.glob("attacks/latent-*")
    table = pd.read_parquet(folder / "table.parquet")

    def facts(table):
        table.to_parquet(folder / "table.parquet")
        [section] = attack_sections([attack_contents(folder)], ByteBudget(10**7))
        return {fact.label: (fact.value, fact.note) for fact in section.facts}

    assert facts(table)["failed"] == (0, "")
    value, note = facts(table.assign(failed=[True, True] + [False] * (len(table) - 2)))["failed"]
    assert value == 2
    assert "above the objective at the input or at the target" in note
    assert "failed" not in facts(table.drop(columns="failed"))  # by version 0.1.0


def test_attacks_without_targets_are_shown_as_such_and_not_compared(run):
    options = AttackOptions(
        pairs=1, untargeted=True, budget=0.1, max_iterations=2, device="cpu", figures=False
    )
    [report] = attack_run(run, options)
    [section] = attack_sections([attack_contents(report.folder)], ByteBudget(10**7))
    assert section.label == "Latent attack (KL) on z1 + z2, without a target"
    assert section.note.startswith("There is no target: the input")
    assert section.chart is None
    assert section.summary.caption.endswith("a less robust model")
    assert section.summary.rows[0][0] == "distance from its own"
    facts = {fact.label: (fact.value, fact.note) for fact in section.facts}
    assert facts["budget"] == (pytest.approx(6.4), "largest L2 norm of the distortion")
    assert facts["optimiser"] == ("PGD", "at most 2 iterations")
    contents = read_contents(run)
    assert report.folder in {each.folder for each in contents.attacks}
    compared = comparable([contents], "latent-kl")
    assert report.folder not in {each.folder for each in compared.attacks}


def test_problems_that_were_given_up_are_shown_as_such(run):
    [folder] = run.glob("attacks/latent-*")
    table = pd.read_parquet(folder / "table.parquet")
    lost = table["pair"] == 0
    table.loc[lost, ["value", "distance"]] = np.nan
    table.assign(stop=np.where(lost, "nan", table["stop"])).to_parquet(folder / "table.parquet")
    html = report_runs([run]).read_text("utf-8")
    assert "given up: not finite" in html
    assert "4 given up" in html
