"""Averages and verdicts of planted objectives."""

import numpy as np
import pytest

from pyro_seatbelt.paper import ITEMS
from pyro_seatbelt.paper.items import why
from pyro_seatbelt.paper.mechanisms import VARIANTS

WHY = ITEMS["why"]


def verdicts(claims):
    return {claim.claim: claim.holds for claim in claims}


def test_a_way_that_makes_the_factor_is_told_from_one_that_does_not(
    world, planted_images, monkeypatch
):
    planted_images(-1)
    results = world(WHY, 1)
    read = why.read_table

    def with_a_mask(results, config, kind):
        table = read(results, config, kind)
        if config.model == "seatbelt":
            free = table["weight"] > 0
            table.loc[free, "fresh"] = 1e9
        return table

    monkeypatch.setattr(why, "read_table", with_a_mask)
    found = verdicts(WHY.check(results))
    assert found["why-c-fresh"] is True
    assert not any(found[f"why-c-{name.replace('_', '-')}"] for name in VARIANTS if name != "fresh")
    assert not any(found[f"why-a-{name.replace('_', '-')}"] for name in VARIANTS)


def test_the_three_averages_over_penalties(world, planted_images, monkeypatch):
    planted_images(1)
    results = world(WHY, 1)
    read = why.read_table

    def spread(results, config, kind):
        table = read(results, config, kind)
        flat = config.model == "beta-tcvae" and config.beta > 1
        values = [8.0, 2.0, 8.0, 2.0] if flat else [1.0, 1.0, 1.0, 1.0]
        return table.assign(value=values)

    monkeypatch.setattr(why, "read_table", spread)
    [claim] = [each for each in WHY.check(results) if each.claim == "why-a-value"]
    assert claim.measured["arithmetic mean"] == pytest.approx(5.0)
    assert claim.measured["geometric mean"] == pytest.approx(4.0)
    assert claim.measured["least penalty"] == pytest.approx(2.0)  # the least above 0
    table = WHY.draw(results).tables["factors"]
    assert len(table) == 2 * len(VARIANTS) * 3
    assert np.isfinite(table["ratio"]).all()
