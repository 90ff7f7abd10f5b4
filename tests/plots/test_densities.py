import numpy as np
import pytest

from pyro_seatbelt.plots import density_panels


def test_a_density_has_its_mass_where_the_values_are():
    rng = np.random.default_rng(0)
    panel = {"clean": rng.normal(0, 1, 500), "noisy": rng.normal(-5, 2, 500)}
    figure = density_panels(
        {"VAE": [panel, {}], "Seatbelt": [panel, panel]},
        columns=["b = 1", "b = 10"],
        xlabel="nats",
        title="a title",
    )
    assert len(figure.axes) == 4
    first = figure.axes[0]
    for line, mean, std in zip(first.lines, (0, -5), (1, 2), strict=True):
        x, y = (np.asarray(each) for each in line.get_data())
        assert np.trapezoid(y, x) == pytest.approx(1, abs=0.02)
        assert np.trapezoid(x * y, x) == pytest.approx(mean, abs=0.25)
        assert y.max() == pytest.approx(1 / (std * np.sqrt(2 * np.pi)), rel=0.2)
    assert len(figure.axes[1].lines) == 0
    assert [ax.get_title() for ax in figure.axes[:2]] == ["b = 1", "b = 10"]
    assert figure.axes[2].get_ylabel() == "Seatbelt"
    assert figure.axes[2].get_xlabel() == "nats"
    assert [text.get_text() for text in figure.legends[0].texts] == ["clean", "noisy"]
    assert figure.axes[0].get_xlim() == figure.axes[3].get_xlim()


def test_one_value_is_a_line_and_nothing_is_no_error():
    figure = density_panels({"VAE": [{"clean": np.array([3.0])}]}, columns=["b"], xlabel="")
    assert figure.axes[0].lines[0].get_xdata()[0] == 3.0
    assert not density_panels({"VAE": [{}]}, columns=["b"], xlabel="").legends


@pytest.mark.parametrize("values", [np.zeros(5), np.ones(1), np.array([0.0, 0, 0, 9])])
def test_few_and_equal_numbers_can_be_drawn(values):
    density_panels({"": [{"one": values}]}, columns=[""], xlabel="").draw_without_rendering()


def test_densities_end_inside_their_panel():
    rng = np.random.default_rng(0)
    panel = {str(n): rng.normal(-100 * n, 40, 300) for n in range(3)}
    [ax] = density_panels({"": [panel]}, columns=[""], xlabel="").axes
    for line in ax.lines:
        ends = np.asarray(line.get_ydata())[[0, -1]]
        assert ends.max() < 0.01 * max(line.get_ydata())
