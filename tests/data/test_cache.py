import json
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from pyro_seatbelt.data.cache import CachedImages, data_root, find_cached, stored_ids
from pyro_seatbelt.data.draft import draft
from pyro_seatbelt.errors import InputError

COMMAND = "seatbelt data build toys"


def store(root: Path, *, ids: int | None = None, channels: int = 1, seed: int = 0) -> CachedImages:
    image = (64, 64) if channels == 1 else (channels, 64, 64)
    with draft(root, "toys", (2, 3, *image), ids=ids) as unfinished:
        generator = np.random.default_rng(seed)
        unfinished.array[:] = generator.integers(0, 256, unfinished.array.shape, dtype=np.uint8)
        return unfinished.commit(
            version="1", image_shape=(channels, 64, 64), provenance={"source": "here", "crop": 3}
        )


class TestDataRoot:
    def test_follows_the_environment(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
        monkeypatch.setenv("SEATBELT_DATA", str(tmp_path))
        assert data_root() == tmp_path

    def test_is_in_the_users_cache_otherwise(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
        monkeypatch.delenv("SEATBELT_DATA", raising=False)
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
        assert "pyro-seatbelt" in data_root().parts


@pytest.mark.parametrize("channels", [1, 3])
def test_finds_what_was_stored(tmp_path: Path, channels: int):
    stored = store(tmp_path, channels=channels)
    found = find_cached(tmp_path, "toys", command=COMMAND)
    assert found == stored
    assert found.num_images == 6
    assert found.pixels().shape == (6, channels, 64, 64)
    assert found.provenance == {"source": "here", "crop": 3}
    assert found.is_intact()


def test_writing_to_the_map_leaves_the_file_alone(tmp_path: Path):
    cached = store(tmp_path)
    cached.pixels()[:] = 0
    assert cached.is_intact()


def test_parts_are_stored_beside_the_whole(tmp_path: Path):
    for ids in (None, 20, 3):
        store(tmp_path, ids=ids)
    (tmp_path / "toys-more.json").touch()
    assert stored_ids(tmp_path, "toys") == [None, 3, 20]
    assert find_cached(tmp_path, "toys", ids=20, command=COMMAND) is not None
    assert find_cached(tmp_path, "toys", ids=21, command=COMMAND) is None


def edit(root: Path, **changes) -> None:
    sidecar = root / "toys.json"
    content = json.loads(sidecar.read_text()) | changes
    sidecar.write_text(json.dumps({k: v for k, v in content.items() if v is not None}))


def truncate(root: Path) -> None:
    (file,) = root.glob("*.npy")
    file.write_bytes(file.read_bytes()[:-1])


def replace_by_pickle(root: Path) -> None:
    (file,) = root.glob("*.npy")
    with file.open("wb") as opened:
        np.save(opened, np.array([{}], dtype=object), allow_pickle=True)


def replace_by_zip(root: Path) -> None:
    (file,) = root.glob("*.npy")
    with file.open("wb") as opened:
        np.savez(opened, images=np.zeros(3))


DAMAGES = {
    "half a sidecar": lambda root: (root / "toys.json").write_text('{"format": 1, "na'),
    "empty sidecar": lambda root: (root / "toys.json").write_text(""),
    "binary sidecar": lambda root: (root / "toys.json").write_bytes(b"\xff\xfe\x00"),
    "list as sidecar": lambda root: (root / "toys.json").write_text("[]"),
    "missing field": lambda root: edit(root, fingerprint=None),
    "field of another type": lambda root: edit(root, shape=5),
    "later format": lambda root: edit(root, format=2),
    "other shape": lambda root: edit(root, shape=[1, 3, 64, 64]),
    "shape without images": lambda root: edit(root, shape=[2, 3, 64, 32]),
    "path instead of a name": lambda root: edit(root, array="../toys.npy"),
    "no array": lambda root: next(root.glob("*.npy")).unlink(),
    "array cut short": truncate,
    "empty array": lambda root: next(root.glob("*.npy")).write_bytes(b""),
    "pickled array": replace_by_pickle,
    "zip instead of an array": replace_by_zip,
    "array of another type": lambda root: np.save(
        next(root.glob("*.npy")), np.zeros((2, 3, 64, 64), np.float32)
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_is_detected(tmp_path: Path, damage: str):
    store(tmp_path)
    DAMAGES[damage](tmp_path)
    with pytest.raises(InputError, match=f"make it again with `{COMMAND}`") as caught:
        find_cached(tmp_path, "toys", command=COMMAND)
    assert "\n" not in str(caught.value)
    assert str(tmp_path) in str(caught.value)
    store(tmp_path)
    assert find_cached(tmp_path, "toys", command=COMMAND) is not None


def test_a_changed_byte_is_not_intact(tmp_path: Path):
    cached = store(tmp_path)
    content = bytearray(cached.path.read_bytes())
    content[-1] ^= 1
    cached.path.write_bytes(content)
    assert not cached.is_intact()


def test_sidecar_that_is_a_folder(tmp_path: Path):
    (tmp_path / "toys.json").mkdir()
    with pytest.raises(InputError, match=r"toys\.json: cannot read"):
        find_cached(tmp_path, "toys", command=COMMAND)


class TestReplacedMeanwhile:
    """Another process stores the set anew between a reader's look at its two files."""

    def replace(self, monkeypatch: pytest.MonkeyPatch, act: Callable[[], object]) -> None:
        opening = CachedImages.array

        def array(cached: CachedImages) -> np.ndarray:
            monkeypatch.undo()
            act()
            return opening(cached)

        monkeypatch.setattr(CachedImages, "array", array)

    def test_by_other_images(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
        store(tmp_path)
        self.replace(monkeypatch, lambda: store(tmp_path, seed=1))
        found = find_cached(tmp_path, "toys", command=COMMAND)
        assert found is not None
        assert found.is_intact()

    def test_by_nothing(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
        store(tmp_path)

        def remove() -> None:
            for file in tmp_path.iterdir():
                file.unlink()

        self.replace(monkeypatch, remove)
        assert find_cached(tmp_path, "toys", command=COMMAND) is None


def test_a_flipped_header_is_damage(chairs, tmp_path):
    root = shutil.copytree(chairs, tmp_path / "copy")
    array = next(root.glob("*.npy"))
    for place in range(10, 70, 3):
        content = bytearray(array.read_bytes())
        content[place] ^= 0x55
        (root / array.name).write_bytes(content)
        with suppress(InputError):
            find_cached(root, "synth-chairs", ids=2, command="seatbelt data build")
        content[place] ^= 0x55
        (root / array.name).write_bytes(content)
