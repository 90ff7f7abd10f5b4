"""What every data set of the registry keeps to, and that it can be trained on."""

import hashlib
import io
import shutil
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from pyro_seatbelt.data import (
    DATASETS,
    DatasetSpec,
    ImageDataset,
    ImageSource,
    LoadRequest,
    SpriteImages,
    inventory,
    load_dataset,
    register,
    verify,
)
from pyro_seatbelt.data.preview import preview
from pyro_seatbelt.data.published_set import PublishedSet
from pyro_seatbelt.data.sets.celeba import CELEBA
from pyro_seatbelt.data.sets.chairs import AZIMUTHS, CHAIRS, ELEVATIONS
from pyro_seatbelt.data.sets.dsprites import DSPRITES
from pyro_seatbelt.data.sets.faces3d import FACES3D
from pyro_seatbelt.data.stored_set import StoredSet
from pyro_seatbelt.errors import InputError
from pyro_seatbelt.runs import load_run, train_run
from pyro_seatbelt.runs.folder import RunFolder


@dataclass
class Small:
    """A set of the registry in small: its entry, its archive if it has one, and how to ask for it.

    Attributes:
        spec: The entry.
        archive: The published file.
        options: What :func:`load_dataset` is told besides.
        training: What training is told besides.
    """

    spec: DatasetSpec
    archive: Path | None = None
    options: dict[str, Any] = field(default_factory=dict)
    training: dict[str, Any] = field(default_factory=dict)


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def encoded(picture: Image.Image, kind: str) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind)
    return file.getvalue()


def small_chairs(place: Path) -> Small:
    archive = place / "rendered_chairs.tar"
    with tarfile.open(archive, "w") as tar:
        for chair in "abc":
            coarse = rng().integers(0, ord(chair), (9, 9), dtype=np.uint8)
            content = encoded(Image.fromarray(coarse).resize((600, 600)), "PNG")
            for p in ELEVATIONS:
                for t in AZIMUTHS:
                    name = f"rendered_chairs/{chair}/renders/image_000_p{p:03d}_t{t:03d}_r096.png"
                    info = tarfile.TarInfo(name)
                    info.size = len(content)
                    tar.addfile(info, io.BytesIO(content))
    return Small(replace(CHAIRS, shape=(3, *CHAIRS.shape[1:])), archive)


def small_faces3d(place: Path) -> Small:
    shape = (4, 3, 2, 2, 64, 64)
    faces = torch.from_numpy(rng().integers(0, 256, shape, dtype=np.uint8))
    torch.save(faces, place / "f.pth")
    return Small(replace(FACES3D, shape=shape), place / "f.pth")


def small_celeba(place: Path) -> Small:
    names = [f"{number + 1:06d}.jpg" for number in range(12)]
    archive = place / "img_align_celeba.zip"
    colours = rng().integers(0, 256, (12, 4, 4, 3), dtype=np.uint8)
    with zipfile.ZipFile(archive, "w") as opened:
        for name, coarse in zip(names, colours, strict=True):
            picture = Image.fromarray(coarse).resize((178, 218))
            opened.writestr(f"img_align_celeba/{name}", encoded(picture, "JPEG"))
    rows = "".join(f"{name}{' -1' * 40}\n" for name in names)
    (place / "list_attr_celeba.txt").write_text(f"12\n{' '.join(CELEBA.factors)}\n{rows}")
    sides = "".join(f"{name} {2 * (number > 7)}\n" for number, name in enumerate(names))
    (place / "list_eval_partition.txt").write_text(sides)
    files = tuple(replace(file, md5="", num_bytes=None) for file in CELEBA.files)
    return Small(replace(CELEBA, files=files, shape=(12, 3, 64, 64)), archive)


def small_dsprites(place: Path) -> Small:
    images = SpriteImages().gather(torch.arange(40))[:, 0].numpy() // 255
    classes = np.stack(np.unravel_index(np.arange(40), (1, 3, 6, 40, 32, 32)), 1)
    np.savez_compressed(place / "d.npz", imgs=images, latents_classes=classes)
    md5 = hashlib.md5((place / "d.npz").read_bytes(), usedforsecurity=False).hexdigest()
    file = replace(DSPRITES.files[0], md5=md5)
    return Small(replace(DSPRITES, files=(file,), shape=(40, 64, 64)), place / "d.npz")


