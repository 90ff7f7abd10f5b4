import io
import itertools

import matplotlib.colors
import pytest

from pyro_seatbelt.plots import training_curves
from pyro_seatbelt.plots.style import COLOURS


def record(step, kind="train", **numbers):
    return {"step": step, "kind": kind, **numbers}


@pytest.fixture
def records():
    train = [
        record(
            step, objective=-1e3 / step, elbo=-900 / step, total_correlation=0.1 * step,
            kl={"z1": 1.0 * step, "z2": 2.0, "z10": 3.0},
        )
        for step in range(1, 50)
    ]  # fmt: skip
    heldout = [
        record(step, "heldout", elbo=-950 / step, total_correlation=None) for step in (20, 40)
    ]
    return train + heldout


def test_lines_are_the_records(records):
    objective, elbo, kl, correlation = training_curves(records, title="a title").axes
    assert [line.get_label() for line in kl.lines] == ["z1", "z2", "z10"]
    assert list(kl.lines[0].get_ydata()) == [1.0 * step for step in range(1, 50)]
    assert [line.get_label() for line in elbo.lines] == ["training", "held out"]
    assert list(elbo.lines[1].get_xdata()) == [20, 40]
    assert [line.get_label() for line in objective.lines] == ["objective"]
    assert len(correlation.lines) == 1  # what is not known is not drawn


def test_a_bad_start_does_not_flatten_the_rest(records):
    objective = training_curves(records).axes[0]
    low, high = objective.get_ylim()
    assert -1000 < low < -300
    assert high > -1000 / 49


def test_other_objectives_have_a_loss():
    figure = training_curves([record(1, loss=5.0), record(2, loss=4.0)])
    assert [line.get_label() for line in figure.axes[0].lines] == ["loss"]
    assert not figure.axes[1].lines


def test_nothing_can_be_drawn():
    file = io.BytesIO()
    training_curves([]).savefig(file, format="png")
    assert file.getvalue().startswith(b"\x89PNG")


def test_neighbouring_colours_differ_in_brightness_or_hue_for_the_colour_blind():
    rgb = [matplotlib.colors.to_rgb(colour) for colour in COLOURS]
    # what a reader without red cones keeps: roughly blue, and a mix of red and green
    seen = [(0.15 * r + 0.85 * g, b) for r, g, b in rgb]
    for one, other in itertools.pairwise(seen):
        assert max(abs(a - b) for a, b in zip(one, other, strict=True)) > 0.1
