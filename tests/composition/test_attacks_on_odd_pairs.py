"""Attacks on programs that are not ours: flows, discrete and global latents, plain functions."""

import pyro
import pyro.distributions as dist
import pytest
import torch
from pyro.distributions import transforms
from torch import nn

from pyro_seatbelt.attacks import Attack, LatentKL, LatentL2, Output
from pyro_seatbelt.attacks.optimisers import LBFGSB
from pyro_seatbelt.errors import InputError

SHAPE = (1, 4, 4)
SHORT = LBFGSB(max_iterations=3)


@pytest.fixture(autouse=True)
def _own_parameters():
    with pyro.settings.context(module_local_params=True):
        yield


def images(count=2, seed=0):
    return torch.rand(2 * count, *SHAPE, generator=torch.Generator().manual_seed(seed)).split(count)


def head(out, seed=0):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return nn.Linear(16, out)


def decoder(seed=1):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return nn.Linear(3, 16)


ENCODER, LABELS, DECODER, CENTRES = head(6), head(4, 2), decoder(), torch.arange(12.0).view(4, 3)


def gaussian(x):
    loc, raw = ENCODER(x.flatten(1)).chunk(2, -1)
    return dist.Normal(loc, raw.exp())


def observe(z, x):
    mean = DECODER(z).unflatten(-1, SHAPE)
    pyro.sample("x", dist.Normal(mean, 0.3).to_event(3), obs=x)


class Flow:
    """A posterior that can be drawn and has a density, and no mean."""

    @staticmethod
    def guide(x):
        with pyro.plate("data", len(x)):
            bend = transforms.ComposeTransform([transforms.TanhTransform()])
            q = dist.TransformedDistribution(gaussian(x), [bend])
            pyro.sample("z", q.to_event(1))

    @staticmethod
    def model(x):
        with pyro.plate("data", len(x)):
            prior = dist.Normal(torch.zeros(3), 1.0).to_event(1)
            observe(pyro.sample("z", prior), x)


class Mixture:
    """A label beside the code, and a code that depends on it."""

    @staticmethod
    def guide(x):
        with pyro.plate("data", len(x)):
            pyro.sample("y", dist.Categorical(logits=LABELS(x.flatten(1))))
            pyro.sample("z", gaussian(x).to_event(1))

    @staticmethod
    def model(x):
        with pyro.plate("data", len(x)):
            y = pyro.sample("y", dist.Categorical(torch.ones(4) / 4))
            observe(pyro.sample("z", dist.Normal(CENTRES[y], 1.0).to_event(1)), x)


class Shared:
    """A latent that all images share."""

    @staticmethod
    def guide(x):
        pyro.sample("w", dist.Normal(1.0, 0.1))
        with pyro.plate("data", len(x)):
            pyro.sample("z", gaussian(x).to_event(1))

    @staticmethod
    def model(x):
        w = pyro.sample("w", dist.Normal(0.0, 1.0))
        with pyro.plate("data", len(x)):
            observe(w * pyro.sample("z", dist.Normal(torch.zeros(3), 1.0).to_event(1)), x)


