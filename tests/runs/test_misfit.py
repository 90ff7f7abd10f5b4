import numpy as np
import pandas as pd
import pytest

from pyro_seatbelt.runs.misfit import misfit

NUMBERS = {"weight": 0.0, "value": 1.0, "distance": 1.0, "norm": 1.0}


@pytest.fixture
def attack():
    """Two problems of each of two pairs."""
    table = pd.DataFrame({"pair": [0, 0, 1, 1], **NUMBERS})
    images = {name: np.zeros((4, 1, 8, 8)) for name in ("adversarial", "distortion")}
    return table, images, {name: np.zeros((2, 1, 8, 8)) for name in ("input", "target")}


def test_what_an_attack_leaves_fits(attack):
    assert misfit(*attack) == ""


@pytest.mark.parametrize(
    ("part", "name", "value", "problem"),
    [
        (0, "norm", "word", "its table has no numbers in norm"),
        (0, "pair", 2, "its images are not those of its table"),
        (0, "pair", np.nan, "its images are not those of its table"),
        (1, "distortion", np.zeros((4, 1, 8, 7)), "its images are absent or of several shapes"),
        (1, "distortion", np.zeros((3, 1, 8, 8)), "its images are not those of its table"),
        (1, "adversarial", np.zeros((4, 1, 8, 8), np.uint8), "its images are no numbers"),
        (2, "target", np.zeros(()), "its images are absent or of several shapes"),
    ],
)
def test_what_does_not_fit_is_named(part, name, value, problem, attack):
    attack[part][name] = value
    assert misfit(*attack) == problem


@pytest.mark.parametrize(("part", "name"), [(1, "distortion"), (2, "input"), (2, "target")])
def test_absent_images_are_named(part, name, attack):
    del attack[part][name]
    assert misfit(*attack) == "its images are absent or of several shapes"
