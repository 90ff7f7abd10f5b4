"""Small tensors in the layout of the published one, and hostile files."""

import io
import pickle
import tarfile
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from pyro_seatbelt.data import import_archive, load_dataset
from pyro_seatbelt.data.sets.faces3d import FACES3D
from pyro_seatbelt.data.spec import LoadRequest
from pyro_seatbelt.errors import InputError

SHAPE = (3, 4, 2, 2, 64, 64)
FACES = torch.from_numpy(np.random.default_rng(0).integers(0, 256, SHAPE, dtype=np.uint8))


def save(path: Path, content: object, *, legacy: bool = False) -> Path:
    torch.save(content, path, _use_new_zipfile_serialization=not legacy)
    return path


def run_import(file: Path, root: Path, **options):
    return replace(FACES3D, shape=SHAPE).import_archive(file, LoadRequest(root=root, **options))


@pytest.fixture(params=[False, True], ids=["zip", "legacy"])
def file(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return save(tmp_path / "basel_face_renders.pth", FACES, legacy=request.param)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "root"


class TestPublishedLayout:
    def test_values_and_order(self, file: Path, root: Path):
        dataset = run_import(file, root)
        images = dataset.images.gather(torch.arange(48))
        assert torch.equal(images, FACES.view(48, 1, 64, 64))
        assert not dataset.synthetic

    def test_factors(self, file: Path, root: Path):
        dataset = run_import(file, root)
        assert tuple(dataset.factors) == ("identity", "azimuth", "elevation", "light")
        number = ((2 * 4 + 3) * 2 + 1) * 2 + 0
        assert [int(classes[number]) for classes in dataset.factors.values()] == [2, 3, 1, 0]
        assert dataset.identities.tolist() == [i for i in range(3) for _ in range(16)]

    def test_first_identities(self, file: Path, root: Path):
        whole = run_import(file, root)
        part = load_dataset("faces3d", root=root, ids=2)
        assert part.num_images == 32
        indices = torch.arange(32)
        assert torch.equal(part.images.gather(indices), whole.images.gather(indices))
        assert part.fingerprint != whole.fingerprint
        with pytest.raises(InputError, match="expected ids from 1 to 3 for faces3d, got 4"):
            load_dataset("faces3d", root=root, ids=4)

    def test_progress(self, file: Path, root: Path):
        calls = []
        run_import(file, root, progress=lambda *call: calls.append(call))
        assert calls == [("images", done, 48) for done in (16, 32, 48)]

    def test_the_published_shape_is_required(self, file: Path, root: Path):
        with pytest.raises(InputError, match="expected about 520396800 bytes of images"):
            import_archive("faces3d", file, root=root)


class Code:
    def __reduce__(self):
        return exec, ("raise SystemExit('code ran')",)


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([FACES, Code()], "which is not unpickled"),
        ([FACES, np.zeros(3)], "which is not unpickled"),
        ({"faces": FACES}, "got a dict"),
        ([FACES], "got a list"),
        (FACES[:, :3], r"got torch\.uint8 and \(3, 3, 2, 2, 64, 64\)"),
        (FACES.flatten(), r"got torch\.uint8 and \(196608,\)"),
        (FACES.float() / 255, r"got torch\.float32 and"),
        (FACES.char(), r"got torch\.int8 and"),
        (torch.zeros(8, *SHAPE), "expected about 196608 bytes of images, got 6"),
        (FACES[0].clone(), "expected about 196608 bytes of images, got"),
    ],
)
def test_other_content_is_refused(
    tmp_path: Path, root: Path, content: object, message: str, legacy: bool
):
    before = run_import(save(tmp_path / "good.pth", FACES), root).fingerprint
    files = set(root.iterdir())
    bad = save(tmp_path / "bad.pth", content, legacy=legacy)
    with pytest.raises(InputError, match=message) as caught:
        run_import(bad, root)
    assert str(caught.value).startswith(f"{bad}: ")
    assert "\n" not in str(caught.value)
    assert load_dataset("faces3d", root=root).fingerprint == before
    assert set(root.iterdir()) == files


def old_tar() -> bytes:
    """What torch wrote before it wrote pickles: reading it would unpack files."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tar:
        info = tarfile.TarInfo("../storages")
        info.size = 200_000
        tar.addfile(info, io.BytesIO(bytes(200_000)))
    return file.getvalue()


def bomb() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(4):
            archive.writestr(f"archive/data/{number}", bytes(1 << 20))
    return file.getvalue()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "expected a tensor saved by torch.save, got an empty file"),
        (b"<html>not here</html>", "got a web page"),
        (b"hello" * 100_000, "got something else"),
        (old_tar(), "got something else"),
        (bomb(), "expected about 196608 bytes of images, got 4194304"),
        (b"PK\x03\x04" + bytes(200_000), "expected the published zip archive, whole"),
        (pickle.dumps(Code(), protocol=2) + bytes(200_000), "not unpickled"),
        (b"\x80\x02" + bytes(200_000), "not unpickled"),
    ],
    ids=["empty", "page", "text", "tar", "bomb", "broken zip", "code", "broken pickle"],
)
def test_hostile_files(tmp_path: Path, root: Path, content: bytes, message: str):
    bad = tmp_path / "bad.pth"
    bad.write_bytes(content)
    with pytest.raises(InputError, match=message) as caught:
        run_import(bad, root)
    assert "\n" not in str(caught.value)
    assert not root.exists()


@pytest.mark.parametrize("share", [0.99, 0.6])
def test_cut_short(file: Path, root: Path, tmp_path: Path, share: float):
    content = file.read_bytes()
    cut = tmp_path / "cut.pth"
    cut.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(InputError, match=r"cut\.pth: expected"):
        run_import(cut, root)
    assert not root.exists()
