import json
from pathlib import Path

import pytest

from pyro_seatbelt.options import Flag, Group, mark
from pyro_seatbelt.runs import AttackOptions, EvaluateOptions
from pyro_seatbelt.runs import attack as attacked
from pyro_seatbelt.runs import evaluate as evaluated
from pyro_seatbelt.runs import train as trained
from pyro_seatbelt.training.config import TrainConfig


class StopError(Exception):
    pass


@pytest.fixture
def options_of(seatbelt, monkeypatch):
    """The options that a command line comes to, without doing anything with them."""

    def run(command, *arguments, env=None):
        seen = []

        def stop(*given, **others):
            seen.extend(given)
            raise StopError

        monkeypatch.setattr(trained, "train_run", stop)
        monkeypatch.setattr(attacked, "attack_run", stop)
        monkeypatch.setattr(evaluated, "evaluate_run", stop)
        result = seatbelt(command, *arguments, env=env)
        assert isinstance(result.exception, StopError), result.output
        return seen[-1]

    return run


@pytest.fixture
def effective(options_of):
    """The config that `seatbelt train` comes to."""

    def run(*arguments, env=None):
        return options_of("train", *arguments, env=env)

    return run


def test_defaults_are_those_of_the_config(effective):
    assert effective() == TrainConfig()


@pytest.mark.parametrize("kind", [TrainConfig, AttackOptions, EvaluateOptions])
def test_every_flag_is_explained(kind):
    for name, field in kind.model_fields.items():
        if mark(field, Flag) != Flag(None):
            assert field.description, name
        assert kind is not TrainConfig or mark(field, Group), name


VALUES = {
    "dataset": "synth-dsprites", "data_dir": "/pictures", "ids": 7, "holdout": 0.25,
    "model": "beta-tcdlgm", "layers": 3, "latent_dim": 10, "latent_dims": "5,4,3",
    "network": "mlp", "hidden": 12,
    "features": 24, "lipschitz": 3.0,
    "guide": "top-down", "likelihood": "laplace", "likelihood_scale": 0.5, "data_range": "signed",
    "beta": 2.5, "alpha": 1.5, "gamma": 0.5, "estimator": "mss", "free_bits": 0.125,
    "analytic_entropy": True, "num_particles": 3, "groups": "1,2", "within_beta": 2.0,
    "discriminator_width": 8, "discriminator_rate": 0.02,
    "smoothing": 0.3, "smoothing_draws": 5, "mcmc_steps": 2, "mcmc_step_size": 0.125,
    "epochs": 4, "batch_size": 10,
    "optimizer": "sgd", "learning_rate": 0.01, "weight_decay": 0.125, "momentum": 0.5,
    "learning_rate_schedule": "cosine-restarts", "restart_steps": 8, "restart_factor": 2,
    "patience": 6,
    "warmup_steps": 5, "clip_norm": 7.0, "seed": 11, "device": "cpu",
    "devices": 2, "num_nodes": 5, "precision": "bf16-mixed", "cuda_graph": True,
    "log_every": 3, "eval_every": 4, "eval_images": 5,
    "input_noise": 0.1, "adversarial_radius": 1.5, "smooth_weight": 2.0, "smooth_radius": 0.5,
    "attack_steps": 4, "deterministic": True, "detect_anomaly": True,
    "checkpoint_every": 6, "checkpoint_minutes": 2.5, "keep_checkpoints": 7, "tensorboard": True,
    "loggers": "csv,mlflow",
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


OTHERS = {
    "attack": (
        AttackOptions,
        ("--mode", ("w2", "output"), {"modes": ("w2", "output")}),
        ("--layers", "z2, z1", {"layers": ("z2", "z1")}),
        ("--layers", "top", {"layers": "top"}),
        ("--pairs", 4, {"pairs": 4}),
        ("--lambdas", 1, {"weights": (0.0, 2.0**-20)}),
        ("--lambda", (0.5, 3.0), {"weights": (0.5, 3.0)}),
        ("--ends", "input", {"ends": "input"}),
        ("--restarts", 2, {"restarts": 2}),
        ("--untargeted", True, {"untargeted": True}),
        ("--budget", 0.1, {"budget": 0.1}),
        ("--norm", "linf", {"norm": "linf"}),
        ("--optimiser", "pgd", {"optimiser": "pgd"}),
        ("--fresh", True, {"fresh": True}),
        ("--seed", 5, {"seed": 5}),
        ("--samples", 2, {"samples": 2}),
        ("--at-mean", True, {"at_mean": True}),
        ("--batch", 7, {"batch": 7}),
        ("--max-iterations", 9, {"max_iterations": 9}),
        ("--device", "cpu", {"device": "cpu"}),
        ("--processes", 3, {"processes": 3}),
        ("--force", True, {"force": True}),
    ),
    "evaluate": (
        EvaluateOptions,
        ("--images", 4, {"images": 4}),
        ("--aggregate-images", 5, {"aggregate_images": 5}),
        ("--iwae-samples", 6, {"iwae_samples": 6}),
        ("--noise", (0.5, 2.0), {"noise_scales": (0.5, 2.0)}),
        ("--seed", 7, {"seed": 7}),
        ("--precision", "float64", {"precision": "float64"}),
        ("--device", "cuda:1", {"device": "cuda:1"}),
        ("--force", True, {"force": True}),
        ("--figures", True, {"figures": True}),
    ),
}


@pytest.mark.parametrize("command", OTHERS)
def test_every_option_of_a_run_can_be_given_in_two_ways(command, options_of):
    kind, *cases = OTHERS[command]
    assert options_of(command, "run") == kind()
    for flag, value, expected in cases:
        values = value if isinstance(value, tuple) else (value,)
        words = [flag] if value is True else [word for each in values for word in (flag, each)]
        variable = f"SEATBELT_{command}{flag[1:].replace('-', '_')}".upper()
        text = str(value) if isinstance(value, str) else " ".join(map(str, values))
        wanted = kind(**expected)
        assert options_of(command, "run", *words) == wanted
        assert options_of(command, "run", env={variable: text}) == wanted
    known = {name for *_, expected in cases for name in expected} | {"lambdas"}
    assert {
        name for name, field in kind.model_fields.items() if mark(field, Flag) != Flag(None)
    } <= known


def test_a_penalty_by_flag_goes_before_a_number_of_them_by_environment(options_of):
    options = options_of("attack", "run", "--lambda", 3, env={"SEATBELT_ATTACK_LAMBDAS": "5"})
    assert options.weights == (3.0,)


def test_a_penalty_has_the_variable_of_its_older_name_too(options_of):
    options = options_of("attack", "run", env={"SEATBELT_ATTACK_WEIGHT": "5"})
    assert options.weights == (5.0,)


def test_figures_can_be_left_out(options_of):
    assert not options_of("evaluate", "run", "--no-figures").figures


def test_pictures_of_ones_own_are_options_of_an_attack(options_of):
    options = options_of("attack", "run", "--input", "a.png", "--target", "b.png")
    assert options == AttackOptions(images=(Path("a.png"), Path("b.png")))
