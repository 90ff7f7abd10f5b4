import io

import numpy as np
import pytest

from pyro_seatbelt.plots import smoothed_histograms

RNG = np.random.default_rng(0)


def test_each_density_has_an_area_of_one_and_its_mode_in_place():
    samples = {"a": RNG.normal(0, 1, 3000), "b": RNG.normal(10, 2, 3000)}
    [ax] = smoothed_histograms(samples, xlabel="nats", title="a title").axes
    for line, middle, spread in zip(ax.lines, (0, 10), (1, 2), strict=True):
        x, y = line.get_xdata(), line.get_ydata()
        assert y.sum() * (x[1] - x[0]) == pytest.approx(1)
        assert x[y.argmax()] == pytest.approx(middle, abs=0.5 * spread)
        assert y.max() == pytest.approx(0.4 / spread, rel=0.15)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["a", "b"]


@pytest.mark.parametrize("values", [np.zeros(5), np.ones(1), np.array([0.0, 0, 0, 9])])
def test_few_and_equal_numbers_can_be_drawn(values):
    file = io.BytesIO()
    smoothed_histograms({"one": values}).savefig(file, format="png")
    assert file.getvalue().startswith(b"\x89PNG")
