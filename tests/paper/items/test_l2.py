"""Distances to the target are not those that blurred reconstructions have anyway."""

import numpy as np
import pytest

from pyro_seatbelt.paper import ITEMS


def blurred(results, change):
    """The same attacks on models whose own reconstructions take up all that beta adds."""
    attacks = results.attacks
    excess = 1 + change * np.log10(attacks["beta"].astype(float)) * (
        1 + (attacks["model"] == "seatbelt")
    )
    return results._replace(attacks=attacks.assign(l2_best_to_target=attacks["l2_target"] - excess))


@pytest.mark.parametrize("name", ["l2", "w2"])
def test_what_beta_blurs_is_no_protection(name, world):
    results = world(ITEMS[name], 1)
    for change, verdict in ((-0.1, False), (0.0, None), (0.1, True)):
        for claim in ITEMS[name].check(blurred(results, change)):
            if "models" not in claim.claim:
                assert claim.measured["l2_ratio"] > 1.1  # the raw distance grows with beta
            assert claim.holds in {verdict, bool(verdict)}, claim
            assert "excess" in claim.note


def test_likelihoods_come_with_what_may_confound_them(world):
    for claim in ITEMS["fig6"].check(blurred(world(ITEMS["fig6"], 1), 0.1)):
        assert "reconstructs the target itself worse" in claim.note
        if "own l2 vae" in claim.measured:
            assert claim.measured["own l2 seatbelt"] > claim.measured["own l2 vae"] + 1
            assert claim.measured["l2 excess seatbelt"] == pytest.approx(1.2)
