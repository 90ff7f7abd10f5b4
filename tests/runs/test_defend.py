import hashlib
from pathlib import Path

import pytest
import torch

from pyro_seatbelt.attacks.latent_draws import LatentDraws
from pyro_seatbelt.attacks.objectives.output import Output
from pyro_seatbelt.attacks.pair import read_pair
from pyro_seatbelt.defences import RefinedGuide, SmoothedEncoder
from pyro_seatbelt.errors import InputError
from pyro_seatbelt.runs import (
    AttackOptions,
    attack_run,
    defend_run,
    evaluate_run,
    list_runs,
    load_run,
    resume_run,
    train_run,
    verify_run,
)
from pyro_seatbelt.runs.evaluate_options import EvaluateOptions
from pyro_seatbelt.traces.evaluation_mode import evaluation_mode
from pyro_seatbelt.traces.reconstruction import reconstruct
from pyro_seatbelt.training.checkpoint import load_newest

TINY = {"network": "mlp", "features": 8}
BOTH = {"smoothing": 0.25, "smoothing_draws": 2, "mcmc_steps": 1}


def content(folder):
    return {
        path.relative_to(folder): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and path.suffix != ".lock"
    }


def weights(folder):
    return load_newest(folder / "checkpoints").checkpoint.weights


def test_a_defended_run_is_a_run_with_the_same_weights_and_the_first_stays(make_config, tmp_path):
    plain = train_run(make_config(**TINY)).folder
    before = content(plain)
    folder = defend_run(plain, BOTH, out=tmp_path / "defended")
    assert content(plain) == before
    assert {each.state for each in verify_run(folder)} == {"intact"}
    one, other = load_run(plain), load_run(folder)
    assert isinstance(other.guide, RefinedGuide)
    assert isinstance(other.posterior.encoder, SmoothedEncoder)
    # a divergence of posteriors is of q: the chain need not run
    assert other.guide_for("latent") is other.guide_for("w2") is other.posterior
    assert other.guide_for("output") is other.guide
    assert (other.step, other.record) == (one.step, one.record)
    assert other.config == one.config.model_copy(update=BOTH)
    assert not any(module.training for module in other.guide.modules())
    x = torch.rand(2, *one.record.image_shape)
    means = [reconstruct(run.model, run.guide, x) for run in (one, other, other)]
    assert not torch.allclose(means[0], means[1])
    assert torch.equal(means[1], means[2])


def test_training_is_the_same_with_a_defence_and_goes_on_as_without(make_config, tmp_path):
    plain = train_run(make_config(**TINY, steps=2), out=tmp_path / "plain").folder
    folder = defend_run(plain, BOTH, out=tmp_path / "defended")
    asked = train_run(make_config(**TINY, **BOTH), out=tmp_path / "asked").folder
    resume_run(plain, {"steps": 4})
    resume_run(folder, {"steps": 4})
    ends = [weights(each) for each in (plain, folder, asked)]
    for name, value in ends[0].items():
        assert all(torch.equal(value, end[name]) for end in ends[1:]), name
    assert {each.state for each in verify_run(folder)} == {"intact"}
    with pytest.raises(InputError, match="smoothing: cannot change when a run is resumed"):
        resume_run(folder, {"smoothing": 0.5})


def test_a_defended_run_is_attacked_and_evaluated(make_config, tmp_path, blank_figures):
    plain = train_run(make_config(**TINY, ids=4)).folder
    folder = defend_run(plain, BOTH, out=tmp_path / "defended")
    options = {"pairs": 1, "lambdas": 1, "max_iterations": 2, "figures": False}
    reports = [
        attack_run(folder, AttackOptions(modes=(mode,), processes=1, **options))[0]
        for mode in ("output", "latent")
    ]
    assert len({report.folder for report in reports}) == 2
    few = EvaluateOptions(images=3, aggregate_images=4, iwae_samples=2, figures=False)
    unmoved = defend_run(plain, {"mcmc_steps": 1}, out=tmp_path / "chain")
    numbers = [evaluate_run(each, few).evaluation for each in (plain, unmoved, folder)]
    assert numbers[0].elbo == numbers[1].elbo  # the bound of a chain is that of q
    assert numbers[0].mse != numbers[1].mse
    assert numbers[2].elbo != numbers[0].elbo


