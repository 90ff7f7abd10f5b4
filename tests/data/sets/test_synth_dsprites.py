import numpy as np
import pytest
import torch

from pyro_seatbelt.data import SpriteImages, load_dataset
from pyro_seatbelt.drawn.sprites import FACTOR_SIZES, FACTORS, NUM_IMAGES
from pyro_seatbelt.errors import InputError


class TestKeepingSome:
    def test_covers_all_factors_evenly(self):
        dataset = load_dataset("synth-dsprites", ids=7200)
        for name, size in zip(FACTORS, FACTOR_SIZES, strict=True):
            counts = np.bincount(dataset.factors[name], minlength=size)
            assert counts.min() > 0.8 * counts.mean()
            assert counts.max() < 1.2 * counts.mean()

    def test_factors_are_those_of_the_images(self):
        dataset = load_dataset("synth-dsprites", ids=50)
        weights = np.cumprod([1, *FACTOR_SIZES[:0:-1]])[::-1]
        numbers = sum(w * dataset.factors[name] for w, name in zip(weights, FACTORS, strict=True))
        whole = SpriteImages().gather(torch.from_numpy(numbers))
        assert torch.equal(dataset.images.gather(torch.arange(50)), whole)
        assert len(set(numbers.tolist())) == 50

    def test_fewer_are_the_beginning_of_more(self):
        indices = torch.arange(30)
        assert torch.equal(SpriteImages(30).gather(indices), SpriteImages(90).gather(indices))

    @pytest.mark.parametrize("ids", [0, -1, NUM_IMAGES + 1])
    def test_out_of_range(self, ids: int):
        with pytest.raises(InputError, match=f"expected ids from 1 to 737280 .* got {ids}"):
            load_dataset("synth-dsprites", ids=ids)


class TestDataset:
    def test_whole(self):
        dataset = load_dataset("synth-dsprites")
        assert dataset.num_images == 737_280
        assert dataset.identities[-1] == 737_279
        assert dataset.factors["position_y"].max() == 31
        assert dataset.synthetic

    def test_fingerprint_is_the_same_again_and_differs_by_number(self):
        first, again, other = (load_dataset("synth-dsprites", ids=n).fingerprint for n in (9, 9, 8))
        assert first == again
        assert first != other

    def test_split(self):
        train, heldout = load_dataset("synth-dsprites", ids=1000).split()
        assert (len(train), len(heldout)) == (900, 100)


@pytest.mark.parametrize("index", [-1, NUM_IMAGES])
def test_index_out_of_range(index: int):
    with pytest.raises(IndexError, match="expected indices from 0 to 737279"):
        SpriteImages().gather(torch.tensor([index]))
