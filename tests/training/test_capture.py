from contextlib import nullcontext

import pyro
import pytest
import torch
from pyro.infer import Trace_ELBO
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from pyro_seatbelt import presets
from pyro_seatbelt.data import ResidentImages
from pyro_seatbelt.training import LinearWarmup, TrainConfig, TrainingDiverged, fit
from pyro_seatbelt.training.capture import WARMUP, Captured, numbers_of, recorder_for
from pyro_seatbelt.training.checkpoint import load_checkpoint
from pyro_seatbelt.training.defended import defended
from pyro_seatbelt.training.device import make_fabric
from pyro_seatbelt.training.metrics import read_metrics
from pyro_seatbelt.training.watch import Watch


class Plain:
    """Where a graph would be captured, the function itself is called."""

    def __init__(self):
        self.recordings = 0

    def warmup(self):
        return nullcontext()

    def record(self, function):
        self.recordings += 1
        return function


class Cannot(Plain):
    def record(self, function):
        raise RuntimeError("operation not permitted when stream is capturing")


@pytest.fixture
def as_on_cuda(monkeypatch):
    """The loop as it is on CUDA, with a call in the place of a graph."""
    recorder = Plain()
    monkeypatch.setattr("pyro_seatbelt.training.loop.recorder_for", lambda fabric: recorder)
    monkeypatch.setattr(
        "pyro_seatbelt.training.loop.watch_for",
        lambda optimizer, device, after: Watch(optimizer, after=after, device=device),
    )
    return recorder


def train(folder, **options):
    images = torch.randint(256, (24, 1, 8, 8), generator=torch.Generator().manual_seed(1))
    torch.manual_seed(0)
    family = presets.build(
        "seatbelt", layers=2, network="mlp", features=8, hidden=8, image_shape=(1, 8, 8),
        num_data=24, latent_dim=3,
    )  # fmt: skip
    resume = options.pop("resume", None)
    folder.mkdir(exist_ok=True)
    config = TrainConfig(
        steps=20, batch_size=8, device="cpu", log_every=7, eval_every=100, checkpoint_every=9,
        clip_norm=5.0, learning_rate_schedule="cosine", **options,
    )  # fmt: skip
    fit(
        *family,
        ResidentImages(images.to(torch.uint8)),
        torch.arange(24),
        config,
        folder=folder,
        resume=resume,
        schedule=LinearWarmup(family.objective, 4),
    )
    return {**family.model.state_dict(prefix="m."), **family.guide.state_dict(prefix="g.")}


def test_recorded_steps_are_the_steps_of_the_plain_loop(as_on_cuda, tmp_path, monkeypatch):
    recorded = train(tmp_path / "recorded")
    assert as_on_cuda.recordings == 1  # at step 8: at step 4 the warm-up of beta ended
    again = train(
        tmp_path / "recorded",
        resume=load_checkpoint(tmp_path / "recorded" / "checkpoints" / "step-00000009"),
    )
    monkeypatch.undo()
    plain = train(tmp_path / "plain")
    assert all(torch.equal(value, recorded[name]) for name, value in plain.items())
    assert all(torch.equal(value, again[name]) for name, value in plain.items())
    one, other = (
        [
            {key: value for key, value in each.items() if key != "images_per_second"}
            for each in read_metrics(tmp_path / name / "metrics.jsonl")
        ]
        for name in ("recorded", "plain")
    )
    assert one == other


def test_a_step_that_broke_is_named_however_late_it_is_seen(
    as_on_cuda, make_pair, images, config, tmp_path
):
    class Breaks(nn.Module):
        calls = 0

        def forward(self, z):
            self.calls += torch.is_grad_enabled()
            return z if self.calls < 7 else z / torch.zeros_like(z)

    whole, pair = make_pair(), make_pair()
    config = config.model_copy(
        update={"steps": 40, "log_every": 30, "checkpoint_every": 100, "eval_every": 100}
    )
    before = config.model_copy(update={"steps": 6})
    fit(*whole, Trace_ELBO(), images, torch.arange(24), before)
    pair.model.net = nn.Sequential(Breaks(), pair.model.net)
    seen = []
    with pytest.raises(TrainingDiverged, match=r"step 7: log_likelihood is not finite"):
        fit(
            *pair,
            Trace_ELBO(),
            images,
            torch.arange(24),
            config,
            folder=tmp_path,
            progress=lambda stage, step, total, numbers=None: seen.append(step),
        )
    assert seen[-1] == 29  # the numbers of step 30 were the first to be read
    assert torch.equal(pair.model.net[1].weight, whole.model.net.weight)
    assert [each["step"] for each in read_metrics(tmp_path / "metrics.jsonl")] == [1]