def photographs() -> list[np.ndarray]:
    """Colour photographs that come with scikit-image; drawn ones where it is not installed."""
    try:
        from skimage import data
    except ImportError:
        coarse = rng().integers(0, 256, (6, 9, 7, 3), dtype=np.uint8)
        return [np.asarray(Image.fromarray(each).resize((200, 150))) for each in coarse]
    return [data.astronaut(), data.coffee(), data.chelsea(), data.rocket()]


def small_folder(place: Path) -> Small:
    pictures = place / "photographs"
    pictures.mkdir()
    for number, photograph in enumerate(photographs()):
        Image.fromarray(photograph).save(pictures / f"{number}.jpg", quality=95)
        Image.fromarray(photograph[:, ::-1]).save(pictures / f"{number}-turned.png")
    gaussian = {"likelihood": "gaussian", "likelihood_scale": 0.5}
    return Small(DATASETS["folder"], options={"data_dir": pictures}, training=gaussian)


def small_array(place: Path) -> Small:
    images = rng().random((12, 32, 32, 3))
    np.savez(place / "a.npz", train=images[:8], test=images[8:])
    laplace = {"likelihood": "laplace", "likelihood_scale": 0.5}
    return Small(DATASETS["folder"], options={"data_dir": place / "a.npz"}, training=laplace)


def set_of_your_own(place: Path) -> Small:
    @register("noise", title="Noise")
    def load(request: LoadRequest) -> ImageDataset:
        pixels = rng().integers(0, 256, (request.ids or 12, 3, 64, 64), dtype=np.uint8)
        return ImageDataset.from_array("noise", pixels, synthetic=False)

    return Small(DATASETS["noise"])


def drawn(name: str, ids: int) -> Callable[[Path], Small]:
    return lambda place: Small(DATASETS[name], options={"ids": ids})


CASES: dict[str, Callable[[Path], Small]] = {
    "synth-chairs": drawn("synth-chairs", 2),
    "synth-faces": drawn("synth-faces", 2),
    "synth-dsprites": drawn("synth-dsprites", 40),
    "chairs": small_chairs,
    "faces3d": small_faces3d,
    "celeba": small_celeba,
    "dsprites": small_dsprites,
    "folder": small_folder,
    "a file of arrays": small_array,
    "a set of your own": set_of_your_own,
}
STORED = [name for name, spec in DATASETS.items() if isinstance(spec, StoredSet)]
PUBLISHED = [name for name, spec in DATASETS.items() if isinstance(spec, PublishedSet)]
COLOUR = {"celeba", "folder", "a file of arrays", "a set of your own"}


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where all small sets are stored, each once."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module", params=CASES)
def small(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, cache: Path
) -> Iterator[Small]:
    """Every set in small, in the registry instead of the whole one, and in the cache."""
    before = dict(DATASETS)
    small = CASES[request.param](tmp_path_factory.mktemp("published"))
    DATASETS[small.spec.name] = small.spec
    if small.archive is not None:
        assert isinstance(small.spec, PublishedSet)
        small.spec.import_archive(small.archive, LoadRequest(root=cache))
    yield small
    DATASETS.clear()
    DATASETS.update(before)


@pytest.fixture
def dataset(small: Small, cache: Path) -> ImageDataset:
    return load_dataset(small.spec.name, root=cache, **small.options)


def images_of(dataset: ImageDataset) -> torch.Tensor:
    return dataset.images.gather(torch.arange(dataset.num_images))


def test_none_is_left_out():
    assert set(DATASETS) <= set(CASES)


