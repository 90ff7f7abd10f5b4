import pytest

from pyro_seatbelt.paper import ITEMS


@pytest.mark.parametrize("name", ["fig8", "small-noise"])
@pytest.mark.parametrize("sign", [1, -1])
def test_a_level_alone_is_not_robustness(name, sign, world):
    """Clean images gain as much as noisy ones, or more: less is lost to noise nowhere."""
    results = world(ITEMS[name], sign)
    noisy = results.runs["noise.1"]
    changed = results._replace(runs=results.runs.assign(**{"noise.0": 2 * noisy + 1000}))
    for claim in ITEMS[name].check(changed):
        assert claim.measured["gain"] != 0
        assert claim.holds is None
        assert "disagree" in claim.note


def test_models_are_counted(world):
    results = world(ITEMS["fig8"], 1)
    runs = results.runs[results.runs["beta"] > 1]
    for claim in ITEMS["fig8"].check(results._replace(runs=runs)):
        assert claim.measured["models"] == 1
        assert claim.holds is None
