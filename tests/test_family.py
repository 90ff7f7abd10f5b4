import subprocess
import sys
from typing import get_args

import pytest

from pyro_seatbelt import InputError
from pyro_seatbelt.attacks import StopReason
from pyro_seatbelt.family import (
    PRESETS,
    GuideName,
    LikelihoodName,
    NetworkName,
    PresetName,
    choose_guide,
    settle,
)
from pyro_seatbelt.models.likelihoods import LIKELIHOODS
from pyro_seatbelt.presets import NETWORKS
from pyro_seatbelt.report.viewer import STOPS
from pyro_seatbelt.training.config import TrainConfig


@pytest.mark.parametrize(
    ("table", "names"),
    [
        (PRESETS, PresetName),
        (NETWORKS, NetworkName),
        (LIKELIHOODS, LikelihoodName),
        (STOPS, StopReason),
    ],
)
def test_every_name_stands_for_something(table, names):
    assert tuple(table) == get_args(names), "an entry of the table needs its name in the Literal"


def test_names_are_known_without_torch():
    code = "import sys, pyro_seatbelt.family; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("name", PRESETS)
def test_what_is_unused_cannot_be_changed_and_everything_else_can(name):
    unused = PRESETS[name].unused
    for setting, value, usual in (("layers", 2, 1), ("beta", 3.0, 1.0)):
        if setting in unused:
            with pytest.raises(InputError, match=f"{setting}={value}"):
                settle(name, **{setting: value})
            assert getattr(settle(name), setting) == usual
        else:
            assert getattr(settle(name, **{setting: value}), setting) == value


@pytest.mark.parametrize("name", PRESETS)
def test_beta_is_the_weight_of_what_it_weighs_alone(name):
    weights = PRESETS[name].weights(7.0)._asdict()
    assert {weight for weight, value in weights.items() if value == 7.0} == set(
        PRESETS[name].weighted
    )
    assert set(PRESETS[name].weights(1.0)) == {1.0}


def test_a_settled_config_stays_as_it_is():
    config = TrainConfig(model="dlgm", latent_dim=3).settled()
    assert (config.layers, config.beta, config.latent_dim) == (4, 1.0, 3)
    assert config.settled() == config
    with pytest.raises(InputError, match="vae has no beta, got beta=2"):
        TrainConfig(model="vae", beta=2).settled()


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("guide", get_args(GuideName))
def test_a_guide_is_one_that_the_model_can_have(name, guide):
    own = PRESETS[name].guides
    if guide in own:
        assert TrainConfig(model=name, guide=guide).guide == choose_guide(name, guide) == guide
        return
    message = f"guide: expected {' or '.join(own)} for {name}, got {guide}"
    with pytest.raises(InputError, match=message):
        TrainConfig(model=name, guide=guide)


def test_the_usual_guide_is_the_models():
    assert TrainConfig().guide == "bottom-up"
    ladder = TrainConfig.merge({"model": "ladder-vae"}, {"layers": 2})
    assert ladder.guide == "ladder"
    assert TrainConfig(**ladder.model_dump()) == ladder