class TestEveryDataset:
    def test_is_what_its_entry_says(self, small: Small, dataset: ImageDataset):
        spec = small.spec
        assert isinstance(dataset.images, ImageSource)
        assert dataset.name == spec.name
        assert tuple(dataset.factors) == spec.factors
        assert dataset.synthetic == spec.synthetic == spec.name.startswith("synth-")
        assert dataset.provenance
        assert "ids" in small.options or spec.num_images in {dataset.num_images, None}

    def test_images_are_bytes(self, dataset: ImageDataset):
        batch = dataset.images.gather(torch.tensor([2, 0]))
        assert batch.dtype == torch.uint8
        assert batch.shape == (2, *dataset.image_shape)
        assert dataset.image_shape in {(1, 64, 64), (3, 64, 64)}
        assert (batch.float().flatten(1).std(1) > 0).all()
        assert torch.equal(batch[1:], dataset.images.gather(torch.tensor([0])))

    def test_arrays_are_class_numbers(self, dataset: ImageDataset):
        for array in (dataset.identities, *dataset.factors.values()):
            assert array.dtype == np.int64
            assert array.shape == (dataset.num_images,)
            assert array.min() >= 0

    def test_is_split_by_identity(self, dataset: ImageDataset):
        train, heldout = dataset.split(holdout=0.4)
        assert len(train) > 0 < len(heldout)
        assert len(train) + len(heldout) == dataset.num_images
        assert not set(dataset.identities[train.numpy()]) & set(dataset.identities[heldout.numpy()])
        again, _ = dataset.split(holdout=0.4)
        assert torch.equal(train, again)

    def test_is_the_same_again(self, small: Small, dataset: ImageDataset, cache: Path):
        again = load_dataset(small.spec.name, root=cache, **small.options)
        assert len(dataset.fingerprint) == 64
        assert again.fingerprint == dataset.fingerprint
        assert torch.equal(images_of(again), images_of(dataset))

    def test_a_part_has_a_fingerprint_of_its_own(
        self, small: Small, dataset: ImageDataset, cache: Path
    ):
        name = small.spec.name
        if name == "folder":
            with pytest.raises(InputError, match="expected no ids for folder"):
                load_dataset(name, root=cache, **small.options, ids=1)
            return
        ids = 6 if name == "celeba" else len(np.unique(dataset.identities)) - 1
        part = load_dataset(name, root=cache, **(small.options | {"ids": ids}))
        assert len(np.unique(part.identities)) == ids
        assert part.fingerprint != dataset.fingerprint
        if name != "noise":
            with pytest.raises(InputError, match=rf"expected ids from 1 to \d+ for {name}, got 0"):
                load_dataset(name, root=cache, ids=0)


class TestEveryStoredSet:
    """Sets that are kept in the cache: each is there by now."""

    @pytest.mark.parametrize("small", STORED, indirect=True)
    def test_cache_is_accepted(self, small: Small, cache: Path, monkeypatch: pytest.MonkeyPatch):
        dataset = load_dataset(small.spec.name, root=cache, **small.options)
        monkeypatch.setattr("pyro_seatbelt.drawn.drawing.draw_all", None)
        monkeypatch.setattr("pyro_seatbelt.data.cache.fingerprint", None)
        again = load_dataset(small.spec.name, root=cache, **small.options)
        assert again.fingerprint == dataset.fingerprint

    @pytest.mark.parametrize("small", STORED, indirect=True)
    def test_is_verified_and_listed(self, small: Small, cache: Path):
        load_dataset(small.spec.name, root=cache, **small.options)
        [checked] = verify(small.spec.name, root=cache, ids=small.options.get("ids"))
        [status] = [each for each in inventory(root=cache) if each.name == small.spec.name]
        assert checked in status.stored
        assert status.state == ("ready" if small.archive else "partial")

    @pytest.mark.parametrize("small", STORED, indirect=True)
    def test_another_version_is_not_taken_for_it(
        self, small: Small, cache: Path, monkeypatch: pytest.MonkeyPatch
    ):
        assert isinstance(small.spec, StoredSet)
        name = small.spec.name
        load_dataset(name, root=cache, **small.options)
        monkeypatch.setitem(DATASETS, name, replace(small.spec, version="2"))
        if small.archive is None:
            message, another = "drawn again", "pyro_seatbelt.drawn.drawing.draw_all"

            def refuse(*arguments: object, **options: object) -> None:
                raise InputError(message)

            monkeypatch.setattr(another, refuse)
        else:
            message = f"expected {name} imported by reader 2, got 1: run `seatbelt data import"
        with pytest.raises(InputError, match=message):
            load_dataset(name, root=cache, **small.options)


