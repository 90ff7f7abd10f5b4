import numpy as np
import pytest

from pyro_seatbelt.plots import CoveredCurves, QualityPoint, covered_panels
from pyro_seatbelt.plots import resistance_against_quality as draw

GRID = np.linspace(0, 1, 11)


def test_the_blend_is_grey_and_undefined_pairs_are_counted():
    rows = np.stack([GRID**0.5, GRID**0.7, np.full(11, np.nan)])
    figure = covered_panels([CoveredCurves("one", GRID, rows, np.stack([GRID] * 3))] * 4)
    ax = figure.axes[0]
    median = {line.get_gid(): line for line in ax.lines}
    assert median["blend"].get_color() == "#7F7F7F"
    np.testing.assert_allclose(median["attack"].get_ydata(), np.median(rows[:2], axis=0))
    assert ax.texts[0].get_text() == "1 of 3 pairs undefined"
    with pytest.raises(ValueError, match="one model or more"):
        covered_panels([])


def test_a_model_without_a_number_is_not_drawn():
    nan = float("nan")
    points = [
        QualityPoint("VAE", 0.2, 0.1, 0.4, 0.5, [0.02, 0.04], [20.0, 30.0]),
        QualityPoint("constant", nan, nan, nan, nan, [0.1], [0.0]),
    ]
    figure = draw(points)
    assert [text.get_text() for text in figure.legends[0].texts] == [
        "VAE",
        "blend of the two images",
    ]
    assert draw(points[1:]).legends == []
    with pytest.raises(ValueError, match="one model or more"):
        draw([])