def test_an_attack_that_ignores_the_defence_is_weaker(make_config, tmp_path):
    """Descent on the defended objective gets lower on it than descent on the plain one."""
    plain = train_run(make_config(steps=30, model="vae", layers=1, network="mlp")).folder
    run = load_run(plain)
    defended = load_run(
        defend_run(
            plain, {"smoothing": 0.5, "mcmc_steps": 2, "smoothing_draws": 4}, out=tmp_path / "d"
        )
    )
    torch.manual_seed(0)
    x, target = torch.rand(2, 4, *run.record.image_shape)
    draws, problems = LatentDraws.frozen(range(4), 2, seed=0), torch.arange(4)
    with evaluation_mode(defended.model, defended.guide, run.model, run.guide), torch.enable_grad():
        known, ignored = (
            Output().bind(read_pair(each.model, each.guide, x), target, draws)
            for each in (defended, run)
        )

        def found(distance):
            image = x.clone()
            for _ in range(15):
                image.requires_grad_()
                (slope,) = torch.autograd.grad(distance(image, problems).sum(), image)
                image = (image.detach() - 0.01 * slope.sign()).clamp(x - 0.1, x + 0.1).clamp(0, 1)
            return known(image, problems).detach()

        start, adaptive, transferred = known(x, problems).detach(), found(known), found(ignored)
    assert adaptive.mean() < transferred.mean()
    assert adaptive.mean() < start.mean()


def test_a_defence_that_is_killed_can_be_made_again(make_config, tmp_path, monkeypatch):
    run = train_run(make_config(**TINY), out=tmp_path / "run").folder
    out, part = tmp_path / "defended", tmp_path / ".defended.part"
    with monkeypatch.context() as patched:
        patched.setattr("shutil.rmtree", lambda *a, **k: None)  # as a kill leaves it
        patched.setattr("pyro_seatbelt.runs.defend.sync", lambda path: None)
        patched.setattr(Path, "rename", lambda self, target: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            defend_run(run, BOTH, out=out)
    assert part.is_dir()
    assert [each.folder for each in list_runs(tmp_path)] == [run]
    assert defend_run(run, BOTH, out=out) == out
    assert not part.exists()
    assert verify_run(out)[0].state == "intact"


def test_metrics_that_are_no_file_are_one_line(make_config, tmp_path):
    run = train_run(make_config(**TINY), out=tmp_path / "run").folder
    (run / "metrics.jsonl").unlink()
    (run / "metrics.jsonl").mkdir()
    with pytest.raises(InputError, match=r"metrics\.jsonl: cannot be read: Is a directory"):
        defend_run(run, BOTH, out=tmp_path / "defended")
    assert not (tmp_path / "defended").exists()


def test_what_cannot_be_defended_is_said_so(make_config, tmp_path):
    with pytest.raises(InputError, match=r"expected the folder of a run, it has no config\.json"):
        defend_run(tmp_path, BOTH)
    plain = train_run(make_config(steps=2)).folder
    with pytest.raises(InputError, match="expected a defence, got none"):
        defend_run(plain, {"smoothing": 0.0})
    with pytest.raises(InputError, match="there is a run here already"):
        defend_run(plain, BOTH, out=plain)
    for weights in plain.glob("checkpoints/*/weights.safetensors"):
        weights.write_bytes(b"none")
    with pytest.raises(InputError, match="the file is damaged"):
        defend_run(plain, BOTH, out=tmp_path / "copy")
    assert not (tmp_path / "copy").exists()