@pytest.mark.parametrize("name", PUBLISHED)
class TestEveryPublishedSet:
    def test_says_how_to_get_it(self, name: str, tmp_path: Path):
        root = tmp_path / "root"
        spec = DATASETS[name]
        assert isinstance(spec, PublishedSet)
        with pytest.raises(InputError) as caught:
            load_dataset(name, root=root)
        message = str(caught.value)
        assert "\n" not in message
        assert str(root / f"{name}.json") in message
        assert f"`seatbelt data import {name} FILE`" in message
        assert (f"`seatbelt data download {name}`" in message) == spec.downloadable
        assert spec.files[0].address in message
        assert spec.files[0].rough_size in message or not spec.downloadable
        assert spec.substitute in message
        assert not root.exists()

    def test_is_never_replaced_by_drawn_images(self, name: str):
        spec = DATASETS[name]
        assert isinstance(spec, PublishedSet)
        assert not spec.synthetic
        assert spec.source.startswith("https://")
        assert not spec.substitute or DATASETS[spec.substitute].synthetic


BAD: dict[str, Callable[[Path], object]] = {
    "missing": lambda file: file.unlink(),
    "a folder": lambda file: (file.unlink(), file.mkdir()),
    "empty": lambda file: file.write_bytes(b""),
    "a web page": lambda file: file.write_bytes(b"<!DOCTYPE html><title>Quota</title>" * 1000),
    "text": lambda file: file.write_bytes(b"hello" * 10_000),
    "half": lambda file: file.write_bytes(file.read_bytes()[: file.stat().st_size // 2]),
}


@pytest.mark.parametrize("small", PUBLISHED, indirect=True)
class TestEveryImport:
    def test_says_where_the_images_come_from(self, small: Small, cache: Path):
        assert isinstance(small.spec, PublishedSet)
        assert small.archive is not None
        provenance = load_dataset(small.spec.name, root=cache).provenance
        content = small.archive.read_bytes()
        assert provenance["archive_sha256"] == hashlib.sha256(content).hexdigest()
        assert provenance["archive_bytes"] == len(content)
        assert provenance["source"] == small.spec.source
        assert provenance["reader_version"] == small.spec.version

    @pytest.mark.parametrize("damage", BAD)
    def test_another_file_is_refused(self, small: Small, cache: Path, tmp_path: Path, damage: str):
        assert isinstance(small.spec, PublishedSet)
        assert small.archive is not None
        before = load_dataset(small.spec.name, root=cache).fingerprint
        files = set(cache.iterdir())
        bad = shutil.copytree(small.archive.parent, tmp_path / "bad") / small.archive.name
        BAD[damage](bad)
        with pytest.raises(InputError) as caught:
            small.spec.import_archive(bad, LoadRequest(root=cache))
        message = str(caught.value)
        assert message.startswith(f"{bad}: ")
        assert "\n" not in message
        unreadable = damage in {"missing", "a folder"}
        remedy = "cannot read the archive: " if unreadable else small.spec.files[0].remedy
        assert remedy in message
        assert load_dataset(small.spec.name, root=cache).fingerprint == before
        assert set(cache.iterdir()) == files


def test_can_be_trained_on(
    small: Small,
    cache: Path,
    request,
    workplace: Path,
    make_config,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setenv("SEATBELT_DATA", str(cache))
    name = small.spec.name
    options = {"ids": None, **small.options}
    result = train_run(
        make_config(**{"dataset": name, "steps": 2, **options, **small.training}),
        out=workplace / "run",
    )
    assert result.status == "finished"
    assert np.isfinite(result.heldout["elbo"])
    record = RunFolder(result.folder).read_record()
    colour = request.node.callspec.params["small"] in COLOUR
    assert record.image_shape == ((3 if colour else 1), 64, 64)
    assert record.synthetic == name.startswith("synth-")
    assert load_run(result.folder).step == 2
    with Image.open(result.figures["reconstructions"]) as figure:
        assert figure.size[0] > 100
    assert preview(name, workplace / "a.png", **options).exists()


@pytest.mark.parametrize(
    ("likelihood", "network"),
    [
        ("bernoulli", "conv"),
        ("continuous-bernoulli", "conv"),
        ("gaussian", "conv"),
        ("laplace", "conv"),
        ("laplace", "mlp"),
    ],
)
def test_colour_goes_through_every_likelihood_and_network(
    likelihood: str, network: str, workplace: Path, make_config
):
    small = small_folder(workplace)
    changes = small.options | small.training
    scale = "learned" if likelihood in {"gaussian", "laplace"} else None
    changes |= {"likelihood": likelihood, "likelihood_scale": scale, "network": network}
    config = make_config(**{"dataset": "folder", "ids": None, "steps": 1, **changes})
    result = train_run(config, out=workplace / "run")
    assert np.isfinite(result.heldout["elbo"])