ATTACKS = {
    "flow, draws": (Flow, LatentL2("draws")),
    "flow, samples": (Flow, LatentKL(estimator="samples")),
    "flow, output": (Flow, Output()),
    "label beside": (Mixture, LatentKL(["z"])),
    "label, output": (Mixture, Output()),
    "global beside": (Shared, LatentKL(["z"])),
    "global, output": (Shared, Output()),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_is_attacked_and_recorded_with_the_model(name):
    pair, objective = ATTACKS[name]
    x, target = images()
    attack = Attack(objective, SHORT, [0.0, 0.1], samples=3)
    result, again = (attack(pair.model, pair.guide, x, target) for _ in range(2))
    for field in ("distortion", "distance", "target_nll", "reconstruction", "l2_clean"):
        assert getattr(result, field).isfinite().all(), field
        assert torch.equal(getattr(result, field), getattr(again, field)), field
    assert (result.norm > 0).any()


def test_what_is_recorded_of_a_flow_is_one_draw_for_all():
    x, target = images()
    attack = Attack(LatentL2("draws"), SHORT, [1e6])  # a penalty that leaves d = 0
    result = attack(Flow.model, Flow.guide, x, target)
    clean = attack.bind(Flow.model, Flow.guide, x, target).pair_images()["input_reconstruction"]
    assert torch.equal(result.distortion, torch.zeros_like(x))
    assert torch.equal(result.reconstruction, clean)
    assert torch.equal(result.l2_clean, torch.zeros(2))
    twice = attack.bind(Flow.model, Flow.guide, x[[0, 0]]).pair_images()["input_reconstruction"]
    assert torch.equal(twice[0], twice[1])


def test_an_output_attack_beside_a_global_latent_is_the_bound_given_its_draw():
    """With a latent that is all but certain it is the bound of the pair without it."""

    def narrow(x):
        pyro.sample("w", dist.Normal(1.0, 1e-9))
        gaussian_guide(x)

    x, target = images()
    attack = Attack(Output(), SHORT, [1.0], samples=2)
    alone = attack(Flow.model, gaussian_guide, x, target)
    drawn = attack(Shared.model, narrow, x, target)
    assert torch.allclose(alone.value_at_input, drawn.value_at_input)


def gaussian_guide(x):
    with pyro.plate("data", len(x)):
        pyro.sample("z", gaussian(x).to_event(1))


def test_an_output_attack_beside_a_label_is_the_bound_at_the_labels_drawn():
    """The mean over many draws is the sum over labels, by hand."""
    x, target = images(1)
    samples = 1000
    attack = Attack(Output(), SHORT, [1.0], samples=samples, rows=20000)
    value = attack.bind(Mixture.model, Mixture.guide, x, target).penalised_distance([0])
    with torch.no_grad():
        drawn = value.judge(torch.zeros(1, 16, dtype=torch.float64))[1].item()
        q, z = dist.Categorical(logits=LABELS(x.flatten(1))), gaussian(x)
        kl = q.probs[0] @ (q.probs[0] * 4).log()
        for y, share in enumerate(q.probs[0]):
            prior = dist.Normal(CENTRES[y], 1.0)
            kl = kl + share * torch.distributions.kl_divergence(z, prior).sum()
        draws = z.rsample((20_000,))
        likelihood = dist.Normal(DECODER(draws), 0.3).log_prob(target.flatten(1)).sum(-1).mean()
    assert drawn == pytest.approx((kl - likelihood).item(), rel=0.05)


@pytest.mark.parametrize(
    ("pair", "objective", "options", "message"),
    [
        (Flow, LatentL2(), {}, r"site 'z': .* has no mean; compare draws, with LatentL2\('draws'"),
        (
            Flow,
            LatentL2("draws"),
            {"noise": "mean"},
            "noise='mean'.*site 'z' has no mean.*noise='frozen'",
        ),
        (Mixture, LatentKL(), {}, r"'y': Categorical has no rsample.*layers=\['z'\]"),
        (Shared, LatentKL(), {}, r"'w' is not inside.*layers=\['z'\]"),
    ],
)
def test_what_cannot_be_attacked_is_said_beforehand(pair, objective, options, message):
    with pytest.raises(InputError, match=message):
        Attack(objective, SHORT, [1.0], **options).bind(pair.model, pair.guide, *images())


def test_a_bound_without_any_reparameterised_latent_is_refused():
    def guide(x):
        with pyro.plate("data", len(x)):
            pyro.sample("y", dist.Categorical(logits=LABELS(x.flatten(1))))

    def model(x):
        with pyro.plate("data", len(x)):
            observe(CENTRES[pyro.sample("y", dist.Categorical(torch.ones(4) / 4))], x)

    with pytest.raises(InputError, match="'y': Categorical has no rsample"):
        Attack(Output()).bind(model, guide, *images())


def test_a_model_that_breaks_on_what_is_recorded_is_refused_before_the_search():
    def model(x):
        with pyro.plate("data", len(x)):
            z = pyro.sample("z", dist.Normal(torch.zeros(3), 1.0).to_event(1))
            pyro.sample("sum", dist.Normal(z.sum(-1), 1.0), obs=x.flatten(1).sum(1))

    with pytest.raises(InputError, match="observes no site with the 16 elements of an image"):
        Attack(LatentKL()).bind(model, gaussian_guide, *images())


def closure(net):
    def guide(x):
        with pyro.plate("data", len(x)):
            loc, raw = net(x.flatten(1)).chunk(2, -1)
            pyro.sample("z", dist.Normal(loc, raw.exp()).to_event(1))

    return guide


def test_modules_in_a_closure_are_put_into_eval_mode():
    """Dropout there made two identical attacks differ."""
    net = nn.Sequential(head(32), nn.BatchNorm1d(32), nn.Dropout(0.5), nn.Linear(32, 6))
    x, target = images()
    one, other = (Attack(LatentKL(), SHORT, [1.0])(None, closure(net), x, target) for _ in "ab")
    assert torch.equal(one.distortion, other.distortion)
    assert one.distance.isfinite().all()
    assert net.training


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (nn.functional.dropout, "two answers to the same images with the same noise.*eval"),
        (nn.BatchNorm1d(32, track_running_stats=False), "depends on the images that share its"),
    ],
)
def test_a_guide_that_is_no_function_of_its_image_is_refused(layer, message):
    first, last = head(32), nn.Linear(32, 6)
    guide = closure(lambda x: last(layer(first(x))))
    with pytest.raises(InputError, match=message):
        Attack(LatentKL(), SHORT, [1.0]).bind(None, guide, *images())