def test_a_function_is_recorded_once_it_has_warmed_up_and_again_when_its_numbers_change():
    recorder, factor, calls = Plain(), [1.0], []
    captured = Captured(
        lambda x: calls.append(len(calls)) or factor[0] * x, recorder, constants=lambda: factor[0]
    )
    for k in range(6):
        assert captured(torch.tensor(float(k))) == k
        assert captured.recorded == (k >= WARMUP)
    factor[0] = 2.0
    assert captured(torch.tensor(3.0)) == 6
    assert not captured.recorded
    for _ in range(WARMUP):
        captured(torch.tensor(0.0))
    assert captured.recorded
    assert recorder.recordings == 2


def test_what_cannot_be_recorded_runs_as_usual(caplog):
    captured = Captured(lambda x: 2 * x, Cannot(), constants=lambda: None)
    assert [captured(torch.tensor(float(k))).item() for k in range(6)] == [0, 2, 4, 6, 8, 10]
    assert not captured.recorded
    assert [each.message for each in caplog.records] == [
        (
            "steps cannot be captured and are launched one by one: operation not permitted when "
            "stream is capturing"
        )
    ]


def test_numbers_of_an_objective_are_those_of_its_defences_too():
    family = presets.build("beta-tcvae", network="mlp", image_shape=(1, 8, 8), num_data=24)
    objective = defended(family.objective, TrainConfig(input_noise=0.1))
    before = numbers_of(objective)
    family.objective.beta = 2.0
    assert numbers_of(objective) != before


def test_on_the_cpu_nothing_is_recorded():
    assert recorder_for(make_fabric("cpu")) is None


class FromElsewhere(TorchDispatchMode):
    """Notes what is copied to another device."""

    def __init__(self):
        super().__init__()
        self.copies = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        tensors = [each for each in args if isinstance(each, torch.Tensor) and each.ndim]
        devices = {each.device.type for each in tensors}
        wanted = (kwargs or {}).get("device")
        if "copy" in str(func) and "cpu" in devices and (wanted or "meta" in devices):
            self.copies.append(str(func))
        return func(*args, **(kwargs or {}))


def test_copies_to_a_device_are_noticed():
    with FromElsewhere() as elsewhere:
        torch.ones(2).to("meta")
        torch.zeros(2, device="meta").copy_(torch.ones(2))
    assert len(elsewhere.copies) == 2


@pytest.mark.parametrize(
    ("preset", "options"),
    [
        ("vae", {}),
        ("beta-tcvae", {"estimator": "mss"}),
        ("seatbelt", {"layers": 3, "free_bits": 0.1}),
        ("seatbelt", {"layers": 2, "num_particles": 2, "guide": "top-down"}),
        ("seatbelt", {"layers": 2, "analytic_entropy": True, "likelihood": "gaussian"}),
    ],
)
def test_no_step_of_the_family_reads_the_device_or_copies_to_it(preset, options):
    # on the device "meta" there are no values: whatever asks for one fails, as it would in a graph
    family = presets.build(
        preset, network="conv", features=8, hidden=8, num_data=24, latent_dim=3, **options
    )
    with pyro.settings.context(module_local_params=True), pyro.validation_enabled(False):
        loss = family.objective(family.model, family.guide).to("meta")
        x = torch.zeros(6, 1, 64, 64, device="meta")
        with FromElsewhere() as elsewhere:
            loss(x).backward()
    assert not elsewhere.copies
    assert all(each.grad is not None for each in loss.parameters())
