"""Every data set is trained on for two steps: the contract between the data room and the rest."""

import hashlib
import io
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from pyro_seatbelt.data import DATASETS, ImageDataset, SpriteImages, register
from pyro_seatbelt.data.preview import preview
from pyro_seatbelt.data.sets.celeba import FACTORS, import_celeba
from pyro_seatbelt.data.sets.celeba import FILES as CELEBA_FILES
from pyro_seatbelt.data.sets.chairs import AZIMUTHS, ELEVATIONS, import_chairs
from pyro_seatbelt.data.sets.dsprites import FILES as DSPRITES_FILES
from pyro_seatbelt.data.sets.dsprites import import_dsprites
from pyro_seatbelt.data.sets.faces3d import import_faces3d
from pyro_seatbelt.data.spec import LoadRequest
from pyro_seatbelt.runs import load_run, train_run
from pyro_seatbelt.runs.folder import RunFolder

RNG = np.random.default_rng(0)
Options = dict[str, object]


def encoded(picture: Image.Image, kind: str) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind)
    return file.getvalue()


def have_chairs(place: Path, request: LoadRequest) -> Options:
    archive = place / "rendered_chairs.tar"
    with tarfile.open(archive, "w") as tar:
        for chair in "abc":
            content = encoded(Image.new("L", (600, 600), 60 * ord(chair) % 256), "PNG")
            for p in ELEVATIONS:
                for t in AZIMUTHS:
                    name = f"rendered_chairs/{chair}/renders/image_000_p{p:03d}_t{t:03d}_r096.png"
                    info = tarfile.TarInfo(name)
                    info.size = len(content)
                    tar.addfile(info, io.BytesIO(content))
    import_chairs(archive, request, num_identities=3)
    return {}


def have_faces3d(place: Path, request: LoadRequest) -> Options:
    shape = (4, 3, 2, 2, 64, 64)
    torch.save(torch.from_numpy(RNG.integers(0, 256, shape, dtype=np.uint8)), place / "f.pth")
    import_faces3d(place / "f.pth", request, shape=shape)
    return {}


def have_celeba(place: Path, request: LoadRequest) -> Options:
    names = [f"{number + 1:06d}.jpg" for number in range(12)]
    with zipfile.ZipFile(place / "img_align_celeba.zip", "w") as archive:
        for name in names:
            colours = Image.fromarray(RNG.integers(0, 256, (4, 4, 3), dtype=np.uint8))
            archive.writestr(
                f"img_align_celeba/{name}", encoded(colours.resize((178, 218)), "JPEG")
            )
    rows = "".join(f"{name}{' -1' * 40}\n" for name in names)
    (place / "list_attr_celeba.txt").write_text(f"12\n{' '.join(FACTORS)}\n{rows}")
    sides = "".join(f"{name} {2 * (number > 7)}\n" for number, name in enumerate(names))
    (place / "list_eval_partition.txt").write_text(sides)
    files = tuple(replace(file, md5="", num_bytes=None) for file in CELEBA_FILES)
    import_celeba(place / "img_align_celeba.zip", request, published=files, num_images=12)
    return {}


def have_dsprites(place: Path, request: LoadRequest) -> Options:
    images = SpriteImages().gather(torch.arange(40))[:, 0].numpy() // 255
    classes = np.stack(np.unravel_index(np.arange(40), (1, 3, 6, 40, 32, 32)), 1)
    np.savez_compressed(place / "d.npz", imgs=images, latents_classes=classes)
    md5 = hashlib.md5((place / "d.npz").read_bytes(), usedforsecurity=False).hexdigest()
    file = replace(DSPRITES_FILES[0], md5=md5)
    import_dsprites(place / "d.npz", request, published=file, num_images=40)
    return {}


def photographs() -> list[np.ndarray]:
    """Colour photographs that come with scikit-image; drawn ones where it is not installed."""
    try:
        from skimage import data
    except ImportError:
        coarse = RNG.integers(0, 256, (6, 9, 7, 3), dtype=np.uint8)
        return [np.asarray(Image.fromarray(each).resize((200, 150))) for each in coarse]
    return [data.astronaut(), data.coffee(), data.chelsea(), data.rocket()]


def have_folder(place: Path, request: LoadRequest) -> Options:
    pictures = place / "photographs"
    pictures.mkdir()
    for number, photograph in enumerate(photographs()):
        Image.fromarray(photograph).save(pictures / f"{number}.jpg", quality=95)
        Image.fromarray(photograph[:, ::-1]).save(pictures / f"{number}-turned.png")
    return {"data_dir": pictures, "likelihood": "gaussian", "likelihood_scale": 0.5}


def have_array(place: Path, request: LoadRequest) -> Options:
    np.savez(place / "a.npz", train=RNG.random((8, 32, 32, 3)), test=RNG.random((4, 32, 32, 3)))
    return {"dataset": "folder", "data_dir": place / "a.npz", "likelihood": "laplace",
            "likelihood_scale": 0.5}  # fmt: skip


def have_your_own(place: Path, request: LoadRequest) -> Options:
    @register("noise", title="Noise")
    def load(request: LoadRequest) -> ImageDataset:
        pixels = RNG.integers(0, 256, (12, 3, 64, 64), dtype=np.uint8)
        return ImageDataset.from_array("noise", pixels, synthetic=True)

    return {"dataset": "noise"}


CASES: dict[str, Callable[[Path, LoadRequest], Options]] = {
    "synth-chairs": lambda place, request: {"ids": 2},
    "synth-faces": lambda place, request: {"ids": 2},
    "synth-dsprites": lambda place, request: {"ids": 40},
    "chairs": have_chairs,
    "faces3d": have_faces3d,
    "celeba": have_celeba,
    "dsprites": have_dsprites,
    "folder": have_folder,
    "a file of arrays": have_array,
    "a set of your own": have_your_own,
}


def test_none_is_left_out():
    assert set(DATASETS) <= set(CASES)


@pytest.mark.parametrize("name", CASES)
def test_can_be_trained_on(
    name: str, workplace: Path, make_config, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("SEATBELT_DATA", str(workplace / "cache"))
    before = dict(DATASETS)
    try:
        changes = CASES[name](workplace, LoadRequest(root=workplace / "cache"))
        config = make_config(**{"dataset": name, "ids": None, "steps": 2, **changes})
        result = train_run(config, out=workplace / "run")
        assert result.status == "finished"
        assert np.isfinite(result.heldout["elbo"])
        record = RunFolder(result.folder).read_record()
        colour = name in {"celeba", "folder", "a file of arrays", "a set of your own"}
        assert record.image_shape == ((3 if colour else 1), 64, 64)
        assert record.synthetic == name.startswith(("synth-", "a set"))
        assert load_run(result.folder).step == 2
        with Image.open(result.figures["reconstructions"]) as figure:
            assert figure.size[0] > 100
        sheet = preview(
            config.dataset, workplace / "a.png", data_dir=config.data_dir, ids=config.ids
        )
        assert sheet.exists()
    finally:
        DATASETS.clear()
        DATASETS.update(before)


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
    changes = have_folder(workplace, LoadRequest(root=workplace))
    scale = "learned" if likelihood in {"gaussian", "laplace"} else None
    changes |= {"likelihood": likelihood, "likelihood_scale": scale, "network": network}
    config = make_config(**{"dataset": "folder", "ids": None, "steps": 1, **changes})
    result = train_run(config, out=workplace / "run")
    assert np.isfinite(result.heldout["elbo"])
