import json

import pytest

from pyro_seatbelt.cli import train as command
from pyro_seatbelt.options import Group
from pyro_seatbelt.runs import train as trained
from pyro_seatbelt.training.config import TrainConfig


@pytest.fixture
def effective(seatbelt, monkeypatch):
    """The config that a command line comes to, without training it."""

    class StopError(Exception):
        pass

    def run(*arguments, env=None):
        seen = []

        def train_run(config, **options):
            seen.append(config)
            raise StopError

        monkeypatch.setattr(trained, "train_run", train_run)
        result = seatbelt("train", *arguments, env=env)
        assert isinstance(result.exception, StopError), result.output
        return seen[0]

    return run


def test_defaults_are_those_of_the_config(effective):
    assert effective() == TrainConfig()


@pytest.mark.parametrize("name", list(TrainConfig.model_fields))
def test_every_field_is_explained_under_a_heading(name):
    field = TrainConfig.model_fields[name]
    assert field.description.endswith(".")
    assert any(isinstance(each, Group) for each in field.metadata)
    assert name in command.train.__signature__.parameters


VALUES = {
    "dataset": "synth-dsprites", "data_dir": "/pictures", "ids": 7, "holdout": 0.25,
    "model": "beta-tcdlgm", "layers": 3, "latent_dim": 5, "network": "mlp", "hidden": 12,
    "guide": "top-down", "likelihood": "laplace", "likelihood_scale": 0.5,
    "beta": 2.5, "alpha": 1.5, "gamma": 0.5, "estimator": "mss", "free_bits": 0.125,
    "analytic_entropy": True, "num_particles": 3, "epochs": 4, "batch_size": 10,
    "learning_rate": 0.01, "warmup_steps": 5, "clip_norm": 7.0, "seed": 11, "device": "cpu",
    "precision": "bf16-mixed", "log_every": 3, "eval_every": 4, "eval_images": 5,
    "checkpoint_every": 6, "keep_checkpoints": 7, "tensorboard": True,
}  # fmt: skip


def flags(values):
    for name, value in values.items():
        flag = name.replace("_", "-")
        yield from [f"--{flag}"] if value is True else [f"--{flag}", str(value)]


def test_every_field_can_be_given_in_three_ways(effective, tmp_path):
    assert set(VALUES) | {"steps"} == set(TrainConfig.model_fields)
    expected = TrainConfig(**VALUES)
    assert effective(*flags(VALUES)) == expected
    assert effective(env={f"SEATBELT_TRAIN_{k.upper()}": str(v) for k, v in VALUES.items()}) == (
        expected
    )
    (tmp_path / "a.json").write_text(json.dumps(VALUES))
    assert effective("--config", "a.json") == expected
    text = "".join(f"{name} = {json.dumps(value)}\n" for name, value in VALUES.items())
    (tmp_path / "a.toml").write_text(text)
    assert effective("--config", "a.toml") == expected


@pytest.mark.parametrize(
    ("file", "env", "flag", "expected"),
    [
        (True, False, False, 1.0),
        (True, True, False, 2.0),
        (False, True, False, 2.0),
        (True, False, True, 3.0),
        (True, True, True, 3.0),
        (False, False, False, None),
    ],
)
def test_flags_go_before_environment_before_file(file, env, flag, expected, effective, tmp_path):
    (tmp_path / "a.toml").write_text("beta = 1.0\n" if file else "")
    config = effective(
        "--config", "a.toml", *(["--beta", 3] if flag else []),
        env={"SEATBELT_TRAIN_BETA": "2.0"} if env else {},
    )  # fmt: skip
    assert config.beta == expected


def test_steps_by_flag_go_before_epochs_by_environment(effective):
    config = effective("--steps", 5, env={"SEATBELT_TRAIN_EPOCHS": "2"})
    assert (config.steps, config.epochs) == (5, None)


def test_a_flag_can_say_no_to_the_file(effective, tmp_path):
    (tmp_path / "a.toml").write_text("tensorboard = true\nsteps = 5\n")
    assert effective("--config", "a.toml").tensorboard
    config = effective("--config", "a.toml", "--no-tensorboard", "--epochs", "2")
    assert not config.tensorboard
    assert (config.steps, config.epochs) == (None, 2)
