import math

import numpy as np

from pyro_seatbelt.plots import distortion_curves


def test_every_curve_is_drawn_and_named():
    x = np.linspace(0, 1, 5)
    curves = {f"pair {i}": (x, 1 - x / (i + 1), i / 10) for i in range(9)}
    curves["pair 9"] = (np.empty(0), np.empty(0), math.nan)
    figure = distortion_curves(curves, area=0.4, title="a title")
    [ax] = figure.axes
    assert len(ax.lines) == 9
    assert ax.lines[4].get_ydata().tolist() == (1 - x / 5).tolist()
    legend = ax.get_legend()
    assert legend.get_title().get_text() == "AUDDC 0.400\nof 9 in 10 pairs"
    assert [text.get_text() for text in legend.texts][3] == "pair 3 (0.30)"
    looks = {(line.get_color(), line.get_linestyle()) for line in ax.lines}
    assert len(looks) == 9


def test_no_point_is_outside():
    curve = (np.array([0.0, 1.0]), np.array([1.7, -0.4]), 0.6)
    low, high = distortion_curves({"pair 0": curve}).axes[0].get_ylim()
    assert low < -0.4
    assert high > 1.7


def test_no_curve_is_no_error():
    assert distortion_curves({}).axes[0].get_legend() is None
