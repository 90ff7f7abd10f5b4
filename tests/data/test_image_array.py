import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from pyro_seatbelt.data import ImageDataset, load_dataset
from pyro_seatbelt.data.image_array import read_image_array
from pyro_seatbelt.errors import InputError

RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 256, (6, 64, 64), dtype=np.uint8)
COLOUR = RNG.integers(0, 256, (6, 3, 64, 64), dtype=np.uint8)


def load(path: Path, array: object = None, **arrays: np.ndarray) -> ImageDataset:
    if array is not None:
        np.save(path, array)
    elif arrays:
        np.savez_compressed(path, **arrays)
    return load_dataset("folder", data_dir=path)


def pixels(dataset: ImageDataset) -> np.ndarray:
    return dataset.images.gather(torch.arange(dataset.num_images)).numpy()


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (GREY, GREY[:, None]),
        (GREY[:, None], GREY[:, None]),
        (GREY[..., None], GREY[:, None]),
        (COLOUR, COLOUR),
        (COLOUR.transpose(0, 2, 3, 1), COLOUR),
        (np.asfortranarray(COLOUR), COLOUR),
        (GREY / 255, GREY[:, None]),
        ((COLOUR / 255).astype(np.float32), COLOUR),
        (GREY > 127, (GREY > 127)[:, None] * np.uint8(255)),
    ],
)
@pytest.mark.parametrize("suffix", ["npy", "npz"])
def test_axes_and_types(tmp_path: Path, array: np.ndarray, expected: np.ndarray, suffix: str):
    path = tmp_path / f"a.{suffix}"
    if suffix == "npz":
        dataset = load(path, pictures=np.ascontiguousarray(array))
    else:
        dataset = load(path, array)
    assert np.array_equal(pixels(dataset), expected)
    assert dataset.image_shape == expected.shape[1:]
    assert dataset.name == "folder"
    assert not dataset.synthetic
    train, heldout = dataset.split(holdout=0.3)
    assert (len(train), len(heldout)) == (4, 2)


def test_other_sizes_are_cut_and_resampled(tmp_path: Path):
    wide = RNG.integers(0, 256, (3, 40, 90, 3), dtype=np.uint8)
    found = pixels(load(tmp_path / "a.npy", wide))
    for image, array in zip(found, wide, strict=True):
        square = Image.fromarray(array[:, 25:65])
        expected = np.asarray(square.resize((64, 64), Image.Resampling.LANCZOS))
        assert np.array_equal(image, expected.transpose(2, 0, 1))


def test_small_grey_images_among_colour(tmp_path: Path):
    array = np.broadcast_to(RNG.integers(0, 256, (3, 28, 28, 1), dtype=np.uint8), (3, 28, 28, 3))
    found = pixels(load(tmp_path / "a.npy", array))
    assert found.shape == (3, 3, 64, 64)
    assert (found[:, 0] == found[:, 2]).all()


def test_is_left_where_it_lies(tmp_path: Path):
    """Nothing but pages that are looked at is read into memory."""
    np.save(tmp_path / "a.npy", COLOUR)
    dataset = load(tmp_path / "a.npy")
    assert isinstance(dataset.images._array, np.memmap)
    before = (tmp_path / "a.npy").read_bytes()
    dataset.images._array[:] = 0
    assert (tmp_path / "a.npy").read_bytes() == before


def test_fingerprint_depends_on_images_alone(tmp_path: Path):
    one = load(tmp_path / "one.npy", GREY).fingerprint
    assert load(tmp_path / "two.npz", images=GREY, notes=np.zeros(3)).fingerprint == one
    assert load(tmp_path / "three.npy", GREY[::-1]).fingerprint != one
    folder = tmp_path / "folder"
    folder.mkdir()
    for number, grey in enumerate(GREY):
        Image.fromarray(grey).save(folder / f"{number}.png")
    assert load_dataset("folder", data_dir=folder).fingerprint == one


class TestSplit:
    def test_of_two_arrays(self, tmp_path: Path):
        dataset = load(tmp_path / "a.npz", test=GREY[:2], train=GREY[2:], labels=np.zeros(6))
        train, heldout = dataset.split(holdout=0.9)
        assert np.array_equal(pixels(dataset)[train][:, 0], GREY[2:])
        assert np.array_equal(pixels(dataset)[heldout][:, 0], GREY[:2])

    def test_of_other_channels(self, tmp_path: Path):
        with pytest.raises(InputError, match="train and test images with the same channels"):
            load(tmp_path / "a.npz", train=GREY, test=COLOUR)


class Code:
    def __reduce__(self):
        return exec, ("raise SystemExit('code ran')",)


