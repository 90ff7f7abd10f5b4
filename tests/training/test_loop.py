import itertools
import json
import os
import signal

import pyro
import pytest
import torch
from pyro.infer import SVI, Trace_ELBO
from pyro.optim import Adam
from torch import nn

from pyro_seatbelt import presets
from pyro_seatbelt.data import ResidentImages, to_pixels
from pyro_seatbelt.errors import InputError
from pyro_seatbelt.training import LinearWarmup, TrainConfig, TrainingDiverged, fit
from pyro_seatbelt.training.checkpoint import load_checkpoint
from pyro_seatbelt.training.layout import checkpoints
from pyro_seatbelt.training.loop import num_steps
from pyro_seatbelt.training.metrics import read_metrics
from pyro_seatbelt.training.randomness import EpochOrder, seed_step

ALL = torch.arange(24)


def timeless(records):
    return [{k: v for k, v in each.items() if k != "images_per_second"} for each in records]


class StopAt:
    """Sends this process a signal while a step is under way."""

    def __init__(self, step, number=signal.SIGINT):
        self.at, self.number = step, number

    def __call__(self, stage, step, total, numbers=None):
        if step == self.at:
            os.kill(os.getpid(), self.number)


def test_anybodys_pair_learns_under_anybodys_objective(pair, images, config, tmp_path):
    config = config.model_copy(update={"steps": 200, "log_every": 20})
    outcome = fit(*pair, Trace_ELBO(), images, ALL, config, folder=tmp_path)
    assert outcome.step == 200
    assert not outcome.interrupted
    losses = [each["loss"] for each in read_metrics(tmp_path / "metrics.jsonl")]
    assert losses[-1] < losses[0] - 1
    assert all(
        math_keys == {"step", "kind", "loss", "gradient_norm", "images_per_second"}
        for math_keys in map(set, read_metrics(tmp_path / "metrics.jsonl"))
    )


def test_the_loss_is_in_nats_per_image(pair, make_pair, images, config, tmp_path):
    config = config.model_copy(update={"steps": 1})
    fit(*pair, Trace_ELBO(), images, ALL, config, folder=tmp_path)
    logged = read_metrics(tmp_path / "metrics.jsonl")[0]["loss"]
    x = to_pixels(images.gather(EpochOrder(ALL, batch_size=8, seed=0).batch(1)))
    other = make_pair()
    seed_step(0, 1, torch.device("cpu"))
    assert logged == pytest.approx(Trace_ELBO().loss(*other, x) / 24, rel=1e-6)


def test_nothing_leaks_into_the_process(pair, images, config):
    before = torch.get_rng_state()
    handler = signal.getsignal(signal.SIGINT)
    fit(*pair, Trace_ELBO(), images, ALL, config)
    assert torch.equal(torch.get_rng_state(), before)
    assert signal.getsignal(signal.SIGINT) is handler
    assert not pyro.settings.get("module_local_params")
    assert pyro.settings.get("validate_poutine")
    assert not list(pyro.get_param_store().keys())


def test_two_runs_of_one_seed_are_one_run(make_pair, images, config):
    weights = []
    for noise in (0, 1):
        pair = make_pair()
        torch.manual_seed(noise)  # whatever the process drew before
        fit(*pair, Trace_ELBO(), images, ALL, config)
        weights.append(pair.weights())
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])
    other = make_pair()
    fit(*other, Trace_ELBO(), images, ALL, config.model_copy(update={"seed": 1}))
    assert not torch.equal(other.weights()["model.net.weight"], weights[0]["model.net.weight"])


@pytest.mark.parametrize("stop", [3, 5, 7])
def test_a_run_that_was_stopped_goes_on_as_if_it_had_not_been(
    stop, make_pair, images, config, tmp_path
):
    def evaluate():
        torch.rand(3)  # numbers drawn here are not the run's
        return {"elbo": 1.0}

    whole, parts = make_pair(), make_pair()
    (tmp_path / "whole").mkdir()
    (tmp_path / "parts").mkdir()
    options = {"evaluate": evaluate}
    fit(*whole, Trace_ELBO(), images, ALL, config, folder=tmp_path / "whole", **options)
    first = fit(
        *parts,
        Trace_ELBO(),
        images,
        ALL,
        config,
        folder=tmp_path / "parts",
        progress=StopAt(stop),
        **options,
    )
    assert first.interrupted
    assert first.step == stop
    again = make_pair()
    fit(
        *again,
        Trace_ELBO(),
        images,
        ALL,
        config,
        folder=tmp_path / "parts",
        resume=load_checkpoint(first.checkpoint),
        **options,
    )
    one, two = whole.weights(), again.weights()
    assert all(torch.equal(one[name], two[name]) for name in one)
    records = [
        timeless(read_metrics(tmp_path / each / "metrics.jsonl")) for each in ("whole", "parts")
    ]
    assert records[0] == records[1]


