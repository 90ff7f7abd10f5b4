import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyro_seatbelt.errors import InputError
from pyro_seatbelt.training.config import DEFAULT_STEPS, TrainConfig, read_config

WRONG = [
    ({"beta": -1}, "beta: expected >= 0, got -1"),
    ({"beta": float("nan")}, "beta: expected a finite number, got nan"),
    ({"beta": "x"}, "beta: expected a valid number, .* got 'x'"),
    ({"layers": 0}, "layers: expected >= 1, got 0"),
    ({"latent_dim": 0}, "latent_dim: expected >= 1, got 0"),
    ({"batch_size": 1}, "batch_size: expected >= 2, got 1"),
    ({"holdout": 1.0}, r"holdout: expected < 1, got 1\.0"),
    ({"steps": 2.5}, r"steps: expected .*fractional part, got 2\.5"),
    ({"seed": -1}, "seed: expected >= 0, got -1"),
    ({"model": "vea"}, "model: expected 'vae', .* or 'biva', got 'vea'"),
    ({"device": "gpu"}, "device: expected auto, cpu, cuda, cuda:N or mps, got 'gpu'"),
    ({"likelihood_scale": 0}, "likelihood_scale: expected a number > 0 or 'learned', got 0"),
    ({"likelihood_scale": "big"}, "likelihood_scale: expected .*'learned', got 'big'"),
    ({"steps": 5, "epochs": 2}, "steps or epochs, not both, got 5 steps and 2 epochs"),
    ({"smooth_weight": 2}, "smooth_radius: expected > 0, .* smooth_weight=2 and smooth_radius=0"),
    ({"smooth_radius": 1}, "smooth_weight: expected > 0, .* smooth_weight=0 and smooth_radius=1"),
    ({"input_noise": -0.5}, r"input_noise: expected >= 0, got -0\.5"),
    ({"attack_steps": 0}, "attack_steps: expected >= 1, got 0"),
    ({"beta": True}, "beta: expected no truth value, got True"),
    ({"bta": 5}, "unknown key 'bta': did you mean beta"),
    ({"restart_steps": 5}, "restart_steps: expected together with .*, got 5 and constant"),
    ({"learning_rate_schedule": "cosine-restarts"}, "restart_steps: .*, got None and cosine-rest"),
    ({"restart_factor": 2}, "restart_factor: expected together with .*, got 2 and constant"),
    ({"momentum": 0.5}, "momentum: it is a setting of sgd, got 0.5 and adam: leave it out"),
    ({"model": "factor-vae", "optimizer": "sgd"}, "optimizer: expected adam, .* for factor-vae"),
    ({"loggers": "csv,comet"}, "loggers to be names, such as csv,wandb: csv, mlflow, tensorboard"),
    ({"xyz": 5}, "unknown key 'xyz': it is no setting of a run"),
    ({"beta": -1, "seed": -1}, "beta: .*; seed: "),
]


@pytest.mark.parametrize(("values", "message"), WRONG)
def test_what_is_wrong_is_said_in_one_line(values, message):
    with pytest.raises(InputError, match=message) as error:
        TrainConfig(**values)
    assert "\n" not in str(error.value)


def test_a_run_has_a_length_by_default():
    assert TrainConfig().steps == DEFAULT_STEPS
    assert TrainConfig(epochs=3).steps is None


def test_it_cannot_be_changed():
    with pytest.raises(ValueError, match="frozen"):
        TrainConfig().beta = 3.0


configs = st.builds(
    TrainConfig,
    beta=st.none() | st.floats(0, 1e6),
    learning_rate=st.floats(1e-9, 1),
    likelihood_scale=st.none() | st.just("learned") | st.floats(1e-6, 10),
    epochs=st.none() | st.integers(1, 10),
    model=st.sampled_from(["vae", "seatbelt"]),
    seed=st.integers(0, 2**32 - 1),
)


@given(configs)
def test_what_is_saved_reads_back_the_same(config):
    assert TrainConfig(**json.loads(config.to_json())) == config


@given(configs)
def test_merging_nothing_changes_nothing(config):
    assert TrainConfig.merge(config.model_dump(), {}) == config


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        ([{"steps": 5}, {"epochs": 2}], (None, 2)),
        ([{"epochs": 2}, {"steps": 5}], (5, None)),
        ([{"epochs": 2}, {"steps": None}], (None, 2)),
        ([{"steps": 5, "epochs": None}, {"steps": 7}], (7, None)),
    ],
)
def test_the_later_of_steps_and_epochs_counts(layers, expected):
    config = TrainConfig.merge(*layers)
    assert (config.steps, config.epochs) == expected


def test_relative_paths_are_made_absolute(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config = TrainConfig(data_dir="pictures")
    assert config.data_dir == tmp_path / "pictures"
    assert TrainConfig(**json.loads(config.to_json())) == config


def test_a_file_may_say_its_format(tmp_path):
    (tmp_path / "a.json").write_text('{"format": 1, "beta": 2}')
    assert read_config(tmp_path / "a.json") == {"beta": 2}


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.toml", b"beta = ", r"a\.toml: not a valid \.toml file"),
        (
            "a.json",
            b'{"format": 2}',
            r"a\.json: it has format 2, and this version reads formats up",
        ),
        ("a.json", b'{"format": "x"}', r"a\.json: expected a number as its format, got 'x'"),
        ("a.json", b"{", r"a\.json: not a valid \.json file"),
        ("a.json", b"\xff\xfe", "not a valid .json file"),
        ("a.json", b"[1]", "expected a table of settings, got list"),
        ("a.toml", b"btea = 3", "unknown key 'btea': did you mean beta"),
        ("a.toml", b"beta = -3", r"a\.toml: beta: expected >= 0, got -3"),
        ("a.toml", b"steps = 3\nepochs = 3", "not both"),
        ("a.yaml", b"beta: 3", r"expected a config file ending in \.toml or \.json"),
    ],
)
def test_bad_files_are_named(name, content, message, tmp_path):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=message) as error:
        read_config(tmp_path / name)
    assert "\n" not in str(error.value)


def test_files_that_cannot_be_read_are_named(tmp_path):
    with pytest.raises(InputError, match=r"none\.toml: the config cannot be read: No such file"):
        read_config(tmp_path / "none.toml")
    (tmp_path / "folder.toml").mkdir()
    with pytest.raises(
        InputError, match=r"folder\.toml: the config cannot be read: Is a directory"
    ):
        read_config(tmp_path / "folder.toml")


def test_an_evaluation_reads_no_more_images_than_training_between_two_unless_told():
    few = {"eval_every": 3, "batch_size": 10}
    assert TrainConfig(**few).num_eval_images == 30
    assert TrainConfig(**few, eval_images=500).num_eval_images == 500
