from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pyro_seatbelt.data import ImageDataset
from pyro_seatbelt.data.preview import chosen_images, preview
from pyro_seatbelt.errors import InputError

pytestmark = pytest.mark.usefixtures("workplace")


def dataset(identities: list[int]) -> ImageDataset:
    pixels = np.zeros((len(identities), 1, 64, 64), np.uint8)
    return ImageDataset.from_array("toys", pixels, synthetic=True, identities=np.array(identities))


class TestChosenImages:
    def test_one_thing_a_row(self):
        chosen = chosen_images(dataset([number // 20 for number in range(400)]), seed=0)
        rows = chosen.reshape(8, 12)
        assert (rows // 20 == rows[:, :1] // 20).all()
        assert len(np.unique(rows[:, 0] // 20)) == 8
        assert len(np.unique(chosen)) == 96

    def test_all_where_there_are_few(self):
        assert chosen_images(dataset(list(range(5))), seed=0).tolist() == [0, 1, 2, 3, 4]

    def test_drawn_from_all_otherwise(self):
        chosen = chosen_images(dataset(list(range(1000))), seed=0)
        assert len(np.unique(chosen)) == 96
        assert chosen.max() > 900

    def test_depends_on_the_seed(self):
        toys = dataset(list(range(1000)))
        first, again, other = (chosen_images(toys, seed=seed) for seed in (0, 0, 1))
        assert np.array_equal(first, again)
        assert not np.array_equal(first, other)


def test_sheet_says_what_it_shows(workplace: Path):
    file = preview("synth-dsprites", workplace / "a.png", ids=50)
    with Image.open(file) as sheet:
        sheet.load()
        assert sheet.text["Title"] == "synth-dsprites (synthetic): 50 of 50 images"
        assert len(sheet.text["Fingerprint"]) == 64


def test_colour(workplace: Path):
    pictures = workplace / "pictures"
    pictures.mkdir()
    for number in range(3):
        Image.new("RGB", (80, 60), (200, 10 * number, 0)).save(pictures / f"{number}.png")
    with Image.open(preview("folder", workplace / "a.png", data_dir=pictures)) as sheet:
        sheet.load()
        assert sheet.text["Title"] == "folder (real): 3 of 3 images"
        values = np.asarray(sheet).reshape(-1, 3).tolist()
    assert [200, 20, 0] in values


def test_an_earlier_sheet_stays_when_the_set_cannot_be_opened(workplace: Path):
    (workplace / "a.png").write_bytes(b"earlier")
    with pytest.raises(InputError):
        preview("chairs", workplace / "a.png")
    assert (workplace / "a.png").read_bytes() == b"earlier"
