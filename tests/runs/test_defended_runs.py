import torch
from safetensors.torch import load_file

from pyro_seatbelt.runs import load_run, resume_run, train_run

DEFENCES = {
    "input_noise": 0.1,
    "adversarial_radius": 1.0,
    "smooth_weight": 5.0,
    "smooth_radius": 1.0,
    "attack_steps": 1,
}


def weights_of(folder):
    return load_file(folder / "checkpoints" / "step-00000004" / "weights.safetensors")


def test_a_defended_run_is_resumed_and_opened_as_any_other(make_config, tmp_path):
    config = make_config(network="mlp", eval_every=100, **DEFENCES)
    whole = train_run(config, out=tmp_path / "whole").folder
    parts = train_run(config.model_copy(update={"steps": 2}), out=tmp_path / "parts").folder
    resume_run(parts, {"steps": 4})
    plain = train_run(make_config(network="mlp", eval_every=100), out=tmp_path / "plain").folder
    one, two, other = map(weights_of, (whole, parts, plain))
    assert one.keys() == two.keys() == other.keys()
    assert all(torch.equal(one[name], two[name]) for name in one)
    name = "guide.conditionals.0.network.weight"
    assert not torch.equal(one[name], other[name])
    run = load_run(whole)
    assert torch.equal(run.guide.conditionals[0].network.weight, one[name])
    assert run.config.smooth_weight == 5.0
