import numpy as np
import pytest

from pyro_seatbelt.plots import Attacked, clockwise_panels
from pyro_seatbelt.plots.attack_panels import normalised


def attacked(channels=1):
    images = np.random.default_rng(channels).random((6, channels, 8, 8))
    images[3] = images[3] / 100 - 0.005
    return Attacked(*images, note="a note")


@pytest.mark.parametrize("channels", [1, 3])
def test_images_go_clockwise_from_the_upper_left(channels):
    one = attacked(channels)
    figure = clockwise_panels({"VAE": [one, None]}, columns=["chairs", "faces"], title="t")
    left, right = figure.axes
    block = np.asarray(left.images[0].get_array()).reshape(18, 28, channels)
    upper = [block[:8, 10 * n : 10 * n + 8].transpose(2, 0, 1) for n in range(3)]
    lower = [block[10:, 10 * n : 10 * n + 8].transpose(2, 0, 1) for n in range(3)]
    for shown, expected in zip(
        upper + lower[::-1],
        [*one[:3], normalised(one.distortion[None])[0], *one[4:6]],
        strict=True,
    ):
        assert shown == pytest.approx(expected)
    assert (left.get_title(), right.get_title()) == ("chairs", "faces")
    assert left.get_xlabel() == "a note"
    assert left.get_ylabel() == "VAE"
    assert [text.get_text() for text in right.texts] == ["no run"]


def test_a_row_has_an_attack_for_each_column():
    with pytest.raises(ValueError, match="expected 2 attacks on VAE, got 1"):
        clockwise_panels({"VAE": [attacked()]}, columns=["chairs", "faces"])
