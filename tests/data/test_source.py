from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from pyro_seatbelt.data import (
    ImageSource,
    MappedImages,
    ResidentImages,
    SpriteImages,
    source,
    to_pixels,
)

Maker = Callable[[], ImageSource]


def some_pixels(channels: int) -> np.ndarray:
    generator = np.random.default_rng(0)
    return generator.integers(0, 256, (20, channels, 64, 64), dtype=np.uint8)


SOURCES: dict[str, Maker] = {
    "resident, grey": lambda: ResidentImages(some_pixels(1)),
    "resident, colour": lambda: ResidentImages(torch.from_numpy(some_pixels(3))),
    "mapped, grey": lambda: MappedImages(some_pixels(1)),
    "mapped, colour": lambda: MappedImages(some_pixels(3)),
    "sprites": lambda: SpriteImages(20),
}


@pytest.fixture(params=SOURCES)
def images(request: pytest.FixtureRequest) -> ImageSource:
    return SOURCES[request.param]()


class TestEverySource:
    def test_follows_the_protocol(self, images: ImageSource):
        assert isinstance(images, ImageSource)
        assert len(images) == 20
        assert images.image_shape[1:] == (64, 64)

    def test_gathers_one_by_one_as_together(self, images: ImageSource):
        indices = torch.tensor([3, 0, 19, 3])
        batch = images.gather(indices)
        assert batch.dtype == torch.uint8
        assert batch.shape == (4, *images.image_shape)
        assert batch.device == images.device
        assert torch.equal(batch, torch.cat([images.gather(index[None]) for index in indices]))

    def test_gathers_nothing(self, images: ImageSource):
        assert images.gather(torch.empty(0, dtype=torch.int64)).shape == (0, *images.image_shape)

    def test_leaves_its_images_alone(self, images: ImageSource):
        before = images.gather(torch.arange(20)).clone()
        images.gather(torch.arange(20)).zero_()
        assert torch.equal(images.gather(torch.arange(20)), before)

    def test_refuses_an_index_out_of_range(self, images: ImageSource):
        with pytest.raises(IndexError):
            images.gather(torch.tensor([20]))

    def test_moves(self, images: ImageSource, device: torch.device):
        moved = images.to(device)
        assert moved.device.type == device.type
        indices = torch.arange(20)
        assert torch.equal(moved.gather(indices).cpu(), images.gather(indices).cpu())
        assert torch.equal(moved.gather(indices.to(device)).cpu(), images.gather(indices).cpu())


@pytest.mark.parametrize("kind", [ResidentImages, MappedImages])
class TestArrays:
    def test_gives_back_the_array(self, kind):
        pixels = some_pixels(3)
        assert np.array_equal(kind(pixels).gather(torch.tensor([7, 2])).numpy(), pixels[[7, 2]])

    def test_refuses_other_types(self, kind):
        with pytest.raises(
            TypeError, match=r"expected pixels of type torch.uint8, got torch.float"
        ):
            kind(np.zeros((2, 1, 8, 8), np.float32))

    def test_refuses_other_shapes(self, kind):
        with pytest.raises(ValueError, match=r"shape \(N, C, H, W\), got \(2, 8, 8\)"):
            kind(np.zeros((2, 8, 8), np.uint8))

    def test_takes_an_array_that_cannot_be_written(self, kind):
        pixels = some_pixels(1)
        pixels.flags.writeable = False
        assert len(kind(pixels)) == 20


def test_mapped_images_read_the_file(tmp_path: Path):
    np.save(tmp_path / "images.npy", some_pixels(1))
    images = MappedImages(np.load(tmp_path / "images.npy", mmap_mode="c"))
    assert np.array_equal(images.gather(torch.tensor([4])).numpy(), some_pixels(1)[[4]])


class TestMappedImagesElsewhere:
    """The device `meta` stands for an accelerator: it has shapes but no values."""

    def test_become_resident_where_they_fit(self):
        assert isinstance(MappedImages(some_pixels(1)).to("meta"), ResidentImages)

    def test_stay_mapped_where_they_do_not(self, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(source, "_fits", lambda num_bytes, device: False)
        moved = MappedImages(some_pixels(1)).to("meta")
        assert isinstance(moved, MappedImages)
        assert moved.gather(torch.tensor([1, 2])).device.type == "meta"

    def test_fit_in_half_of_the_free_memory(self, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (1000, 4000))
        assert source._fits(500, torch.device("cuda"))
        assert not source._fits(501, torch.device("cuda"))


class TestToPixels:
    def test_divides_by_255(self):
        greys = torch.arange(256, dtype=torch.uint8)
        assert torch.equal(to_pixels(greys), torch.arange(256) / 255)
        assert greys.dtype == torch.uint8

    def test_other_types(self):
        assert (
            to_pixels(torch.tensor([255], dtype=torch.uint8), torch.float64).dtype == torch.float64
        )

    def test_refuses_pixels(self):
        with pytest.raises(TypeError, match=r"grey values of type torch.uint8, got torch.float32"):
            to_pixels(torch.zeros(3))
