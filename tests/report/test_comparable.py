from dataclasses import replace

import pandas as pd
import pytest

from pyro_seatbelt.report.comparable import comparable
from pyro_seatbelt.report.comparison import compare
from pyro_seatbelt.report.contents import AttackContents, RunContents, read_contents

pytestmark = pytest.mark.usefixtures("workplace")


def latent_of(run: RunContents) -> AttackContents:
    return next(each for each in run.attacks if each.mode == "latent-kl")


def with_arguments(attack: AttackContents, **changes: object) -> AttackContents:
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
    run = read_contents(attacked)
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
    run = read_contents(attacked)
    first, second = (with_arguments(latent_of(run), seed=seed) for seed in (0, 1))
    for attacks in ([first, second], [second, first]):
        found = comparable([replace(run, attacks=attacks)], "latent-kl")
        assert found.attacks == [first]


def test_the_layers_of_an_attack_are_a_rule(attacked):
    def like(model, layers, sites):
        contents = read_contents(attacked)
        config = contents.config.model_copy(update={"model": model, "layers": layers})
        attacks = [replace(latent_of(contents), layers=sites)]
        return replace(contents, config=config, attacks=attacks)

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
    run = read_contents(attacked)
    own = replace(latent_of(run), source={"pictures": ["a.png", "b.png"]})
    others = with_arguments(own, images="another hash")
    runs = [replace(run, attacks=[each]) for each in (others, own, own)]
    found = comparable(runs, "latent-kl")
    assert [each is None for each in found.attacks] == [True, False, False]
    assert "of the pictures a.png and b.png" in found.note
