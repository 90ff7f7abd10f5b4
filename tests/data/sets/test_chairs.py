"""Small archives in exactly the published layout, and hostile ones."""

import hashlib
import io
import tarfile
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import torch
from PIL import Image

from pyro_seatbelt.data import import_archive, load_dataset
from pyro_seatbelt.data.sets.chairs import ADDRESS, AZIMUTHS, CHAIRS, ELEVATIONS
from pyro_seatbelt.data.spec import LoadRequest
from pyro_seatbelt.errors import InputError

PUBLISHED_AZIMUTHS = [
    0, 11, 23, 34, 46, 58, 69, 81, 92, 104, 116, 127, 139, 150, 162, 174, 185, 197, 209, 220, 232,
    243, 255, 267, 278, 290, 301, 313, 325, 336, 348,
]  # fmt: skip
# in the order in which the archive has them, which is not the order of names
NAMES = ["9a1", "1028b32dc1873c2afe26a3ac360dbd4", "fff0"]


class Member(NamedTuple):
    name: str
    content: bytes
    kind: bytes = tarfile.REGTYPE
    link: str = ""


def tone(chair: str, view: int) -> int:
    """The grey of a whole picture, another one for each."""
    return NAMES.index(chair) * 70 + view


def encode(picture: Image.Image) -> bytes:
    file = io.BytesIO()
    picture.save(file, "PNG")
    return file.getvalue()


def plain(chair: str, view: int) -> bytes:
    """One even picture, most of them grey files, some as colour, transparent and palette ones."""
    grey = tone(chair, view)
    if view == 1:
        return encode(Image.new("RGB", (600, 600), (grey, grey, grey)))
    if view == 2:
        return encode(Image.new("RGBA", (600, 600), (grey, grey, grey, 255)))
    if view == 3:
        picture = Image.new("P", (600, 600), 1)
        picture.putpalette([0, 0, 0, grey, grey, grey])
        return encode(picture)
    return encode(Image.new("L", (600, 600), grey))


def instances() -> Iterator[tuple[int, str]]:
    """The published file names: the running number jumps from 030 to 032."""
    for view in range(62):
        elevation, azimuth = divmod(view, 31)
        number = view if elevation == 0 else view + 1
        p, t = (20, 30)[elevation], PUBLISHED_AZIMUTHS[azimuth]
        yield view, f"image_{number:03d}_p{p:03d}_t{t:03d}_r096.png"


def published_members(picture: Callable[[str, int], bytes] = plain) -> list[Member]:
    members = [
        Member("rendered_chairs", b"", tarfile.DIRTYPE),
        Member("rendered_chairs/all_chair_names.mat", b"MATLAB 5.0 MAT-file"),
    ]
    for chair in NAMES:
        folder = f"rendered_chairs/{chair}/renders"
        members.append(Member(folder, b"", tarfile.DIRTYPE))
        for view, name in instances():
            members.append(Member(f"{folder}/._{name}", b"\0\5\x16\7resource fork"))
            members.append(Member(f"{folder}/{name}", picture(chair, view)))
    return members


def write_archive(path: Path, members: list[Member]) -> Path:
    with tarfile.open(path, "w") as tar:
        for member in members:
            info = tarfile.TarInfo(member.name)
            info.type, info.linkname = member.kind, member.link
            info.size = len(member.content)
            tar.addfile(info, io.BytesIO(member.content))
    return path


def run_import(archive: Path, root: Path, num_identities: int = 3, **options):
    few = replace(CHAIRS, shape=(num_identities, *CHAIRS.shape[1:]))
    return few.import_archive(archive, LoadRequest(root=root, **options))


MEMBERS = published_members()


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_archive(tmp_path_factory.mktemp("published") / "rendered_chairs.tar", MEMBERS)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "root"


def test_angles_are_the_published_ones():
    assert list(AZIMUTHS) == PUBLISHED_AZIMUTHS
    assert ELEVATIONS == (20, 30)


