import pytest

from pyro_seatbelt.plots.resistance import QualityPoint, resistance_against_quality


@pytest.mark.parametrize("count", [9, 17])
def test_every_model_has_a_look_of_its_own(count):
    points = [QualityPoint(f"m{n}", 0.05 * n, 0.0, 0.9, 0.5, [0.1], [9.0]) for n in range(count)]
    ax = resistance_against_quality(points).axes[0]
    looks = {
        (line.get_color(), line.get_marker(), line.get_fillstyle())
        for line in ax.lines
        if line.get_marker() not in {"_", "|", "None"} and line.get_linestyle() == "None"
    }
    assert len(looks) == count
