import pytest

from pyro_seatbelt.plots import training_curves


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


def test_no_records_are_four_empty_panels():
    figure = training_curves([])
    figure.draw_without_rendering()
    assert len(figure.axes) == 4
    assert not any(ax.lines or ax.get_legend() for ax in figure.axes)


def test_every_point_that_is_drawn_is_inside(records):
    for ax in training_curves(records).axes:
        for line in ax.lines:
            for axis, values in (
                (ax.get_xlim(), line.get_xdata()),
                (ax.get_ylim(), line.get_ydata()),
            ):
                assert axis[0] <= min(values) <= max(values) <= axis[1]


def test_what_is_left_out_is_said(records):
    objective, elbo, kl, _ = training_curves(records).axes
    assert objective.get_title() == "Objective, without its first steps"
    assert objective.lines[0].get_xdata()[0] == 3
    assert elbo.lines[1].get_xdata()[0] == 20
    assert (kl.get_title(), kl.lines[0].get_xdata()[0]) == ("KL per layer", 1)


def test_what_is_no_number_is_left_out():
    odd = [{"step": 2, "kind": "train", "loss": [[1]], "elbo": "x", "kl": 3.0}]
    odd += [{"step": 3, "kind": "train", "kl": {"z1": {}}}]
    figure = training_curves([{"step": 1, "kind": "train", "elbo": -3.0}, *odd])
    assert [len(ax.lines) for ax in figure.axes][1] == 1
