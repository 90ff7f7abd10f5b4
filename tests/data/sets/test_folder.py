import logging
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from pyro_seatbelt.data import ImageDataset, load_dataset
from pyro_seatbelt.errors import InputError

GREY, RED = 50, (200, 0, 0)


def save(path: Path, colour: int | tuple[int, int, int], size: tuple[int, int] = (64, 64)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L" if isinstance(colour, int) else "RGB", size, colour).save(path)


def load(folder: Path, **options) -> ImageDataset:
    return load_dataset("folder", data_dir=folder, **options)


def pixels(dataset: ImageDataset) -> np.ndarray:
    return dataset.images.gather(torch.arange(dataset.num_images)).numpy()


def test_grey_if_all_are_grey(tmp_path: Path):
    save(tmp_path / "a.png", 10)
    save(tmp_path / "b.png", (20, 20, 20))
    dataset = load(tmp_path)
    assert dataset.image_shape == (1, 64, 64)
    assert pixels(dataset)[:, 0, 0, 0].tolist() == [10, 20]
    assert not dataset.synthetic
    assert dataset.identities.tolist() == [0, 1]


def test_colour_if_one_has_colour(tmp_path: Path):
    save(tmp_path / "a.png", 10)
    save(tmp_path / "b.png", RED)
    dataset = load(tmp_path)
    assert dataset.image_shape == (3, 64, 64)
    assert pixels(dataset)[:, :, 5, 5].tolist() == [[10, 10, 10], [200, 0, 0]]


def test_whole_tree_in_order_of_paths(tmp_path: Path):
    names = ["b/2.png", "a.png", "b/1.PNG", "B/3.jpg", "b/c/d/4.bmp", "b.png", "z.webp"]
    for name in names:
        save(tmp_path / name, names.index(name) * 30)
    for name in ["notes.txt", ".hidden.png", "._a.png", ".git/c.png", "picture.svg"]:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("no picture")
    expected = sorted(names, key=lambda name: Path(name).parts)
    greys = pixels(load(tmp_path))[:, 0, 0, 0]
    assert np.abs(greys - np.array([names.index(name) * 30.0 for name in expected])).max() <= 1


def test_middle_square_is_resampled(tmp_path: Path):
    noise = np.random.default_rng(0).integers(0, 256, (80, 140), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "wide.png")
    middle = Image.fromarray(noise[:, 30:110])
    expected = np.asarray(middle.resize((64, 64), Image.Resampling.LANCZOS))
    assert np.array_equal(pixels(load(tmp_path))[0, 0], expected)


def test_turned_as_the_camera_says(tmp_path: Path):
    picture = Image.new("L", (64, 64), 0)
    picture.paste(255, (0, 0, 64, 32))
    exif = Image.Exif()
    exif[0x0112] = 3  # upside down
    picture.save(tmp_path / "photo.png", exif=exif)
    image = pixels(load(tmp_path))[0, 0]
    assert (image[0] < 5).all()
    assert (image[-1] > 250).all()


class TestSplit:
    def test_of_two_subfolders(self, tmp_path: Path):
        for name, grey in {"train/x/1": 1, "train/2": 2, "test/3": 3, "test/4": 4}.items():
            save(tmp_path / f"{name}.png", grey)
        dataset = load(tmp_path)
        train, heldout = dataset.split()
        images = pixels(dataset)[:, 0, 0, 0]
        assert sorted(images[train].tolist()) == [1, 2]
        assert sorted(images[heldout].tolist()) == [3, 4]

    def test_moving_a_picture_across_changes_the_fingerprint(self, tmp_path: Path):
        for name in ("train/1", "train/2", "test/3", "test/4"):
            save(tmp_path / f"{name}.png", 9)
        before = load(tmp_path).fingerprint
        (tmp_path / "train/2.png").rename(tmp_path / "test/2.png")
        assert load(tmp_path).fingerprint != before

    def test_says_what_it_passes_over(self, tmp_path: Path, caplog: pytest.LogCaptureFixture):
        for name in ("train/1", "test/2", "val/3", "4"):
            save(tmp_path / f"{name}.png", 9)
        with caplog.at_level(logging.WARNING):
            assert load(tmp_path).num_images == 2
        assert "2 pictures outside train/ and test/" in caplog.text

    @pytest.mark.parametrize("names", [["train/1", "3"], ["test/1", "3"], ["trains/1", "test/2"]])
    def test_needs_both(self, tmp_path: Path, names: list[str]):
        for name in names:
            save(tmp_path / f"{name}.png", 9)
        dataset = load(tmp_path)
        assert dataset.num_images == 2
        assert dataset.published_split is None

    def test_by_picture_otherwise(self, tmp_path: Path):
        for number in range(10):
            save(tmp_path / f"{number}.png", number)
        train, heldout = load(tmp_path).split(holdout=0.3)
        assert (len(train), len(heldout)) == (7, 3)


class TestFingerprint:
    def test_depends_on_pixels_alone(self, tmp_path: Path):
        save(tmp_path / "one" / "a.png", GREY)
        save(tmp_path / "two" / "z.bmp", GREY)
        save(tmp_path / "three" / "a.png", GREY + 1)
        one, two, three = (load(tmp_path / name).fingerprint for name in ("one", "two", "three"))
        assert one == two
        assert one != three


class TestErrors:
    def test_no_folder_given(self):
        with pytest.raises(InputError, match=r"expected a folder of images .* pass --data-dir DIR"):
            load_dataset("folder")

    def test_missing_folder(self, tmp_path: Path):
        with pytest.raises(
            InputError,
            match=r"none: expected a folder of images or a \.npy or \.npz file, which is",
        ):
            load(tmp_path / "none")

    def test_file_instead(self, tmp_path: Path):
        save(tmp_path / "a.png", GREY)
        with pytest.raises(InputError, match="expected a folder of images"):
            load(tmp_path / "a.png")

    def test_empty_folder(self, tmp_path: Path):
        (tmp_path / "notes.txt").write_text("nothing here")
        with pytest.raises(
            InputError, match=rf"^{tmp_path}: expected a folder of images .*got none"
        ):
            load(tmp_path)

    @pytest.mark.parametrize("content", [b"", b"not a picture", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"])
    def test_damaged_picture(self, tmp_path: Path, content: bytes):
        for number in range(20):
            save(tmp_path / f"{number}.png", GREY)
        bad = tmp_path / "sub" / "bad.png"
        bad.parent.mkdir()
        bad.write_bytes(content)
        with pytest.raises(InputError, match=rf"^{bad}: ") as caught:
            load(tmp_path)
        assert "\n" not in str(caught.value)

    def test_dangling_link(self, tmp_path: Path):
        (tmp_path / "gone.png").symlink_to(tmp_path / "elsewhere.png")
        with pytest.raises(InputError, match=r"gone\.png: .*No such file"):
            load(tmp_path)

    def test_folder_that_cannot_be_read(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
        def refuse(path: str) -> None:
            raise PermissionError(13, os.strerror(13), str(path))

        monkeypatch.setattr(os, "scandir", refuse)
        monkeypatch.setattr(Path, "_scandir", refuse, raising=False)
        with pytest.raises(InputError, match="cannot read the folder: Permission denied"):
            load(tmp_path)

    def test_ids(self, tmp_path: Path):
        with pytest.raises(InputError, match="expected no ids for folder"):
            load(tmp_path, ids=3)


def test_progress(tmp_path: Path):
    for number in range(3):
        save(tmp_path / f"{number}.png", GREY)
    calls = []
    load(tmp_path, progress=lambda *call: calls.append(call))
    assert calls == [("images", done, 3) for done in (1, 2, 3)]
