"""Small archives in the layout of the published one, and hostile ones."""

import hashlib
import io
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from pyro_seatbelt.data import SpriteImages, import_archive, load_dataset
from pyro_seatbelt.data.published_file import PublishedFile
from pyro_seatbelt.data.sets.dsprites import DSPRITES
from pyro_seatbelt.data.spec import LoadRequest
from pyro_seatbelt.drawn.sprites import FACTOR_SIZES
from pyro_seatbelt.errors import InputError

NUM_IMAGES = 5000
SIZES = (1, *FACTOR_SIZES)


class Code:
    def __reduce__(self):
        return exec, ("raise SystemExit('code ran')",)


def published_arrays(num_images: int = NUM_IMAGES) -> dict[str, np.ndarray]:
    images = SpriteImages().gather(torch.arange(num_images))[:, 0].numpy() // 255
    classes = np.stack(np.unravel_index(np.arange(num_images), SIZES), 1).astype(np.int64)
    metadata = np.array(Code(), dtype=object)
    return {
        "metadata": metadata,
        "imgs": images,
        "latents_classes": classes,
        "latents_values": classes.astype(np.float64),
    }


ARRAYS = published_arrays()


def write(path: Path, **changes: np.ndarray | None) -> Path:
    arrays = {name: array for name, array in (ARRAYS | changes).items() if array is not None}
    np.savez_compressed(path, allow_pickle=True, **arrays)
    return path


def published(path: Path) -> PublishedFile:
    md5 = hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
    return PublishedFile(name="d.npz", kind="zip", md5=md5)


def run_import(archive: Path, root: Path, **options):
    few = replace(DSPRITES, files=(published(archive),), shape=(NUM_IMAGES, 64, 64))
    return few.import_archive(archive, LoadRequest(root=root, **options))


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("published") / "d.npz")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "root"


class TestPublishedLayout:
    def test_values_and_order(self, archive: Path, root: Path):
        dataset = run_import(archive, root)
        images = dataset.images.gather(torch.arange(NUM_IMAGES)).numpy()
        assert np.array_equal(images[:, 0], ARRAYS["imgs"] * 255)
        assert dataset.image_shape == (1, 64, 64)
        assert not dataset.synthetic

    def test_factors(self, archive: Path, root: Path):
        dataset = run_import(archive, root)
        classes = np.stack(list(dataset.factors.values()), 1)
        assert np.array_equal(classes, ARRAYS["latents_classes"][:, 1:])
        assert list(dataset.factors) == [
            "shape", "scale", "orientation", "position_x", "position_y",
        ]  # fmt: skip
        assert dataset.identities.tolist() == list(range(NUM_IMAGES))

    def test_a_part_is_spread_over_all(self, archive: Path, root: Path):
        whole = run_import(archive, root)
        part = load_dataset("dsprites", root=root, ids=100)
        assert part.num_images == 100
        assert part.identities.max() > 0.9 * NUM_IMAGES
        assert len(np.unique(part.factors["position_y"])) > 10
        everything = whole.images.gather(torch.from_numpy(part.identities))
        assert torch.equal(part.images.gather(torch.arange(100)), everything)
        for name, classes in part.factors.items():
            assert np.array_equal(classes, whole.factors[name][part.identities])
        assert part.fingerprint != whole.fingerprint
        with pytest.raises(InputError, match="expected ids from 1 to 5000 for dsprites, got 5001"):
            load_dataset("dsprites", root=root, ids=5001)

    def test_progress(self, archive: Path, root: Path):
        calls = []
        run_import(archive, root, progress=lambda *call: calls.append(call))
        assert calls == [("images", 4096, 5000), ("images", 5000, 5000)]


class TestOtherContent:
    """Archives that are whole but hold something else: nothing of them is kept."""

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"imgs": ARRAYS["imgs"][:-1]}, r"imgs: expected uint8 of shape \(5000, 64, 64\), got"),
            ({"imgs": ARRAYS["imgs"][:, :32]}, "imgs: expected uint8 of shape"),
            ({"imgs": ARRAYS["imgs"].astype(np.float32)}, "imgs: expected uint8 .* got float32"),
            ({"imgs": np.asfortranarray(ARRAYS["imgs"])}, "imgs: expected uint8"),
            ({"imgs": ARRAYS["imgs"] * 255}, "imgs: expected zeros and ones, got 255"),
            ({"imgs": np.array([Code()])}, r"imgs: .*never unpickled"),
            ({"imgs": None}, r"damaged .*no item named 'imgs.npy'"),
            ({"latents_classes": None}, "no item named 'latents_classes.npy'"),
            ({"latents_classes": np.array([Code()])}, "latents_classes: .*never unpickled"),
            (
                {"latents_classes": ARRAYS["latents_classes"][::-1]},
                "latents_classes: expected the images in the published order",
            ),
            (
                {"latents_classes": ARRAYS["latents_classes"] + [1, 0, 0, 0, 0, 0]},
                "latents_classes: expected the images in the published order",
            ),
            (
                {"latents_classes": ARRAYS["latents_classes"].astype(np.float64)},
                "latents_classes: expected int64",
            ),
        ],
    )
    def test_is_refused(
        self, archive: Path, root: Path, tmp_path: Path, changes: dict, message: str
    ):
        before = run_import(archive, root).fingerprint
        files = set(root.iterdir())
        with pytest.raises(InputError, match=message) as caught:
            run_import(write(tmp_path / "d.npz", **changes), root)
        assert "\n" not in str(caught.value)
        assert load_dataset("dsprites", root=root).fingerprint == before
        assert set(root.iterdir()) == files

    def test_more_than_its_head_says(self, root: Path, tmp_path: Path):
        path = write(tmp_path / "d.npz", imgs=None)
        file = io.BytesIO()
        np.save(file, ARRAYS["imgs"])
        with zipfile.ZipFile(path, "a") as archive:
            archive.writestr("imgs.npy", file.getvalue() + b"more")
        with pytest.raises(InputError, match="imgs: expected 5000 images, got more bytes"):
            run_import(path, root)


class TestDamagedArchives:
    def test_wrong_hash(self, archive: Path, root: Path):
        with pytest.raises(
            InputError,
            match=r"\(MD5 7da33b31b13a06f4b04a70402ce90c2e\), got MD5 [0-9a-f]{32}: download https",
        ):
            import_archive("dsprites", archive, root=root)
        assert not root.exists()

    @pytest.mark.parametrize("share", [0.95, 0.5, 0.01])
    def test_cut_short(self, archive: Path, root: Path, tmp_path: Path, share: float):
        cut = tmp_path / "cut.npz"
        content = archive.read_bytes()
        cut.write_bytes(content[: int(len(content) * share)])
        with pytest.raises(InputError, match="the published zip archive, whole and undamaged"):
            run_import(cut, root)

    def test_changed_byte(self, archive: Path, root: Path, tmp_path: Path):
        content = bytearray(archive.read_bytes())
        content[len(content) // 2] ^= 255
        bad = tmp_path / "bad.npz"
        bad.write_bytes(content)
        with pytest.raises(InputError, match=r"bad\.npz"):
            run_import(bad, root)
        assert not root.exists() or list(root.iterdir()) == []