@pytest.mark.parametrize("cut_off", [1, 2, 3])
def test_an_evaluation_that_is_cut_off_costs_no_step(cut_off, make_pair, images, config, tmp_path):
    config = config.model_copy(update={"steps": 9, "checkpoint_every": 3, "eval_every": 3})

    def run(name, pair, *, broken=None, resume=None):
        evaluations = 0

        def evaluate():
            nonlocal evaluations
            evaluations += 1
            if evaluations == broken:
                raise KeyboardInterrupt
            return {"statistics": pair.guide.net[0].running_mean.sum().item()}

        (tmp_path / name).mkdir(exist_ok=True)
        options = {"folder": tmp_path / name, "evaluate": evaluate, "resume": resume}
        outcome = fit(*pair, Trace_ELBO(), images, ALL, config, **options)
        return outcome.step, evaluations

    whole, parts = make_pair(), make_pair()
    assert run("whole", whole) == (9, 3)
    with pytest.raises(KeyboardInterrupt):
        run("parts", make_pair(), broken=cut_off)
    newest = load_checkpoint(checkpoints(tmp_path / "parts" / "checkpoints")[-1])
    assert newest.step == 3 * cut_off
    assert run("parts", parts, resume=newest) == (9, 4 - cut_off)
    one, two = whole.weights(), parts.weights()
    assert all(torch.equal(one[name], two[name]) for name in one)
    records = [
        timeless(read_metrics(tmp_path / each / "metrics.jsonl")) for each in ("whole", "parts")
    ]
    assert records[0] == records[1]


def test_what_is_evaluated_is_what_is_saved(make_pair, images, config, tmp_path):
    config = config.model_copy(update={"eval_every": 100, "checkpoint_every": 100})
    stopped = fit(
        *make_pair(), Trace_ELBO(), images, ALL, config, folder=tmp_path, progress=StopAt(7)
    )
    pair, seen = make_pair(), []
    fit(
        *pair,
        Trace_ELBO(),
        images,
        ALL,
        config.model_copy(update={"steps": 7}),
        folder=tmp_path,
        resume=load_checkpoint(stopped.checkpoint),
        evaluate=lambda: seen.append(pair.weights()) or {},
    )
    [evaluated] = seen
    saved = make_pair()
    parameters = [*saved.model.parameters(), *saved.guide.parameters()]
    optimizer = torch.optim.Adam(parameters, lr=config.learning_rate)
    load_checkpoint(stopped.checkpoint).restore(saved._asdict(), optimizer)
    assert all(torch.equal(evaluated[name], each) for name, each in saved.weights().items())


def test_a_stop_that_is_asked_for_during_an_evaluation_saves_its_step(
    pair, images, config, tmp_path
):
    def evaluate():
        os.kill(os.getpid(), signal.SIGINT)
        return {"elbo": 1.0}

    config = config.model_copy(update={"checkpoint_every": 9, "eval_every": 4})
    outcome = fit(*pair, Trace_ELBO(), images, ALL, config, folder=tmp_path, evaluate=evaluate)
    assert outcome.interrupted
    assert load_checkpoint(outcome.checkpoint).step == 4


def test_checkpoints_are_written_by_the_clock_as_well(
    make_pair, images, config, tmp_path, monkeypatch
):
    now = 0.0

    def clock(stage, step, total, numbers=None):
        nonlocal now
        now = 40.0 * step

    monkeypatch.setattr("time.monotonic", lambda: now)
    config = config.model_copy(
        update={"steps": 7, "checkpoint_every": 100, "checkpoint_minutes": 1.0}
    )
    fit(*make_pair(), Trace_ELBO(), images, ALL, config, folder=tmp_path, progress=clock)
    saved = checkpoints(tmp_path / "checkpoints")
    assert [load_checkpoint(path).step for path in saved] == [4, 6, 7]


def test_nothing_is_written_before_a_run_begins(make_pair, images, config, tmp_path):
    done = fit(*make_pair(), Trace_ELBO(), images, ALL, config, folder=tmp_path)
    path = tmp_path / "metrics.jsonl"
    before = path.read_bytes()
    early, seen = load_checkpoint(done.checkpoint.with_name("step-00000006")), []
    fit(
        *make_pair(),
        Trace_ELBO(),
        images,
        ALL,
        config,
        folder=tmp_path,
        resume=early,
        begin=lambda: seen.append(path.read_bytes()),
    )
    assert seen == [before]


