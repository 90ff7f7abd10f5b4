import numpy as np
import pytest
import torch

from pyro_seatbelt.data import ImageDataset, ResidentImages, Split
from pyro_seatbelt.errors import InputError


def make_dataset(identities: list[int], **changes) -> ImageDataset:
    images = ResidentImages(np.zeros((len(identities), 1, 8, 8), np.uint8))
    fields = {
        "name": "toys",
        "images": images,
        "identities": np.array(identities),
        "factors": {"identity": np.array(identities)},
        "fingerprint": "f" * 64,
        "provenance": {},
        "synthetic": True,
    }
    return ImageDataset(**{**fields, **changes})


TOYS = make_dataset([number // 3 for number in range(300)])


@pytest.mark.parametrize("holdout", [0.001, 0.1, 0.5, 0.999])
@pytest.mark.parametrize("seed", [0, 1, -7])
def test_split_is_a_partition_by_identity(holdout: float, seed: int):
    train, heldout = TOYS.split(holdout=holdout, seed=seed)
    assert train.dtype == heldout.dtype == torch.int64
    assert sorted([*train.tolist(), *heldout.tolist()]) == list(range(300))
    on_both = set(TOYS.identities[train.numpy()].tolist()) & set(
        TOYS.identities[heldout.numpy()].tolist()
    )
    assert not on_both
    num_heldout = len(set(TOYS.identities[heldout.numpy()].tolist()))
    assert num_heldout == min(max(round(holdout * 100), 1), 99)


def test_split_is_the_same_for_a_seed_and_differs_between_seeds():
    first, again, other = TOYS.split(seed=4), TOYS.split(seed=4), TOYS.split(seed=5)
    assert torch.equal(first.heldout, again.heldout)
    assert not torch.equal(first.heldout, other.heldout)


def test_split_never_changes_between_versions():
    # resumed runs and published numbers hang on these
    heldout = TOYS.split(holdout=0.05, seed=0).heldout
    assert sorted(set(TOYS.identities[heldout.numpy()].tolist())) == [2, 33, 42, 53, 94]


def test_split_does_not_depend_on_the_order_of_images():
    order = np.random.default_rng(0).permutation(300)
    shuffled = make_dataset(TOYS.identities[order].tolist())
    expected = set(TOYS.identities[TOYS.split().heldout.numpy()].tolist())
    assert set(shuffled.identities[shuffled.split().heldout.numpy()].tolist()) == expected


def test_published_split_is_kept():
    published = Split(train=torch.tensor([0, 2]), heldout=torch.tensor([1]))
    dataset = make_dataset([0, 1, 2], published_split=published)
    assert dataset.split(holdout=0.4, seed=9) is published


@pytest.mark.parametrize("holdout", [0.0, 1.0, -0.5, float("nan")])
def test_holdout_out_of_range(holdout: float):
    with pytest.raises(InputError, match=f"expected holdout between 0 and 1, got {holdout}"):
        TOYS.split(holdout=holdout)


def test_one_identity_cannot_be_split():
    with pytest.raises(InputError, match=r"expected at least 2 identities in toys .* got 1"):
        make_dataset([5, 5, 5]).split()


def test_factor_of_another_length():
    with pytest.raises(ValueError, match=r"expected colour to have shape \(2,\), got \(3,\)"):
        make_dataset([0, 1], factors={"colour": np.zeros(3, np.int64)})


def test_counts():
    assert TOYS.num_images == 300
    assert TOYS.image_shape == (1, 8, 8)
