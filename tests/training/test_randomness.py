import pytest
import torch

from pyro_seatbelt.errors import InputError
from pyro_seatbelt.training.randomness import EpochOrder, derive_seed, seed_step

INDICES = torch.arange(100, 123)


def test_an_epoch_shows_no_image_twice():
    order = EpochOrder(INDICES, batch_size=5, seed=3)
    epochs = [torch.cat([order.batch(4 * e + b + 1) for b in range(4)]) for e in range(3)]
    for epoch in epochs:
        assert len(epoch.unique()) == 20
        assert set(epoch.tolist()) <= set(INDICES.tolist())
    assert not torch.equal(epochs[0], epochs[1])


def test_over_many_epochs_every_image_comes_equally_often():
    order = EpochOrder(INDICES, batch_size=5, seed=0)
    seen = torch.cat([order.batch(step) for step in range(1, 4 * 400 + 1)])
    counts = torch.bincount(seen - 100)
    assert counts.min() > 0.9 * len(seen) / 23
    assert counts.max() < 1.1 * len(seen) / 23


def test_a_batch_depends_on_seed_and_step_alone():
    order = EpochOrder(INDICES, batch_size=5, seed=3)
    there = [order.batch(step) for step in range(1, 20)]
    torch.rand(7)
    assert torch.equal(EpochOrder(INDICES, batch_size=5, seed=3).batch(19), there[18])
    assert torch.equal(order.batch(2), there[1])
    assert not torch.equal(EpochOrder(INDICES, batch_size=5, seed=4).batch(19), there[18])


def test_too_few_images_are_refused():
    with pytest.raises(InputError, match="expected at most the 23 training images, got 24"):
        EpochOrder(INDICES, batch_size=24, seed=0)


def test_steps_draw_different_numbers_and_the_same_again():
    cpu = torch.device("cpu")
    draws = []
    for step in (1, 2, 1):
        seed_step(0, step, cpu)
        draws.append(torch.rand(3))
    assert torch.equal(draws[0], draws[2])
    assert not torch.equal(draws[0], draws[1])


def test_parts_of_a_run_have_seeds_of_their_own():
    seeds = {derive_seed(seed, *path) for seed in range(20) for path in ((), (0,), (1,), (0, 1))}
    assert len(seeds) == 80
    assert all(0 <= seed < 2**63 for seed in seeds)