def test_metrics_of_steps_that_were_lost_are_taken_again(make_pair, images, config, tmp_path):
    fit(*make_pair(), Trace_ELBO(), images, ALL, config, folder=tmp_path)
    expected = timeless(read_metrics(tmp_path / "metrics.jsonl"))
    with (tmp_path / "metrics.jsonl").open("a") as file:
        file.write('{"step": 9, "kind"')  # killed while writing
    early = load_checkpoint(checkpoints(tmp_path / "checkpoints")[0])
    assert early.step == 6
    fit(*make_pair(), Trace_ELBO(), images, ALL, config, folder=tmp_path, resume=early)
    assert timeless(read_metrics(tmp_path / "metrics.jsonl")) == expected


def test_a_finished_run_has_nothing_left_to_do(make_pair, images, config, tmp_path):
    done = fit(*make_pair(), Trace_ELBO(), images, ALL, config, folder=tmp_path)
    checkpoint = load_checkpoint(done.checkpoint)
    again = fit(*make_pair(), Trace_ELBO(), images, ALL, config, folder=tmp_path, resume=checkpoint)
    assert again == done


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_polite_stop_finishes_the_step_and_saves(number, pair, images, config, tmp_path):
    outcome = fit(
        *pair, Trace_ELBO(), images, ALL, config, folder=tmp_path, progress=StopAt(4, number)
    )
    assert outcome.interrupted
    assert outcome.checkpoint == tmp_path / "checkpoints" / "step-00000004"
    assert load_checkpoint(outcome.checkpoint).step == 4


def test_a_second_ctrl_c_acts_at_once(pair, images, config):
    def impatient(stage, step, total, numbers=None):
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        fit(*pair, Trace_ELBO(), images, ALL, config, progress=impatient)


def test_old_checkpoints_are_dropped(pair, images, config, tmp_path):
    config = config.model_copy(update={"keep_checkpoints": 2})
    fit(*pair, Trace_ELBO(), images, ALL, config, folder=tmp_path)
    assert [each.name for each in checkpoints(tmp_path / "checkpoints")] == [
        "step-00000009",
        "step-00000010",
    ]


def test_gradients_are_clipped(make_pair, images, config):
    config = config.model_copy(update={"steps": 1, "learning_rate": 1.0})
    gradients = []
    for clip_norm in (None, 1e-3):
        pair = make_pair()
        fit(*pair, Trace_ELBO(), images, ALL, config.model_copy(update={"clip_norm": clip_norm}))
        parameters = itertools.chain(pair.model.parameters(), pair.guide.parameters())
        gradients.append(torch.cat([each.grad.flatten() for each in parameters]).norm().item())
    assert gradients[0] > 1
    assert gradients[1] == pytest.approx(1e-3, rel=1e-2)


class BreaksAt(nn.Module):
    """Passes its input on until a step, then spoils the value or the gradient."""

    def __init__(self, step, value=True):
        super().__init__()
        self.step, self.value, self.calls = step, value, 0

    def forward(self, z):
        self.calls += torch.is_grad_enabled()  # the others are no steps
        if self.calls < self.step:
            return z
        if self.value:
            return z / torch.zeros_like(z)
        if z.requires_grad:
            z.register_hook(lambda gradient: gradient * float("nan"))
        return z


def test_a_loss_that_is_no_number_is_traced_to_its_term(pair, images, config, tmp_path):
    pair.model.net = nn.Sequential(BreaksAt(5), pair.model.net)
    before = None

    def keep(stage, step, total, numbers=None):
        nonlocal before
        before = pair.weights()

    with pytest.raises(TrainingDiverged, match=r"step 5: log_likelihood is not") as e:
        fit(*pair, Trace_ELBO(), images, ALL, config, folder=tmp_path, progress=keep)
    assert e.value.step == 5
    assert e.value.checkpoint == tmp_path / "checkpoints" / "step-00000003"
    names = [name for name in before if "running" not in name and "num_batches" not in name]
    after = pair.weights()
    assert all(torch.equal(before[name], after[name]) for name in names)
    assert len(checkpoints(tmp_path / "checkpoints")) == 1


def test_a_gradient_that_is_no_number_is_traced_to_its_parameter(pair, images, config):
    pair.guide.net = nn.Sequential(pair.guide.net, BreaksAt(3, value=False))
    with pytest.raises(TrainingDiverged, match=r"step 3: the gradient of guide\.net\.0\.0\.weight"):
        fit(*pair, Trace_ELBO(), images, ALL, config)


def test_a_finite_loss_beyond_all_bounds_has_diverged(pair, images, config):
    pair.model.net.register_forward_hook(
        lambda module, inputs, output: output * 1e6 if module.training else output
    )
    message = r"step 1: log_likelihood is beyond 1e\+09 nats per pixel; no checkpoint yet"
    with pytest.raises(TrainingDiverged, match=message):
        fit(*pair, Trace_ELBO(), images, ALL, config)


def nan_while_training(module, inputs, output):
    return output * torch.nan if module.training else output


