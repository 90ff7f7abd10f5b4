import math

import pytest

from pyro_seatbelt.paper import ITEMS


@pytest.mark.parametrize(("name", "column"), [("fig6", "target_nll"), ("fig7", "value")])
def test_cells_are_means_over_the_problems_of_a_model(name, column, world):
    results = world(ITEMS[name], 1)
    failed = (results.attacks["model"] == "seatbelt") & (results.attacks["pair"] == 1)
    attacks = results.attacks.assign(stop=results.attacks["stop"].mask(failed, "nan"))
    [table] = ITEMS[name].draw(results._replace(attacks=attacks)).tables.values()
    kept = attacks[attacks["stop"] != "nan"]
    place = ["dataset", "mode", "model", "layers", "beta"]
    expected = kept.groupby(place)[column].agg(["mean", "count"]).to_dict("index")
    assert len(table) == len(expected)
    for row in table.to_dict("records"):
        model = "beta-tcvae" if row["layers"] == 1 else row["model"]
        found = expected[row["dataset"], row["mode"], model, row["layers"], row["beta"]]
        assert row["mean"] == pytest.approx(found["mean"])
        assert row["num"] == found["count"] == (2 if model == "seatbelt" else 4)


def test_a_cell_without_runs_is_empty_and_decides_nothing(world):
    results = world(ITEMS["fig6"], 1)
    attacks = results.attacks[results.attacks["model"] != "beta-tcdlgm"]
    some = results._replace(attacks=attacks)
    table = ITEMS["fig6"].draw(some).tables["likelihoods"]
    chains = table[table["model"] == "beta-tcdlgm"]
    assert chains["mean"].isna().all()
    assert (chains["num"] == 0).all()
    for claim in ITEMS["fig6"].check(some):
        if "chain" in claim.claim:
            assert claim.holds is None
            assert claim.measured["cells"] == 0
            assert math.isnan(claim.measured["mean_tcdlgm"])
        else:
            assert claim.holds is True
