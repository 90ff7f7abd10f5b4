import pytest

from pyro_seatbelt.paper import ITEMS


def verdicts(results):
    return {
        claim.claim.rsplit("-synth", 1)[0]: claim
        for claim in ITEMS["fig7"].check(results)
        if claim.claim.endswith("synth-chairs")
    }


def scaled(results, factors, **where):
    """The objective of some problems times a factor for each pair."""
    attacks = results.attacks.copy()
    chosen = attacks["mode"] == "latent"
    for column, value in where.items():
        chosen &= attacks[column] == value
    attacks.loc[chosen, "value"] *= attacks.loc[chosen, "pair"].map(dict(enumerate(factors)))
    return results._replace(attacks=attacks)


def test_chains_are_open_where_neither_their_own_beta_nor_depth_matter(world):
    results = world(ITEMS["fig7"], 1)
    found = verdicts(results)["chain-open"]
    assert found.holds is True
    assert found.measured["largest over least"] == pytest.approx(1)
    assert found.measured["models"] == 4
    # still below ten times the VAE, but no longer regardless of beta
    grown = scaled(results, [15, 15], model="beta-tcdlgm", beta=10.0)
    found = verdicts(grown)["chain-open"]
    assert found.measured["largest over vae"] < 10
    assert found.holds is False
    # the same everywhere, and everywhere much above the VAE
    assert verdicts(scaled(results, [50, 50], model="beta-tcdlgm"))["chain-open"].holds is False
    # pairs that do not agree
    torn = scaled(results, [5, 40], model="beta-tcdlgm", beta=10.0)
    assert verdicts(torn)["chain-open"].holds is None


def test_a_sum_over_layers_comes_with_an_area_that_is_none(world):
    results = world(ITEMS["fig7"], 1)
    found = verdicts(results)["chain-below-seatbelt"]
    assert "favours the claim" in found.note
    assert 0 < found.measured["AUDDC tcdlgm"] < found.measured["AUDDC seatbelt"] <= 1
    torn = scaled(results, [1, 1e-6], model="seatbelt", beta=1.0)
    torn = scaled(torn, [1, 1e3], model="beta-tcdlgm", beta=1.0)
    assert verdicts(torn)["chain-below-seatbelt"].holds is None


def test_growth_and_its_size_are_decided_by_intervals(world):
    results = world(ITEMS["fig7"], 1)
    corner = {"model": "seatbelt", "layers": 4, "beta": 10.0}
    torn = verdicts(scaled(results, [1e-10, 100], **corner))
    assert torn["seatbelt-growth"].holds is None
    assert torn["seatbelt-growth-size"].holds is None
    single = results._replace(attacks=results.attacks[results.attacks["pair"] == 0])
    assert all(claim.holds is None for claim in verdicts(single).values())
