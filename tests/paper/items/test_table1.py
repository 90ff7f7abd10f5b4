import pytest

from pyro_seatbelt.paper import ITEMS


@pytest.mark.parametrize("name", ["table1", "mig"])
def test_models_are_those_that_are_there(name, world):
    results = world(ITEMS[name], 1)
    counts = {claim.claim: claim.measured["models"] for claim in ITEMS[name].check(results)}
    assert {count for claim, count in counts.items() if "less" in claim} <= {4}
    assert {count for claim, count in counts.items() if "less" not in claim} == {2}
    fewer = results._replace(runs=results.runs[results.runs["beta"] > 1])
    fewer = {claim.claim: claim for claim in ITEMS[name].check(fewer)}
    assert all(claim.holds is None for claim in fewer.values())
    assert all(each.measured["models"] == counts[claim] / 2 for claim, each in fewer.items())
