import pytest
import torch
from torch import nn

from pyro_seatbelt.defences.batch_statistics import BatchStatistics


@pytest.fixture
def norm():
    norm = nn.BatchNorm2d(3).double()
    nn.init.uniform_(norm.weight, 0.5, 1.5)
    nn.init.normal_(norm.bias)
    return norm


@pytest.fixture
def batches():
    return torch.randn(2, 5, 3, 2, 2, dtype=torch.float64)


def gradients(norm, output, x):
    return torch.autograd.grad((output**3).sum(), [x, norm.weight, norm.bias])


def test_with_the_batch_itself_it_is_train_mode(norm, batches):
    x = batches[0].requires_grad_()
    wanted = norm(x)
    statistics = BatchStatistics(norm)
    with statistics.recorded():
        torch.testing.assert_close(norm(x), wanted)
    with statistics.applied():
        applied = norm(x)
    torch.testing.assert_close(applied, wanted)
    for one, other in zip(gradients(norm, applied, x), gradients(norm, wanted, x), strict=True):
        torch.testing.assert_close(one, other)


def test_other_images_are_normalised_by_the_recorded_batch(norm, batches):
    clean, others = batches
    statistics = BatchStatistics(norm)
    with statistics.recorded():
        norm(clean)
    with statistics.applied():
        found, alone = norm(others), norm(others[:1])
    assert torch.equal(found[:1], alone)
    norm.running_mean = clean.mean((0, 2, 3))
    norm.running_var = clean.var((0, 2, 3), correction=0)
    torch.testing.assert_close(found, norm.eval()(others))


def test_gradients_go_into_the_statistics_unless_detached(norm, batches):
    clean = batches[0].requires_grad_()
    statistics = BatchStatistics(norm)
    with statistics.recorded():
        norm(clean)
    with statistics.applied():
        (gradient,) = torch.autograd.grad(norm(batches[1]).square().sum(), clean, retain_graph=True)
    assert gradient.abs().min() > 0
    with statistics.applied(detached=True):
        output = norm(batches[1]).square().sum()
    assert torch.autograd.grad(output, clean, allow_unused=True) == (None,)


def test_running_averages_see_the_recorded_batch_alone(norm, batches):
    twin = nn.BatchNorm2d(3).double()
    twin(batches[0])
    statistics = BatchStatistics(norm)
    with statistics.recorded():
        norm(batches[0])
    with statistics.applied():
        norm(batches[1])
    assert norm.training
    for name, buffer in norm.named_buffers():
        assert torch.equal(buffer, dict(twin.named_buffers())[name]), name
    assert not norm._forward_hooks


def test_a_layer_in_eval_mode_keeps_its_averages(norm, batches):
    norm.eval()
    statistics = BatchStatistics(norm)
    with statistics.recorded():
        recorded = norm(batches[0])
    with statistics.applied():
        applied = norm(batches[0])
    assert torch.equal(recorded, applied)
    assert not norm.training
    assert torch.equal(norm.running_mean, torch.zeros(3))


def test_a_layer_that_runs_twice_takes_turns(norm, batches):
    statistics = BatchStatistics(norm)

    def twice(x):
        return norm(norm(x) ** 2)

    with statistics.recorded():
        recorded = twice(batches[0])
    with statistics.applied():
        assert torch.equal(twice(batches[0]), recorded)
        assert torch.equal(twice(batches[0]), recorded)