class TestErrors:
    @pytest.mark.parametrize(
        ("array", "message"),
        [
            (GREY[0], r"got \(64, 64\)"),
            (GREY[:0], r"expected an array of 0 bytes"),
            (np.zeros((2, 4, 64, 64), np.uint8), r"got \(2, 4, 64, 64\)"),
            (np.zeros((2, 3, 64, 3), np.uint8), r"got \(2, 3, 64, 3\)"),
            (np.uint8(3), r"got \(\)"),
            (GREY.astype(np.int64), "uint8, floating-point or boolean images, got int64"),
            (GREY.astype(complex), "images, got complex128"),
            (GREY.astype(float), r"from 0 to 1, image 0 has 0 to 255: save bytes"),
            (GREY / 255 - 1, "image 0 has -1 to 0"),
            (np.full((2, 8, 8), np.nan), "image 0 has nan to nan"),
            (np.array([Code()]), "never unpickled"),
            (np.array(["cats"]), "expected images of shape"),
        ],
    )
    def test_other_arrays(self, tmp_path: Path, array: np.ndarray, message: str):
        path = tmp_path / "a.npy"
        np.save(path, array, allow_pickle=True)
        with pytest.raises(InputError, match=message) as caught:
            load(path)
        assert str(caught.value).startswith(f"{path}: ")
        assert "\n" not in str(caught.value)

    @pytest.mark.parametrize("content", [b"", b"hello", b"\x93NUMPY\x01\0\xff\xff{"])
    def test_no_array(self, tmp_path: Path, content: bytes):
        path = tmp_path / "a.npy"
        path.write_bytes(content)
        with pytest.raises(InputError, match="expected a NumPy array"):
            load(path)

    def test_cut_short(self, tmp_path: Path):
        path = tmp_path / "a.npy"
        np.save(path, GREY)
        path.write_bytes(path.read_bytes()[:-1])
        with pytest.raises(InputError, match="expected an array of 24576 bytes, got 24575"):
            load(path)

    @pytest.mark.parametrize(
        ("arrays", "message"),
        [
            ({"a": GREY, "b": GREY}, "one called images, or train and test, got a, b"),
            ({"images": np.array([Code()])}, "images: .*never unpickled"),
            ({"images": np.asfortranarray(GREY)}, "images: .*C-ordered"),
        ],
    )
    def test_other_archives(self, tmp_path: Path, arrays: dict, message: str):
        path = tmp_path / "a.npz"
        np.savez(path, allow_pickle=True, **arrays)
        with pytest.raises(InputError, match=message):
            load(path)

    def test_empty_archive(self, tmp_path: Path):
        with zipfile.ZipFile(tmp_path / "a.npz", "w"):
            pass
        with pytest.raises(InputError, match="got none"):
            load(tmp_path / "a.npz")

    def test_pickles_beside_the_images_are_left_alone(self, tmp_path: Path):
        path = tmp_path / "a.npz"
        np.savez(path, allow_pickle=True, images=GREY, metadata=np.array([Code()]))
        assert load(path).num_images == 6

    @pytest.mark.parametrize("share", [0.0, 0.5, 0.9])
    def test_damaged_archive(self, tmp_path: Path, share: float):
        path = tmp_path / "a.npz"
        np.savez_compressed(path, images=GREY)
        content = path.read_bytes()
        path.write_bytes(content[: int(share * len(content))])
        with pytest.raises(InputError, match=r"a\.npz: damaged archive of arrays"):
            load(path)

    def test_bomb(self, tmp_path: Path):
        """A head that promises far more than there is must not make room for it."""
        head = io.BytesIO()
        np.lib.format.write_array_header_1_0(
            head, {"shape": (1 << 40, 64, 64), "fortran_order": False, "descr": "|u1"}
        )
        with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
            archive.writestr("images.npy", head.getvalue() + bytes(100))
        with pytest.raises(InputError, match="the file has fewer"):
            load(tmp_path / "a.npz")

    def test_huge_archive(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr("pyro_seatbelt.data.image_array._MOST_BYTES", 1000)
        with pytest.raises(InputError, match=r"save it as \.npy, which is read where it lies"):
            load(tmp_path / "a.npz", images=GREY)


def test_progress(tmp_path: Path):
    np.save(tmp_path / "a.npy", GREY / 255)
    calls: list[tuple[str, float, float]] = []
    load_dataset("folder", data_dir=tmp_path / "a.npy", progress=lambda *call: calls.append(call))
    assert calls == [("images", count, 6) for count in range(1, 7)]


def test_a_few_bytes_that_unpack_to_gigabytes_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("pyro_seatbelt.data.image_array._MOST_FOR_ANY", 1 << 20)
    file = tmp_path / "bomb.npz"
    np.savez_compressed(file, np.zeros((1000, 64, 64), np.uint8))
    with pytest.raises(InputError, match="too much to be opened safely"):
        read_image_array(file)
