import numpy as np
import pytest

from pyro_seatbelt.plots import posterior_overlap


def test_medians_and_intervals_are_those_of_the_draws():
    rng = np.random.default_rng(0)
    layers = {
        site: {name: rng.normal(size=(200, dim)) for name in ("x", "x + d", "target")}
        for site, dim in (("z1", 4), ("z2", 30))
    }
    figure = posterior_overlap(layers, notes={"z1": "overlap 0.50"}, title="a title")
    assert [ax.get_title() for ax in figure.axes] == ["z1: overlap 0.50", "z2"]
    for ax, images in zip(figure.axes, layers.values(), strict=True):
        for line, bars, draws in zip(ax.lines, ax.collections, images.values(), strict=True):
            assert line.get_ydata() == pytest.approx(np.median(draws, axis=0))
            ends = np.array([segment[:, 1] for segment in bars.get_segments()])
            assert ends == pytest.approx(np.quantile(draws, [0.025, 0.975], axis=0).T)
    [legend] = figure.legends
    assert [text.get_text() for text in legend.texts] == ["x", "x + d", "target"]
