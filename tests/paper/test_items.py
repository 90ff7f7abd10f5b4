"""What every item keeps to."""

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from PIL import Image

from pyro_seatbelt.errors import InputError
from pyro_seatbelt.paper import ITEMS, SCALES, items
from pyro_seatbelt.paper.items import chosen
from pyro_seatbelt.paper.scales import scale_named
from pyro_seatbelt.sweeps.job import merge_jobs

LAPTOP_NOTE = SCALES["laptop"].note

NEEDS_WEIGHTS = {"fig4", "traversals"}
"""What is drawn by running models: the end-to-end test does."""


@pytest.fixture(scope="module")
def jobs():
    """The jobs of every item at every scale."""
    scales = [*SCALES.values(), scale_named("paper", synthetic=True)]
    return {
        scale.name: {name: item.jobs(scale) for name, item in ITEMS.items()} for scale in scales
    }


@pytest.mark.parametrize("scale", ["smoke", "laptop", "workstation", "paper", "paper-synthetic"])
def test_jobs_are_there_and_can_be_merged(scale, jobs):
    for each in jobs[scale].values():
        assert each
        assert all(job.evaluation is not None for job in each)
    merged = merge_jobs([job for each in jobs[scale].values() for job in each])
    assert len(merged) < sum(map(len, jobs[scale].values())) / 2  # runs are shared


def test_a_laptop_can_make_all_of_them(jobs):
    merged = merge_jobs([job for each in jobs["laptop"].values() for job in each])
    assert len(merged) <= 34
    assert sum(job.config.steps for job in merged) <= 26_000
    assert all(job.config.ids * job.config.holdout >= 2 for job in merged)  # pairs need two
    sets = {job.config.dataset for job in merged}
    assert sets == {"synth-chairs", "synth-faces", "synth-dsprites"}


def test_the_published_protocol_is_that_of_the_paper(jobs):
    merged = merge_jobs([job for each in jobs["paper"].values() for job in each])
    assert {job.config.dataset for job in merged} == {"chairs", "faces3d", "celeba", "dsprites"}
    assert {job.config.beta for job in merged} == {0, 1, 2, 4, 6, 8, 10, 20}
    assert {job.config.layers for job in merged} == {1, 2, 3, 4, 5}
    attacks = {options for job in merged for options in job.attacks}
    assert {len(options.weights) for options in attacks} == {51}
    assert {options.pairs for options in attacks} == {10}
    drawn = [job for each in jobs["paper-synthetic"].values() for job in each]
    assert all(job.config.dataset.startswith("synth-") for job in drawn)


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("name", ITEMS)
def test_claims_hold_where_the_paper_is_right_and_nowhere_else(name, sign, world, planted_images):
    planted_images(sign)
    claims = ITEMS[name].check(world(ITEMS[name], sign))
    assert claims
    assert len({claim.claim for claim in claims}) == len(claims)
    for claim in claims:
        assert claim.item == name
        assert claim.source
        assert claim.text
        assert claim.note.endswith(LAPTOP_NOTE)
        if name == "traversals":
            assert claim.holds is None  # nothing decides it
            continue
        assert claim.holds is (sign > 0), claim
        numbers = [value for value in claim.measured.values() if isinstance(value, float)]
        assert any(math.isfinite(value) for value in numbers) or name == "mig"
        counts = {"models", "problems", "pairs", "cells"}
        assert counts & {word for key in claim.measured for word in key.split()}


@pytest.mark.parametrize("name", ITEMS)
def test_claims_are_unknown_where_nothing_was_run(name, world, planted_images):
    planted_images(1)
    claims = ITEMS[name].check(world(ITEMS[name], 0))
    assert claims
    assert all(claim.holds is None for claim in claims)


@pytest.mark.parametrize("name", ITEMS)
def test_what_is_trained_but_not_evaluated_is_unknown_and_left_out(name, world, monkeypatch):
    monkeypatch.setattr("pyro_seatbelt.paper.items.heart.heart_attack", lambda *_: None)
    results = world(ITEMS[name], 1, evaluated=False)
    assert len(results.runs)
    claims = ITEMS[name].check(results)
    assert claims
    assert all(claim.holds is None for claim in claims)
    assert all(not claim.measured.get("models") or name == "traversals" for claim in claims)
    if name not in NEEDS_WEIGHTS:
        for figure in ITEMS[name].draw(results).figures.values():
            figure.draw_without_rendering()


