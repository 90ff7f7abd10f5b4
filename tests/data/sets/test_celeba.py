"""A small archive in the published layout with its two lists, and hostile ones."""

import io
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from pyro_seatbelt.data import import_archive, load_dataset
from pyro_seatbelt.data.sets.celeba import CELEBA, FACTORS
from pyro_seatbelt.data.spec import LoadRequest
from pyro_seatbelt.errors import InputError

NUM_IMAGES = 12
SIDES = [0] * 7 + [1] * 2 + [2] * 3
RNG = np.random.default_rng(0)
ATTRIBUTES = RNG.integers(0, 2, (NUM_IMAGES, 40))


def jpeg(picture: Image.Image) -> bytes:
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=95)
    return file.getvalue()


def photograph(number: int) -> Image.Image:
    coarse = RNG.integers(0, 256, (12, 10, 3), dtype=np.uint8)
    picture = Image.fromarray(coarse).resize((178, 218), Image.Resampling.BICUBIC)
    return picture.convert("L") if number == 4 else picture


PHOTOGRAPHS = [jpeg(photograph(number)) for number in range(NUM_IMAGES)]
MEMBERS = {
    "img_align_celeba/": b"",
    **{f"img_align_celeba/{n + 1:06d}.jpg": content for n, content in enumerate(PHOTOGRAPHS)},
}
PARTITION = "".join(f"{n + 1:06d}.jpg {side}\n" for n, side in enumerate(SIDES))
ATTRIBUTE_LIST = f"{NUM_IMAGES}\n{' '.join(FACTORS)} \n" + "".join(
    f"{n + 1:06d}.jpg {' '.join(f'{2 * v - 1:2d}' for v in row)}\n"
    for n, row in enumerate(ATTRIBUTES)
)


def write(
    folder: Path,
    members: dict[str, bytes] = MEMBERS,
    partition: str | bytes = PARTITION,
    attributes: str | bytes = ATTRIBUTE_LIST,
) -> Path:
    folder.mkdir(exist_ok=True)
    for name, content in zip(
        ("list_eval_partition.txt", "list_attr_celeba.txt"), (partition, attributes), strict=True
    ):
        (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
    archive = folder / "img_align_celeba.zip"
    with zipfile.ZipFile(archive, "w") as opened:
        for name, content in members.items():
            opened.writestr(name, content)
    return archive


def run_import(archive: Path, root: Path, **options):
    files = tuple(replace(file, md5="", num_bytes=None) for file in CELEBA.files)
    few = replace(CELEBA, files=files, shape=(NUM_IMAGES, 3, 64, 64))
    return few.import_archive(archive, LoadRequest(root=root, **options))


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("published"))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "root"


class TestPublishedLayout:
    def test_values_and_order(self, archive: Path, root: Path):
        dataset = run_import(archive, root)
        assert dataset.image_shape == (3, 64, 64)
        images = dataset.images.gather(torch.arange(NUM_IMAGES)).numpy()
        for number, content in enumerate(PHOTOGRAPHS):
            picture = Image.open(io.BytesIO(content)).convert("RGB").crop((15, 35, 163, 183))
            expected = np.asarray(picture.resize((64, 64), Image.Resampling.LANCZOS))
            assert np.array_equal(images[number], expected.transpose(2, 0, 1))
        assert (images[4, 0] == images[4, 2]).all()

    def test_attributes_are_factors(self, archive: Path, root: Path):
        dataset = run_import(archive, root)
        assert tuple(dataset.factors) == FACTORS
        assert np.array_equal(np.stack(list(dataset.factors.values()), 1), ATTRIBUTES)

    def test_split_is_the_published_one(self, archive: Path, root: Path):
        train, heldout = run_import(archive, root).split(holdout=0.5, seed=3)
        assert train.tolist() == list(range(7))
        assert heldout.tolist() == [9, 10, 11]

    def test_a_part_is_spread_over_all(self, archive: Path, root: Path):
        whole = run_import(archive, root)
        part = load_dataset("celeba", root=root, ids=6)
        numbers = torch.from_numpy(part.identities)
        assert len(numbers) == 6
        assert torch.equal(part.images.gather(torch.arange(6)), whole.images.gather(numbers))
        assert np.array_equal(part.factors["Bald"], whole.factors["Bald"][part.identities])
        train, heldout = part.split()
        assert {SIDES[number] for number in part.identities[train]} == {0}
        assert {SIDES[number] for number in part.identities[heldout]} == {2}
        assert part.fingerprint != whole.fingerprint
        with pytest.raises(InputError, match="to train on and to test on out of 1 of celeba"):
            load_dataset("celeba", root=root, ids=1)

    def test_labels_count_in_the_fingerprint(self, archive: Path, root: Path, tmp_path: Path):
        before = run_import(archive, root).fingerprint
        other = PARTITION.replace("000001.jpg 0", "000001.jpg 1")
        assert run_import(write(tmp_path / "o", partition=other), root).fingerprint != before

    def test_replacing_leaves_one_of_each(self, archive: Path, root: Path, tmp_path: Path):
        run_import(archive, root)
        other = PARTITION.replace("000001.jpg 0", "000001.jpg 1")
        run_import(write(tmp_path / "other", partition=other), root)
        assert len(list(root.iterdir())) == 4  # the array, its sidecar, its mark, the lock

    def test_progress(self, archive: Path, root: Path):
        calls = []
        run_import(archive, root, progress=lambda *call: calls.append(call))
        assert calls == [("images", count, 12) for count in range(1, 13)]

    def test_names_without_a_folder(self, archive: Path, root: Path, tmp_path: Path):
        flat = {name.rsplit("/", 1)[-1]: content for name, content in MEMBERS.items() if content}
        before = run_import(archive, root).fingerprint
        assert run_import(write(tmp_path / "flat", flat), root).fingerprint == before


