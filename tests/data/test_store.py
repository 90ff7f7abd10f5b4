from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from pyro_seatbelt.data import (
    DATASETS,
    CachedImages,
    build,
    download,
    import_archive,
    inventory,
    load_dataset,
    verify,
)
from pyro_seatbelt.data.draft import draft
from pyro_seatbelt.data.published_file import HashingReader, PublishedFile
from pyro_seatbelt.data.published_set import PublishedSet
from pyro_seatbelt.data.sets.synth_chairs import SYNTH_CHAIRS
from pyro_seatbelt.data.spec import LoadRequest
from pyro_seatbelt.errors import InputError

Options = dict[str, object]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache with three synthetic chairs."""
    root = tmp_path_factory.mktemp("cache")
    build("synth-chairs", ids=3, root=root)
    return root


class TestBuilding:
    def test_replaces_a_damaged_set(self, tmp_path: Path):
        dataset = build("synth-chairs", ids=1, root=tmp_path)
        (array,) = tmp_path.glob("*.npy")
        array.write_bytes(b"")
        with pytest.raises(
            InputError, match="make it again with `seatbelt data build synth-chairs"
        ):
            load_dataset("synth-chairs", root=tmp_path, ids=1)
        assert build("synth-chairs", ids=1, root=tmp_path).fingerprint == dataset.fingerprint
        load_dataset("synth-chairs", root=tmp_path, ids=1)

    @pytest.mark.parametrize("name", ["chairs", "folder", "synth-dsprites"])
    def test_only_what_is_drawn(self, name: str):
        with pytest.raises(InputError, match=rf"\(synth-chairs, synth-faces\), got {name}"):
            build(name)

    @pytest.mark.parametrize("name", ["synth-chairs", "folder", "synth-dsprites"])
    def test_import_only_what_has_an_archive(self, name: str, tmp_path: Path):
        with pytest.raises(InputError, match=rf"with an archive .*, got {name}"):
            import_archive(name, tmp_path)

    @pytest.mark.parametrize("call", [build, verify, lambda name: import_archive(name, Path("x"))])
    def test_unknown_name(self, call):
        with pytest.raises(InputError, match="got sofas"):
            call("sofas")


class Toys(PublishedSet):
    """Grey images from the bytes of a file; its neighbour must be there too."""

    def read(self, archive: Path, request: LoadRequest) -> CachedImages:
        if archive.with_name("list.txt").read_bytes() != b"1 2 3":
            raise InputError(f"{archive}: expected toys")
        with draft(request.root, self.name, self.shape) as unfinished, archive.open("rb") as file:
            reader = HashingReader(file)
            unfinished.array[:] = np.frombuffer(reader.read()[4:7], np.uint8)[:, None, None]
            return self.commit(unfinished, reader.digest())


class TestDownload:
    @pytest.fixture
    def toys(self, server, monkeypatch: pytest.MonkeyPatch) -> None:
        server.files = {"/toys.zip": b"PK\x03\x04abc", "/list.txt": b"1 2 3"}
        toys = Toys(
            name="toys",
            title="Toys",
            called="the toys",
            factors=("identity",),
            licence="yours",
            source="https://toys.example/",
            version="1",
            shape=(3, 64, 64),
            files=(
                PublishedFile("toys.zip", "zip", f"{server.address}toys.zip"),
                PublishedFile("list.txt", "text", f"{server.address}list.txt"),
            ),
            terms="play only",
        )
        monkeypatch.setitem(DATASETS, "toys", toys)

    def files(self, root: Path) -> set[str]:
        return {f.name for f in (root / "downloads").iterdir() if not f.name.startswith(".")}

    @pytest.mark.parametrize("keep", [False, True])
    def test_fetches_and_imports(self, toys: None, tmp_path: Path, keep: bool):
        dataset = download("toys", accept_terms=True, keep=keep, root=tmp_path)
        assert dataset.images.gather(torch.arange(3))[:, 0, 0, 0].tolist() == list(b"abc")
        assert self.files(tmp_path) == ({"toys.zip", "list.txt"} if keep else set())

    def test_terms_come_first(self, toys: None, server, tmp_path: Path):
        message = (
            r"toys is for play only \(https://toys.example/\): if you agree, say --accept-terms"
        )
        with pytest.raises(InputError, match=message):
            download("toys", root=tmp_path)
        assert server.requests == []

    @pytest.mark.parametrize("urls", [["{}m/"], ["{}m/list.txt", "{}m/toys.zip"]])
    def test_mirrors(self, toys: None, server, tmp_path: Path, urls: list[str]):
        server.files = {f"/m{path}": content for path, content in server.files.items()}
        urls = [url.format(server.address) for url in urls]
        download("toys", urls=urls, accept_terms=True, root=tmp_path)
        assert [path for path, _ in server.requests] == ["/m/toys.zip", "/m/list.txt"]

    def test_mirror_of_one_file_only(self, toys: None, server, tmp_path: Path):
        with pytest.raises(InputError, match=r"expected an address of list\.txt too: say --url"):
            download("toys", urls=[f"{server.address}toys.zip"], accept_terms=True, root=tmp_path)
        assert server.requests == []

    def test_what_cannot_be_imported_stays(self, toys: None, server, tmp_path: Path):
        server.files["/list.txt"] = b"4"
        with pytest.raises(InputError, match=r"expected toys; the download stays in .*/downloads"):
            download("toys", accept_terms=True, root=tmp_path)
        assert self.files(tmp_path) == {"toys.zip", "list.txt"}

    def test_import_only(self):
        message = r"for download \(chairs, celeba, dsprites\), got faces3d: run `seatbelt"
        with pytest.raises(InputError, match=message):
            download("faces3d")

    @pytest.mark.parametrize("name", ["synth-chairs", "folder", "sofas"])
    def test_not_published(self, name: str):
        with pytest.raises(InputError, match=f"got {name}$"):
            download(name)


class TestVerify:
    def test_intact(self, root: Path):
        for checked in (
            verify("synth-chairs", root=root),
            verify("synth-chairs", ids=3, root=root),
        ):
            assert [cached.num_images for cached in checked] == [3 * 62]

    def test_changed_byte(self, tmp_path: Path):
        build("synth-chairs", ids=1, root=tmp_path)
        (array,) = tmp_path.glob("*.npy")
        content = bytearray(array.read_bytes())
        content[-1] ^= 1
        array.write_bytes(content)
        message = (
            r"recorded fingerprint\): make it again with `seatbelt data build synth-chairs --ids 1`"
        )
        with pytest.raises(InputError, match=message):
            verify("synth-chairs", root=tmp_path)

    @pytest.mark.parametrize("ids", [None, 4])
    def test_absent(self, tmp_path: Path, ids: int | None):
        with pytest.raises(
            InputError, match="nothing of synth-chairs is stored here: run `seatbelt"
        ):
            verify("synth-chairs", ids=ids, root=tmp_path)

    @pytest.mark.parametrize("name", ["folder", "synth-dsprites"])
    def test_never_stored(self, name: str):
        with pytest.raises(InputError, match=f"a stored set .*, got {name}"):
            verify(name)


class TestInventory:
    def test_states(self, root: Path):
        states = {status.name: status for status in inventory(root=root)}
        assert list(states) == list(DATASETS)
        assert states["synth-chairs"].state == "partial"
        assert [cached.num_images for cached in states["synth-chairs"].stored] == [186]
        assert states["chairs"].state == "absent"
        assert states["synth-dsprites"].state == states["folder"].state == "ready"

    def test_damaged(self, tmp_path: Path):
        (tmp_path / "synth-chairs.json").write_text("{")
        status = inventory(root=tmp_path)[0]
        assert status.state == "damaged"
        assert "make it again with `seatbelt data build synth-chairs`" in status.problem
        assert status.stored == ()

    def test_ready(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
        few = replace(SYNTH_CHAIRS, shape=(2, *SYNTH_CHAIRS.shape[1:]))
        monkeypatch.setitem(DATASETS, "synth-chairs", few)
        build("synth-chairs", root=tmp_path)
        assert inventory(root=tmp_path)[0].state == "ready"