class TestPublishedLayout:
    def test_values_and_order(self, archive: Path, root: Path):
        dataset = run_import(archive, root)
        assert dataset.num_images == 3 * 62
        assert dataset.image_shape == (1, 64, 64)
        images = dataset.images.gather(torch.arange(dataset.num_images)).numpy()
        for position, chair in enumerate(sorted(NAMES)):
            for view in range(62):
                assert (images[position * 62 + view] == tone(chair, view)).all()

    def test_factors(self, archive: Path, root: Path):
        factors = run_import(archive, root).factors
        assert factors["identity"].tolist() == [i for i in range(3) for _ in range(62)]
        assert factors["elevation"].tolist() == ([0] * 31 + [1] * 31) * 3
        assert factors["azimuth"].tolist() == list(range(31)) * 6

    def test_provenance(self, archive: Path, root: Path):
        dataset = run_import(archive, root)
        content = archive.read_bytes()
        assert dataset.provenance["archive_sha256"] == hashlib.sha256(content).hexdigest()
        assert dataset.provenance["archive_bytes"] == len(content)
        assert dataset.provenance["crop"] == 400
        assert not dataset.synthetic

    def test_order_in_the_archive_does_not_count(self, archive: Path, root: Path, tmp_path: Path):
        turned = write_archive(tmp_path / "turned.tar", MEMBERS[::-1])
        assert run_import(turned, root).fingerprint == run_import(archive, root).fingerprint

    def test_first_identities(self, archive: Path, root: Path):
        whole = run_import(archive, root)
        part = load_dataset("chairs", root=root, ids=2)
        assert part.num_images == 2 * 62
        indices = torch.arange(part.num_images)
        assert (part.images.gather(indices) == whole.images.gather(indices)).all()
        assert part.fingerprint != whole.fingerprint
        assert load_dataset("chairs", root=root, ids=3).fingerprint == whole.fingerprint
        with pytest.raises(InputError, match="expected ids from 1 to 3 for chairs, got 4"):
            load_dataset("chairs", root=root, ids=4)

    def test_progress(self, archive: Path, root: Path):
        calls = []
        run_import(archive, root, progress=lambda *call: calls.append(call))
        assert calls == [("images", count, 186) for count in range(1, 187)]

    def test_the_published_number_is_required(self, archive: Path, root: Path):
        with pytest.raises(
            InputError, match=r"expected 1393 chairs in 62 views each, got 3 chairs"
        ):
            import_archive("chairs", archive, root=root)

    def test_nothing_is_unpacked(self, archive: Path, root: Path, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.chdir(archive.parent)
        run_import(archive, root)
        assert [file.name for file in archive.parent.iterdir()] == [archive.name]
        assert {file.suffix for file in root.iterdir()} == {".json", ".npy", ".verified"}


class TestPictures:
    """What one picture becomes; it is the first view of the first chair."""

    def first_image(self, picture: Image.Image, tmp_path: Path) -> np.ndarray:
        name = next(name for view, name in instances() if view == 0)
        path = f"rendered_chairs/{NAMES[0]}/renders/{name}"
        members = [
            Member(path, encode(picture)) if member.name == path else member
            for member in MEMBERS
            if NAMES[0] in member.name
        ]
        dataset = run_import(write_archive(tmp_path / "a.tar", members), tmp_path / "root", 1)
        return dataset.images.gather(torch.arange(1))[0, 0].numpy()

    def test_crop_and_resampling(self, tmp_path: Path):
        noise = np.random.default_rng(0).integers(0, 256, (600, 600), dtype=np.uint8)
        middle = Image.fromarray(noise[100:500, 100:500])
        expected = np.asarray(middle.resize((64, 64), Image.Resampling.LANCZOS))
        assert np.array_equal(self.first_image(Image.fromarray(noise), tmp_path), expected)

    def test_colours_become_luma(self, tmp_path: Path):
        image = self.first_image(Image.new("RGB", (600, 600), (200, 100, 50)), tmp_path)
        assert (image == round(0.299 * 200 + 0.587 * 100 + 0.114 * 50)).all()

    def test_transparent_is_laid_on_white(self, tmp_path: Path):
        picture = Image.new("RGBA", (600, 600), (10, 20, 30, 0))
        picture.paste((40, 40, 40, 255), (0, 0, 300, 600))
        image = self.first_image(picture, tmp_path)
        assert (image[:, :28] == 40).all()
        assert (image[:, 36:] == 255).all()

    def test_palette_with_transparency(self, tmp_path: Path):
        picture = Image.new("P", (600, 600), 1)
        picture.putpalette([90, 90, 90, 0, 0, 0])
        picture.paste(0, (0, 0, 300, 600))
        picture.info["transparency"] = 1
        image = self.first_image(picture, tmp_path)
        assert (image[:, :28] == 90).all()
        assert (image[:, 36:] == 255).all()

    def test_other_size(self, tmp_path: Path):
        with pytest.raises(InputError, match=r"image_000.* 600x600 pixels, got 599x600"):
            self.first_image(Image.new("L", (599, 600)), tmp_path)


class TestHostileMembers:
    VIEW = f"{NAMES[0]}/renders/image_000_p020_t000_r096.png"

    def test_are_ignored(self, archive: Path, root: Path, tmp_path: Path):
        wrong = plain(NAMES[0], 61)
        path = f"rendered_chairs/{self.VIEW}"
        hostile = [
            Member(f"../../{path}", wrong),
            Member(f"/{path}", wrong),
            Member(f"other/{path}", wrong),
            Member(f"rendered_chairs/../{path}", wrong),
            Member(f"{path}\n", wrong),
            Member(f"{path}.exe", b"MZ"),
            Member(path, b"", tarfile.SYMTYPE, "/etc/passwd"),
            Member(path, b"", tarfile.LNKTYPE, "/etc/passwd"),
            Member(path, b"", tarfile.CHRTYPE),
            Member(path, b"", tarfile.FIFOTYPE),
            Member(path.replace(NAMES[0], "\u0661"), wrong),
        ]
        around = write_archive(tmp_path / "hostile.tar", [*hostile, *MEMBERS, *hostile])
        before = set(tmp_path.parent.rglob("*"))
        assert run_import(around, root).fingerprint == run_import(archive, root).fingerprint
        made = set(tmp_path.parent.rglob("*")) - before
        assert made
        assert all(root in [file, *file.parents] for file in made)

    def test_view_that_comes_twice(self, root: Path, tmp_path: Path):
        twice = write_archive(tmp_path / "twice.tar", [*MEMBERS, MEMBERS[-1]])
        with pytest.raises(InputError, match=r"image_062_p030_t348.* once, got it twice"):
            run_import(twice, root)

    @pytest.mark.parametrize(
        "name", ["image_000_p020_t001_r096.png", "image_000_p025_t000_r096.png"]
    )
    def test_unknown_angle(self, root: Path, tmp_path: Path, name: str):
        member = Member(f"rendered_chairs/{NAMES[0]}/renders/{name}", plain(NAMES[0], 0))
        with pytest.raises(InputError, match=r"expected elevation 20 or 30 and azimuth k\*360/31"):
            run_import(write_archive(tmp_path / "odd.tar", [member]), root)

    def test_too_many_chairs(self, archive: Path, root: Path):
        with pytest.raises(InputError, match="expected 2 chairs, got more: fff0"):
            run_import(archive, root, 2)

    def test_huge_file(self, root: Path, tmp_path: Path):
        member = Member(f"rendered_chairs/{self.VIEW}", bytes((8 << 20) + 1))
        with pytest.raises(InputError, match="expected a picture of at most 8388608 bytes"):
            run_import(write_archive(tmp_path / "huge.tar", [member]), root)

    def test_decompression_bomb(self, root: Path, tmp_path: Path):
        bomb = encode(Image.new("1", (30_000, 5_000)))
        assert len(bomb) < 100_000
        member = Member(f"rendered_chairs/{self.VIEW}", bomb)
        tracemalloc.start()
        with pytest.raises(InputError, match=r"image_000_p020_t000_r096\.png: .* too large"):
            run_import(write_archive(tmp_path / "bomb.tar", [member]), root)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 8 << 20

    def test_picture_that_is_none(self, root: Path, tmp_path: Path):
        member = Member(f"rendered_chairs/{self.VIEW}", b"GIF89a")
        with pytest.raises(InputError, match=r"r096\.png: expected a picture \(PNG\)"):
            run_import(write_archive(tmp_path / "odd.tar", [member]), root)


class TestDamagedArchives:
    @pytest.mark.parametrize("share", [0.9, 0.3, 0.01])
    @pytest.mark.parametrize("shift", [0, 700])
    def test_cut_short(self, archive: Path, root: Path, tmp_path: Path, share: float, shift: int):
        content = archive.read_bytes()
        cut = tmp_path / "cut.tar"
        cut.write_bytes(content[: int(len(content) * share) // 512 * 512 - shift])
        with pytest.raises(InputError, match=rf"^{cut}.*download {ADDRESS} again") as caught:
            run_import(cut, root)
        assert "\n" not in str(caught.value)
        assert list(root.iterdir()) == []

    def test_cut_short_within_the_last_picture(self, archive: Path, root: Path, tmp_path: Path):
        content = archive.read_bytes()
        cut = tmp_path / "cut.tar"
        cut.write_bytes(content[: content.rindex(b"IEND") - 3])
        with pytest.raises(InputError, match="unexpected end of data"):
            run_import(cut, root)

    def test_what_follows_the_archive_is_hashed(self, archive: Path, root: Path, tmp_path: Path):
        content = archive.read_bytes() + bytes(100_000)
        longer = tmp_path / "longer.tar"
        longer.write_bytes(content)
        provenance = run_import(longer, root).provenance
        assert provenance["archive_sha256"] == hashlib.sha256(content).hexdigest()

    def test_empty_tar(self, root: Path, tmp_path: Path):
        with pytest.raises(InputError, match="got 0 chairs and 0 of 186 views"):
            run_import(write_archive(tmp_path / "empty.tar", []), root)

    def test_one_view_missing(self, root: Path, tmp_path: Path):
        members = [member for member in MEMBERS if member.name != MEMBERS[-1].name]
        with pytest.raises(InputError, match="got 3 chairs and 185 of 186 views"):
            run_import(write_archive(tmp_path / "gap.tar", members), root)


def test_memory_does_not_grow_with_the_archive(archive: Path, root: Path):
    tracemalloc.start()
    run_import(archive, root)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    decoded = 186 * 600 * 600 * 3
    assert peak < decoded / 20