class TestTerms:
    def test_must_be_accepted(self, archive: Path, root: Path):
        with pytest.raises(InputError, match=r"non-commercial .*, say --accept-terms"):
            import_archive("celeba", archive, root=root)

    def test_are_accepted(self, archive: Path, root: Path):
        with pytest.raises(InputError, match="published file"):
            import_archive("celeba", archive, root=root, accept_terms=True)


class TestHostileArchives:
    FIRST = "img_align_celeba/000001.jpg"

    def refuse(self, archive: Path, root: Path, message: str) -> None:
        with pytest.raises(InputError, match=message) as caught:
            run_import(archive, root)
        assert "\n" not in str(caught.value)
        assert not root.exists() or list(root.iterdir()) == []

    def test_other_members_are_passed_over(self, archive: Path, root: Path, tmp_path: Path):
        wrong = jpeg(Image.new("RGB", (178, 218)))
        hostile = {
            f"../../{self.FIRST}": wrong,
            f"/{self.FIRST}": wrong,
            f"img_align_celeba/../{self.FIRST}": wrong,
            f"{self.FIRST}.exe": b"MZ",
            "img_align_celeba/._000001.jpg": b"\0\5",
            "__MACOSX/img_align_celeba/000001.jpg": wrong,
            "img_align_celeba/\u0660\u0660\u0660\u0660\u0660\u0661.jpg": wrong,
        }
        around = write(tmp_path / "hostile", {**hostile, **MEMBERS})
        before = set(tmp_path.rglob("*"))
        assert run_import(around, root).fingerprint == run_import(archive, root).fingerprint
        assert all(root in [file, *file.parents] for file in set(tmp_path.rglob("*")) - before)

    def test_picture_that_comes_twice(self, root: Path, tmp_path: Path):
        twice = {**MEMBERS, "000001.jpg": PHOTOGRAPHS[0]}
        self.refuse(write(tmp_path / "a", twice), root, r"000001\.jpg: .* once, got it twice")

    def test_picture_too_many(self, root: Path, tmp_path: Path):
        more = {**MEMBERS, "img_align_celeba/000013.jpg": PHOTOGRAPHS[0]}
        self.refuse(write(tmp_path / "a", more), root, r"000013\.jpg: expected pictures 000001 to")

    def test_picture_missing(self, root: Path, tmp_path: Path):
        fewer = {name: content for name, content in MEMBERS.items() if name != self.FIRST}
        self.refuse(write(tmp_path / "a", fewer), root, "expected 12 pictures, got 11")

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            (b"<html>", r"000001\.jpg: expected a picture \(JPEG\)"),
            (PHOTOGRAPHS[0][:3000], r"000001\.jpg: damaged picture"),
            (jpeg(Image.new("RGB", (218, 178))), "178x218 pixels, got 218x178"),
            (jpeg(Image.new("L", (20_000, 20_000))), "expected a picture of at most 1048576"),
            (bytes(2 << 20), "expected a picture of at most 1048576 bytes"),
        ],
    )
    def test_bad_picture(self, root: Path, tmp_path: Path, content: bytes, message: str):
        bad = {**MEMBERS, self.FIRST: content}
        self.refuse(write(tmp_path / "a", bad), root, message)

    def test_bomb(self, root: Path, tmp_path: Path):
        png = io.BytesIO()
        Image.new("1", (30_000, 5_000)).save(png, "PNG")
        bad = {**MEMBERS, self.FIRST: png.getvalue()}
        self.refuse(write(tmp_path / "a", bad), root, r"expected a picture \(JPEG\)")

    @pytest.mark.parametrize("share", [0.99, 0.5])
    def test_cut_short(self, archive: Path, root: Path, tmp_path: Path, share: float):
        cut = write(tmp_path / "a")
        content = archive.read_bytes()
        cut.write_bytes(content[: int(len(content) * share)])
        self.refuse(cut, root, "expected the published zip archive, whole and undamaged")

    def test_member_that_lies(self, root: Path, tmp_path: Path):
        """Its checksum is not that of its content."""
        bad = write(tmp_path / "a")
        content = bad.read_bytes()
        bad.write_bytes(content.replace(PHOTOGRAPHS[3], PHOTOGRAPHS[3][:-9] + bytes(9)))
        self.refuse(bad, root, "Bad CRC-32")

    def test_encrypted_member(self, root: Path, tmp_path: Path):
        bad = write(tmp_path / "a")
        content = bytearray(bad.read_bytes())
        for signature, offset in ((b"PK\x01\x02", 8), (b"PK\x03\x04", 6)):
            at = content.rindex(signature)
            content[at + offset] |= 1
        bad.write_bytes(content)
        self.refuse(bad, root, "encrypted")