@pytest.mark.parametrize("term", ["log_likelihood", "kl[z1]", "kl[z2]"])
def test_terms_of_our_objective_are_named(term, config):
    images = ResidentImages(torch.randint(256, (24, 1, 8, 8), dtype=torch.uint8))
    model, guide, objective = presets.build(
        "seatbelt", layers=2, network="mlp", image_shape=(1, 8, 8), num_data=24, latent_dim=2
    )
    top_posterior = [each for each in guide.modules() if isinstance(each, nn.Linear)][-1]
    broken = {
        "log_likelihood": model.decoder,
        "kl[z1]": model.conditionals[0].network,
        "kl[z2]": top_posterior,
    }
    broken[term].register_forward_hook(nan_while_training)
    with pytest.raises(TrainingDiverged) as error:
        fit(model, guide, objective, images, ALL, config)
    assert error.value.term == term
    assert error.value.checkpoint is None


def test_a_weight_that_overflows_is_the_objectives(config):
    images = ResidentImages(torch.randint(256, (24, 1, 8, 8), dtype=torch.uint8))
    family = presets.build(
        "beta-tcvae", network="mlp", image_shape=(1, 8, 8), num_data=24, latent_dim=2
    )

    def schedule(step):
        family.objective.beta = 1e300 if step == 2 else 1.0

    with pytest.raises(TrainingDiverged, match="step 2: objective is not finite"):
        fit(*family, images, ALL, config, schedule=schedule)


def test_our_family_reports_its_terms(config, tmp_path):
    images = ResidentImages(torch.randint(256, (24, 1, 8, 8), dtype=torch.uint8))
    family = presets.build(
        "seatbelt", layers=2, network="mlp", image_shape=(1, 8, 8), num_data=24, num_particles=2
    )
    warmup = LinearWarmup(family.objective, 20)
    fit(*family, images, ALL, config, folder=tmp_path, schedule=warmup)
    record = read_metrics(tmp_path / "metrics.jsonl")[-1]
    assert record["elbo"] == pytest.approx(
        record["log_likelihood"] - sum(record["kl"].values()), rel=1e-4
    )
    assert set(record["kl"]) == set(record["active_units"]) == {"z1", "z2"}
    assert family.objective.beta == 3.0


@pytest.mark.parametrize("name", ["beta-tcvae", "hfvae", "ladder-vae", "biva"])
def test_ours_trains_under_svi_too(name):
    images = torch.full((24, 1, 8, 8), 0.1)
    family = presets.build(name, network="mlp", image_shape=(1, 8, 8), num_data=24, latent_dim=2)
    svi = SVI(family.model, family.guide, Adam({"lr": 1e-3}), loss=family.objective)
    losses = [svi.step(images) for _ in range(12)]
    assert losses[-1] < 0.9 * losses[0]


def test_a_pair_without_parameters_is_refused(pair, images, config):
    class Bare(nn.Module):
        def forward(self, x):
            with pyro.plate("images", 24, subsample=x):
                pyro.sample("z", pyro.distributions.Normal(0.0, 1.0))

    with pytest.raises(ValueError, match="expected a model and a guide with parameters"):
        fit(Bare(), Bare(), Trace_ELBO(), images, ALL, config)


def test_a_batch_larger_than_the_data_is_refused(pair, images, config):
    with pytest.raises(InputError, match="batch_size: expected at most the 24 training images"):
        fit(*pair, Trace_ELBO(), images, ALL, config.model_copy(update={"batch_size": 25}))


def test_a_checkpoint_of_another_pair_is_refused(pair, make_pair, images, config, tmp_path):
    done = fit(*pair, Trace_ELBO(), images, ALL, config, folder=tmp_path)
    other = make_pair()
    other.model.net = nn.Linear(2, 16, bias=False)
    with pytest.raises(InputError, match="weights of another model"):
        fit(
            *other,
            Trace_ELBO(),
            images,
            ALL,
            config.model_copy(update={"steps": 20}),
            resume=load_checkpoint(done.checkpoint),
        )


def test_epochs_count_full_batches():
    assert num_steps(TrainConfig(epochs=2, batch_size=10), 29) == 4


def test_tensorboard_gets_the_numbers(pair, images, config, tmp_path):
    pytest.importorskip("tensorboard")
    config = config.model_copy(update={"tensorboard": True})
    fit(*pair, Trace_ELBO(), images, ALL, config, folder=tmp_path)
    assert list((tmp_path / "tensorboard").glob("events.out.tfevents.*"))
    json.loads((tmp_path / "metrics.jsonl").read_text().splitlines()[0])


def test_bfloat16_networks_train(pair, images, config):
    config = config.model_copy(update={"precision": "bf16-mixed"})
    assert fit(*pair, Trace_ELBO(), images, ALL, config).step == 10
    assert pair.model.net.weight.dtype == torch.float32
