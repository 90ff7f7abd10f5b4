"""FactorVAE, HFVAE, Ladder VAE and BIVA as runs: what works on the others works on them."""

import pytest
import torch

from pyro_seatbelt.family import PRESETS
from pyro_seatbelt.objectives import TraceFactor_ELBO, TraceHF_ELBO
from pyro_seatbelt.report.write import report_runs
from pyro_seatbelt.runs import (
    AttackOptions,
    EvaluateOptions,
    RobustnessOptions,
    attack_run,
    evaluate_run,
    load_run,
    resume_run,
    robustness_measure,
    robustness_of_run,
    train_run,
)
from pyro_seatbelt.traces import coverage
from pyro_seatbelt.training.checkpoint import load_checkpoint
from pyro_seatbelt.training.layout import checkpoint_path

SYSTEMS = {
    "factor-vae": {"layers": None, "discriminator_width": 8, "discriminator_rate": 0.01},
    "hfvae": {"layers": None, "latent_dim": 3, "groups": (1, 2), "within_beta": 2.0},
    "ladder-vae": {"layers": 2},
    "biva": {"layers": 2},
}

QUICK = {"factor-vae", "biva"}

systems = pytest.mark.parametrize(
    "model",
    [pytest.param(name, marks=[pytest.mark.slow] * (name not in QUICK)) for name in SYSTEMS],
)


def checkpoint(folder, step=4):
    return load_checkpoint(checkpoint_path(folder / "checkpoints", step))


@systems
def test_a_run_that_was_stopped_goes_on_as_if_it_had_not_been(model, make_config, tmp_path):
    """With the discriminator, both of its groups of Adam, and defences around all of it."""
    config = make_config(
        model=model, network="mlp", eval_every=100, input_noise=0.1, adversarial_radius=0.5,
        attack_steps=1, **SYSTEMS[model],
    )  # fmt: skip
    whole = train_run(config, out=tmp_path / "whole").folder
    parts = train_run(config.model_copy(update={"steps": 2}), out=tmp_path / "parts").folder
    resume_run(parts, {"steps": 4})
    one, two = checkpoint(whole), checkpoint(parts)
    prefixes = {name.split(".")[0] for name in one.weights}
    assert ("discriminator" in prefixes) == (model == "factor-vae")
    assert one.weights.keys() == two.weights.keys()
    assert all(torch.equal(value, two.weights[name]) for name, value in one.weights.items())
    states = (one.optimizer.tensors(), two.optimizer.tensors())
    assert all(torch.equal(value, states[1][name]) for name, value in states[0].items())


def test_the_discriminator_has_settings_of_its_own(make_config, tmp_path):
    config = make_config(
        model="factor-vae", network="mlp", learning_rate_schedule="cosine",
        **SYSTEMS["factor-vae"],
    )  # fmt: skip
    folder = train_run(config, out=tmp_path / "run").folder
    saved = checkpoint(folder)
    pair, own = saved.optimizer.groups
    assert (own["betas"], own["initial_lr"]) == ([0.5, 0.9], 0.01)
    assert own["lr"] / pair["lr"] == pytest.approx(10)  # both along the cosine
    before = checkpoint(folder, 2).weights
    name = "discriminator.layers.0.weight"
    assert not torch.equal(before[name], saved.weights[name])
    run = load_run(folder)
    assert isinstance(run.objective, TraceFactor_ELBO)
    [group] = run.objective.own_groups()
    assert (group["lr"], run.objective.discriminator.layers[0].out_features) == (0.01, 8)
    for key, value in run.objective.discriminator.state_dict().items():
        assert torch.equal(value, saved.weights[f"discriminator.{key}"])


@systems
def test_a_run_is_attacked_evaluated_and_reported(
    model, make_attackable, blank_figures, monkeypatch, tmp_path
):
    folder = make_attackable(model=model, **SYSTEMS[model])
    latents = PRESETS[model].latents(SYSTEMS[model]["layers"] or 1)
    run = load_run(folder)
    assert run.model.latents == latents
    assert isinstance(run.objective, TraceHF_ELBO) == (model == "hfvae")
    small = {"device": "cpu", "figures": False}
    attack = AttackOptions(
        pairs=1, weights=(0.0, 1.0), max_iterations=3, modes=("latent",), processes=1,
        layers="all", **small,
    )  # fmt: skip
    [attacked] = attack_run(folder, attack)
    assert attacked.layers == latents
    for place in (coverage, robustness_measure):
        monkeypatch.setattr(place, "LEAST_ROOM", 1e-9)  # four steps: reconstructions hardly differ
    robustness = RobustnessOptions(
        pairs=1, penalties=2, max_iterations=2, norms=(0.5,), draws=2, images=2, processes=1,
        modes=("output",), **small,
    )  # fmt: skip
    assert robustness_of_run(folder, robustness).robustness.num_pairs == 1
    evaluated = evaluate_run(
        folder, EvaluateOptions(images=3, iwae_samples=3, noise_scales=(0.5,), **small)
    )
    assert set(evaluated.evaluation.kl) == set(latents)
    page = report_runs([folder], out=tmp_path / "page.html")
    assert PRESETS[model].title in page.read_text()
