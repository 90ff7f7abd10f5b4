import json

import pytest
import torch
from torch import nn

from pyro_seatbelt.attacks import PGD, Attack, Ball, Classifier
from pyro_seatbelt.attacks.latent_draws import LatentDraws
from pyro_seatbelt.attacks.pair import read_pair
from pyro_seatbelt.errors import InputError
from pyro_seatbelt.traces.posteriors import posterior_means


@pytest.fixture
def pair(pairs):
    return pairs.ChainModel().double().eval(), pairs.ChainGuide().double().eval()


@pytest.fixture
def classify(pairs):
    """Of both layers together: batch normalisation and dropout are there to be switched off."""
    net = nn.Sequential(nn.BatchNorm1d(6), nn.Dropout(0.5), pairs.linear(4, 6, 40, 8.0)).double()
    net[0].running_mean += 0.1
    return net


def labels(classify, guide, x):
    means = posterior_means(guide, x)
    with torch.no_grad():
        return classify.eval()(torch.cat([means["z1"], means["z2"]], 1)).argmax(1)


@pytest.mark.parametrize("loss", ["cross-entropy", "margin"])
def test_it_is_the_mean_loss_over_draws_of_the_latents(pair, classify, pairs, loss):
    model, guide = pair
    x, target = pairs.images(3, 1).double(), pairs.images(3, 2).double()
    read = read_pair(model, guide, x)
    draws = LatentDraws.frozen(range(3), 5, seed=0)
    distance = Classifier(classify, loss=loss).bind(read, target, draws)
    assert classify.training

    def logits(images):
        trace = read.trace_guide(draws.repeat(images), draws, torch.arange(3))
        z = torch.cat([trace.nodes[site]["value"] for site in ("z1", "z2")], 1)
        return classify.eval()(z).view(3, 5, 4)

    own = logits(target).softmax(2).mean(1).argmax(1)
    expected = []
    for row, label in zip(logits(x), own, strict=True):
        if loss == "cross-entropy":
            terms = [-each.log_softmax(0)[label] for each in row]
        else:
            terms = [max(v for k, v in enumerate(each) if k != label) - each[label] for each in row]
        expected.append(sum(terms) / 5)
    torch.testing.assert_close(distance(x, torch.arange(3)), torch.stack(expected))


def test_without_a_target_it_changes_labels_that_random_noise_does_not(pair, classify, pairs):
    x = pairs.images(8, 1).double()
    ball = Ball("linf", 0.2)
    attack = Attack(
        *(Classifier(classify, loss="margin"), PGD(steps=20), [0.0]), ball=ball, noise="mean"
    )
    result = attack(*pair, x)
    before, after = (labels(classify, pair[1], images) for images in (x, result.adversarial))
    assert torch.equal(result.success(distance=0.0), before != after)
    noisy = (x + ball.project(torch.randn(8, 16).double()).view_as(x)).clamp(0, 1)
    assert (before != after).sum() > (before != labels(classify, pair[1], noisy)).sum()
    assert (before != after).sum() >= 6


def test_with_a_target_the_input_takes_its_label(pair, classify, pairs):
    x, target = pairs.images(6, 1).double(), pairs.images(6, 3).double()
    attack = Attack(Classifier(classify, loss="margin"), weights=[1e-3], noise="mean")
    result = attack(*pair, x, target)
    wanted = labels(classify, pair[1], target)
    assert (wanted != labels(classify, pair[1], x)).any()
    assert torch.equal(labels(classify, pair[1], result.adversarial), wanted)
    assert bool(result.success(distance=0.0).all())


def test_an_attack_is_known_again_by_the_weights(pair, classify, pairs):
    x = pairs.images(2, 1).double()
    attack = Attack(Classifier(classify), weights=[0.0])
    first = attack.bind(*pair, x).arguments["objective"]
    assert json.loads(json.dumps(first))["name"] == "classifier"
    assert attack.bind(*pair, x).arguments["objective"] == first
    with torch.no_grad():
        classify[2].bias += 1
    assert attack.bind(*pair, x).arguments["objective"] != first


def test_one_layer_alone(pair, pairs):
    x = pairs.images(2, 1).double()
    attack = Attack(Classifier(nn.Linear(3, 2).double(), layers="top"), weights=[0.0])
    assert attack.bind(*pair, x).layers == ("z2",)


@pytest.mark.parametrize(
    ("classify", "message"),
    [
        (lambda z: z[:, 0], r"logits of shape \(2, classes\).* shape \(2, 6\), got \(2,\)"),
        (lambda z: z[:, :1], r"classes\) from the classifier of latents.*got \(2, 1\)"),
        (lambda z: z.detach(), "do not depend on the image"),
    ],
)
def test_what_is_no_classifier(pair, pairs, classify, message):
    x = pairs.images(2, 1).double()
    with pytest.raises(InputError, match=message):
        Attack(Classifier(classify), weights=[0.0]).bind(*pair, x)


def test_an_unknown_loss_names_the_others():
    with pytest.raises(InputError, match="loss 'cross-entropy' or 'margin', got 'hinge'"):
        Classifier(nn.Identity(), loss="hinge")
