from typing import get_args

import pytest

from pyro_seatbelt.attacks import MODES, Mode
from pyro_seatbelt.attacks.modes import objective
from pyro_seatbelt.errors import InputError


def test_every_mode_makes_an_objective():
    assert set(MODES) == set(get_args(Mode))
    names = {mode: objective(mode, ["z2"]).name for mode in MODES}
    assert names == {
        "latent": "latent-kl",
        "w2": "latent-w2",
        "l2": "latent-l2",
        "output": "output",
    }
    assert objective("l2", ["z2"]).layers == ["z2"]
    assert objective("output", ["z2"]).layers == "all"


def test_an_unknown_mode_names_the_others():
    with pytest.raises(InputError, match="expected a mode of latent, w2, l2, output, got 'input'"):
        objective("input")