class TestLists:
    @pytest.mark.parametrize(
        ("lists", "message"),
        [
            ({"partition": ""}, "partition.txt: expected plain text, got an empty file"),
            ({"partition": "<html>"}, "partition.txt: expected plain text, got a web page"),
            ({"partition": b"\0\1"}, "expected plain text, got something else"),
            ({"partition": b"\xff\xfe"}, "expected a list of pictures in plain text"),
            ({"partition": PARTITION[:-13]}, "expected 12 pictures, got 11"),
            ({"partition": PARTITION.replace(" 2", " 3")}, "0, 1 or 2 for 000010.jpg, got 3"),
            ({"partition": PARTITION.replace(" 2", "")}, "expected 000010.jpg and 1 numbers"),
            ({"partition": PARTITION.replace("000001", "000002")}, "expected 000001.jpg and 1"),
            ({"attributes": "12\n"}, "expected the names of 40 attributes in line 2"),
            ({"attributes": ATTRIBUTE_LIST.replace("Bald", "Hairy")}, "the names of 40"),
            ({"attributes": ATTRIBUTE_LIST + "000013.jpg 1\n"}, "expected 12 pictures, got 13"),
            ({"attributes": ATTRIBUTE_LIST.replace(" -1", " 0")}, "expected 1 or -1 for every"),
            ({"attributes": ATTRIBUTE_LIST[:-4] + "\n"}, "expected 000012.jpg and 40 numbers"),
        ],
    )
    def test_bad_list(self, root: Path, tmp_path: Path, lists: dict, message: str):
        with pytest.raises(InputError, match=message) as caught:
            run_import(write(tmp_path / "a", **lists), root)
        assert "\n" not in str(caught.value)
        assert not root.exists()

    @pytest.mark.parametrize("name", ["list_eval_partition.txt", "list_attr_celeba.txt"])
    def test_missing_list(self, root: Path, tmp_path: Path, name: str):
        archive = write(tmp_path / "a")
        archive.with_name(name).unlink()
        with pytest.raises(InputError, match=rf"{name}: cannot read the archive: No such file"):
            run_import(archive, root)

    def test_wrong_hash(self, root: Path, archive: Path):
        with pytest.raises(InputError, match=r"\(MD5 d32c9cbf5e040fd4025c592c306e6668\), got MD5"):
            CELEBA.import_archive(archive, LoadRequest(root=root))


def test_damaged_labels_are_detected(archive: Path, root: Path):
    run_import(archive, root)
    (labels,) = root.glob("*.labels.npy")
    np.save(labels, np.zeros((3, 41), np.uint8))
    with pytest.raises(InputError, match=r"labels\.npy: damaged data set .* again with"):
        load_dataset("celeba", root=root)
    labels.unlink()
    with pytest.raises(InputError, match="damaged data set"):
        load_dataset("celeba", root=root)
