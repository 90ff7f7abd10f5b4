import pytest

from pyro_seatbelt.paper import ITEMS


def test_direction_and_size_are_decided_apart_and_by_intervals(world):
    results = world(ITEMS["fig5"], 1)
    attacks = results.attacks.copy()
    large = (attacks["mode"] == "output") & (attacks["beta"] == 10)
    for factors, ratio, direction, size in (
        ((1, 1), 1.3, True, True),
        ((0.82, 0.82), 1.066, True, False),
        ((0.80, 0.95), 1.13, True, None),
        ((0.70, 0.95), 1.07, None, None),
    ):
        changed = attacks.copy()
        changed.loc[large, "value"] *= changed.loc[large, "pair"].map(dict(enumerate(factors)))
        claims = {c.claim: c for c in ITEMS["fig5"].check(results._replace(attacks=changed))}
        assert claims["output-attack-chairs"].measured["ratio"] == pytest.approx(ratio, abs=0.01)
        assert claims["output-attack-chairs"].holds is direction
        assert claims["output-attack-size-chairs"].holds is size
