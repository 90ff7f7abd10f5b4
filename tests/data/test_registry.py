import sys
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path

import numpy as np
import pytest

from pyro_seatbelt.data import (
    DATASETS,
    ImageDataset,
    LoadRequest,
    inventory,
    load_dataset,
    register,
    verify,
)
from pyro_seatbelt.errors import InputError


@pytest.fixture(autouse=True)
def _registry_as_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    before = dict(DATASETS)
    yield
    DATASETS.clear()
    DATASETS.update(before)


class TestLoading:
    def test_unknown_name(self):
        with pytest.raises(InputError, match=r"out of synth-chairs, .*folder, got sofas"):
            load_dataset("sofas")

    def test_folder_for_another_set(self, tmp_path: Path):
        with pytest.raises(InputError, match="expected no folder of images for synth-dsprites"):
            load_dataset("synth-dsprites", data_dir=tmp_path)

    def test_default_root(self, chairs: Path, monkeypatch: pytest.MonkeyPatch):
        there = load_dataset("synth-chairs", root=chairs, ids=2)
        monkeypatch.setenv("SEATBELT_DATA", str(chairs))
        assert load_dataset("synth-chairs", ids=2).fingerprint == there.fingerprint


def dots(request: LoadRequest) -> ImageDataset:
    pixels = np.zeros((request.ids or 8, 3, 64, 64), np.uint8)
    return ImageDataset.from_array("dots", pixels, synthetic=True)


def test_a_registered_set_is_one_of_all(tmp_path: Path):
    assert register("dots", title="Dots")(dots) is dots
    dataset = load_dataset("dots", ids=4, data_dir=tmp_path)
    assert dataset.num_images == 4
    assert len(dataset.fingerprint) == 64
    assert dataset.provenance == {"version": "1"}
    status = inventory(root=tmp_path)[-1]
    assert (status.name, status.state, status.spec.title) == ("dots", "ready", "Dots")
    with pytest.raises(InputError, match=r"expected a stored set .*, got dots"):
        verify("dots")


def test_loader_of_another_set():
    register("dots", title="Dots", factors=("size",))(dots)
    with pytest.raises(ValueError, match=r"data set dots with factors \('size',\), got dots with"):
        load_dataset("dots")


@pytest.mark.parametrize("name", ["chairs", "folder"])
def test_name_that_is_taken(name: str):
    with pytest.raises(ValueError, match=f"{name} is taken"):
        register(name, title="")


@pytest.mark.parametrize("name", ["", "My Set", "../set", "-x", "a/b"])
def test_no_name(name: str):
    with pytest.raises(ValueError, match="expected a name of lower-case letters"):
        register(name, title="")


@pytest.fixture
def offered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Installed packages: one with stars, one that is broken, one with other things."""
    (tmp_path / "stars.py").write_text(
        "import numpy as np\n"
        "from pyro_seatbelt.data import ImageDataset, register\n"
        "@register('stars', title='Stars')\n"
        "def load(request):\n"
        "    pixels = np.zeros((2, 1, 64, 64), np.uint8)\n"
        "    return ImageDataset.from_array('stars', pixels, synthetic=True)\n"
    )
    (tmp_path / "half_there.py").write_text(
        "from pyro_seatbelt.data import register\n"
        "register('suns', title='Suns')(print)\n"
        "raise RuntimeError\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    entries = [
        EntryPoint(name, module, "pyro_seatbelt.datasets")
        for name, module in (
            ("stars", "no_such_module"),
            ("stars", "stars"),
            ("moons", "no_such_module"),
            ("comets", "json"),
            ("suns", "half_there"),
        )
    ]
    monkeypatch.setattr(
        "pyro_seatbelt.data.registry.entry_points",
        lambda **wanted: [entry for entry in entries if entry.matches(**wanted)],
    )
    yield
    sys.modules.pop("stars", None)


@pytest.mark.usefixtures("offered")
def test_installed_packages_offer_sets():
    assert load_dataset("stars").num_images == 2
    with pytest.raises(InputError, match=r"out of .*stars, moons, comets, suns, got dust"):
        load_dataset("dust")


@pytest.mark.usefixtures("offered")
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("moons", r"^moons: its package cannot be loaded \(no_such_module\): ModuleNotFoundError"),
        ("suns", r"^suns: its package cannot be loaded \(half_there\): RuntimeError"),
        ("comets", r"^comets: its package registers no data set of that name \(json\)$"),
    ],
)
def test_a_package_that_offers_a_set_and_has_none(name: str, message: str):
    for _ in range(2):  # once as well as again
        with pytest.raises(InputError, match=message):
            load_dataset(name)


@pytest.mark.usefixtures("offered")
def test_sets_of_installed_packages_are_listed(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    names = [status.name for status in inventory(root=tmp_path)]
    assert names[-1] == "stars"
    assert "moons" not in names
    assert "moons: its package cannot be loaded (no_such_module)" in caplog.text
