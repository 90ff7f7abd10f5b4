import pytest

from pyro_seatbelt.plots import stacked_bar


def test_parts_lie_end_to_end_and_what_is_below_zero_has_no_width():
    figure = stacked_bar({"a": 3.0, "b": -0.5, "c": 1.0}, xlabel="nats")
    [ax] = figure.axes
    assert [(bar.get_x(), bar.get_width()) for bar in ax.patches] == [(0, 3), (3, 0), (3, 1)]
    assert len({bar.get_facecolor() for bar in ax.patches}) == 3
    assert ax.get_xlim() == (0, 4)
    assert ax.get_xlabel() == "nats"
    assert [text.get_text() for text in figure.legends[0].texts] == ["a", "b", "c"]


@pytest.mark.parametrize("parts", [{}, {"a": 0.0}])
def test_nothing_can_be_drawn(parts):
    figure = stacked_bar(parts, xlabel="nats")
    figure.draw_without_rendering()
    assert figure.axes[0].get_xlim() == (0, 1)
