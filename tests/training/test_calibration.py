"""Statistics of batch normalisation that fit the weights."""

import pytest
import torch
from pyro.infer import Trace_ELBO
from torch import nn

from pyro_seatbelt.data import to_pixels
from pyro_seatbelt.training import fit
from pyro_seatbelt.training.calibration import batch_statistics, calibrate


@pytest.fixture
def net():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.ReLU(), nn.Flatten())
    return net.append(nn.BatchNorm1d(3 * 6 * 6))


@pytest.fixture
def batches():
    generator = torch.Generator().manual_seed(1)
    return [5 + torch.randn(16, 1, 8, 8, generator=generator) for _ in range(3)]


def test_statistics_are_those_of_all_batches(net, batches):
    calibrate(net, net, batches)
    with torch.no_grad():
        maps = [net[0](batch).transpose(0, 1).flatten(1) for batch in batches]
    means = torch.stack([each.mean(1) for each in maps])
    within = torch.stack([each.var(1, correction=1) for each in maps]).mean(0)
    torch.testing.assert_close(net[1].running_mean, means.mean(0))
    torch.testing.assert_close(net[1].running_var, within + means.var(0, correction=0))


def test_batches_that_differ_widen_the_variance():
    norm = nn.BatchNorm1d(1)
    calibrate(norm, norm, [torch.full((4, 1), 1000.0), torch.full((4, 1), 1002.0)])
    assert (norm.running_mean.item(), norm.running_var.item()) == (1001.0, 1.0)


def test_nothing_else_changes(net, batches):
    before = {name: each.clone() for name, each in net.named_parameters()}
    calibrate(net, net, batches)
    assert all(torch.equal(each, before[name]) for name, each in net.named_parameters())
    assert all(each.grad is None for each in net.parameters())
    assert [net[1].momentum, net[4].momentum] == [0.1, 0.1]
    assert net.training


def test_what_was_there_before_does_not_matter(net, batches):
    calibrate(net, net, batches)
    expected = net[4].running_mean.clone()
    net[1].running_mean += 7
    calibrate(net, net, batches)
    assert torch.equal(net[4].running_mean, expected)


def test_a_layer_in_eval_mode_keeps_what_it_has(net, batches):
    net[1].eval()
    calibrate(net, net, batches)
    assert torch.equal(net[1].running_mean, torch.zeros(3))
    assert net[4].running_mean.abs().max() > 0


def test_a_layer_without_momentum_keeps_what_it_has(net, batches):
    net[1].momentum = 0.0
    calibrate(net, net, batches)
    assert torch.equal(net[1].running_mean, torch.zeros(3))
    assert net[4].running_mean.abs().max() > 0


def test_a_layer_that_is_not_reached_keeps_what_it_has(net, batches):
    net[4].running_mean += 7
    calibrate(net[:2], net, batches)
    assert torch.equal(net[4].running_mean, torch.full((108,), 7.0))
    assert net[1].running_mean.abs().max() > 0


def test_an_error_leaves_everything(net, batches):
    before = {name: each.clone() for name, each in net.state_dict().items()}
    with pytest.raises(RuntimeError):
        calibrate(net, net, [batches[0], batches[1][:, :, :4]])
    assert net[1].momentum == 0.1
    assert all(torch.equal(each, before[name]) for name, each in net.state_dict().items())
    assert not net[1]._forward_hooks


def test_without_layers_or_batches_nothing_happens(net):
    def never(batch):
        raise AssertionError

    calibrate(never, nn.Linear(2, 2), [torch.zeros(1, 2)])
    calibrate(net, net, [])
    assert torch.equal(net[1].running_mean, torch.zeros(3))


def test_a_trained_pair_has_the_statistics_of_its_images(make_pair, images, config):
    everything = to_pixels(images.gather(torch.arange(24))).flatten(1)
    pair = make_pair()
    fit(*pair, Trace_ELBO(), images, torch.arange(24), config)
    [norm] = [each for each in pair.guide.modules() if isinstance(each, nn.BatchNorm1d)]
    torch.testing.assert_close(norm.running_mean, everything.mean(0))


def test_a_batch_normalises_itself_in_eval_mode(net, batches):
    before = {name: each.clone() for name, each in net.state_dict().items()}
    with batch_statistics(net), torch.no_grad():
        found = net.eval()(batches[0])
    assert all(torch.equal(each, before[name]) for name, each in net.state_dict().items())
    with torch.no_grad():
        torch.testing.assert_close(found, net.train()(batches[0]))