LATENT, OUTPUT = "\u0394 latent [nats]", "\u0394 output [nats]"
PANELS = {
    "fig1": [("synth-chairs", "VAE", "linear"), ("synth-faces", "", "linear")],
    "fig3": [
        ("(a) synth-chairs", "ELBO [nats per image]", "linear"),
        ("(b) synth-faces", "ELBO [nats per image]", "linear"),
    ],
    "fig5": [
        ("(a) synth-chairs", LATENT, "log"),
        ("(b) synth-faces", LATENT, "log"),
        ("(c) synth-chairs", OUTPUT, "linear"),
        ("(d) synth-faces", OUTPUT, "linear"),
    ],
    "fig6": [
        ("(a) \u03b2-TCDLGM, synth-chairs", "L", "linear"),
        ("(b) \u03b2-TCDLGM, synth-faces", "", "linear"),
        ("(c) Seatbelt-VAE, synth-chairs", "", "linear"),
        ("(d) Seatbelt-VAE, synth-faces", "", "linear"),
    ],
    "fig8": [("\u03b2 = 1", "\u03b2-TCVAE", "linear"), ("\u03b2 = 10", "", "linear")],
    "l2": [("(a) synth-chairs", "L2 to the target, latent attack", "linear")],
    "w2": [("synth-chairs", "\u0394 latent (W2)", "log")],
    "heart": [("synth-dsprites", "\u03b2-TCVAE\nL = 1, \u03b2 = 1", "linear")],
    "kl-collapse": [("\u03b2-TCDLGM, L = 2", "KL [nats per image]", "linear")],
    "small-noise": [("\u03b2-TCVAE", "log p(x | z*) [nats]", "linear")],
}
PANELS["fig7"] = PANELS["fig6"]


@pytest.mark.parametrize("name", [name for name in ITEMS if name not in NEEDS_WEIGHTS])
def test_figures_and_tables_are_drawn(name, world, planted_images):
    planted_images(1)
    drawn = ITEMS[name].draw(world(ITEMS[name], 1))
    assert all(len(table) for table in drawn.tables.values())
    if name in PANELS:
        [figure] = drawn.figures.values()
        axes = figure.axes[: len(PANELS[name])]
        looks = [(ax.get_title(), ax.get_ylabel(), ax.get_yscale()) for ax in axes]
        assert looks == PANELS[name]
    if name in {"fig3", "fig5", "l2", "w2", "kl-collapse"}:
        for ax in filter(Axes.get_visible, figure.axes):
            assert ax.get_xlabel() == "\u03b2"
            assert ax.lines
            assert ax.collections  # shading


@pytest.mark.parametrize("name", [name for name in ITEMS if name not in NEEDS_WEIGHTS])
def test_without_runs_figures_are_empty_and_no_error(name, world, planted_images):
    planted_images(1)
    drawn = ITEMS[name].draw(world(ITEMS[name], 0))
    for figure in drawn.figures.values():
        figure.draw_without_rendering()


def test_figures_and_tables_are_files(world, tmp_path):
    files = ITEMS["fig3"].draw(world(ITEMS["fig3"], 1)).write(tmp_path / "new" / "fig3")
    assert [file.name for file in files] == ["elbo.png", "elbo.csv", "elbo.md"]
    with Image.open(files[0]) as picture:
        assert np.asarray(picture.convert("L")).std() > 10
    table = pd.read_csv(files[1])
    rows = table[(table["model"] == "seatbelt") & (table["dataset"] == "synth-chairs")]
    assert rows["beta"].tolist() == [1, 4, 10]
    assert rows["mean"].tolist() == pytest.approx([-100, -100 - 5 * math.log10(4), -105])
    assert rows["num"].tolist() == [2, 2, 2]
    lines = files[2].read_text().splitlines()
    assert lines[0] == "| dataset | model | beta | mean | low | high | num |"
    assert len(lines) == len(table) + 2


def test_every_item_is_a_file_of_its_name():
    files = {path.stem for path in Path(str(items.__file__)).parent.glob("*.py")} - {"__init__"}
    assert {name.replace("-", "_") for name in ITEMS} == files


def test_items_are_found_by_name():
    assert list(chosen(["all"])) == list(ITEMS)
    assert list(chosen(["w2", "fig1", "fig1"])) == ["fig1", "w2"]
    for names in (["fig2"], [], ["fig3", "fig99"]):
        with pytest.raises(InputError, match=r"expected figures or tables out of fig1, .*; got"):
            chosen(names)


def test_scales_are_found_by_name():
    assert scale_named("laptop", synthetic=True) is SCALES["laptop"]
    with pytest.raises(
        InputError, match=r"expected a scale of smoke, laptop, .*published-laptop, got 'huge'"
    ):
        scale_named("huge")
