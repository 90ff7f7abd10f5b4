"""The command line, in this process."""

import hashlib
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner

from pyro_seatbelt.cli.app import app

TINY = [
    *("--holdout", "0.5", "--layers", "2", "--latent-dim", "2", "--hidden", "8", "--steps", "2"),
    *("--features", "16"),
    *("--batch-size", "4", "--eval-images", "4", "--device", "cpu", "--checkpoint-every", "1"),
]
WORDS = {"tiny": TINY, "small": [*TINY, "--ids", "2"]}


@pytest.fixture
def seatbelt(workplace: Path) -> Callable[..., object]:
    """Runs the command in the workplace; `small` stands for a small run on drawn chairs."""

    def run(*arguments: object, env: dict[str, str] | None = None) -> object:
        flat = [word for each in arguments for word in WORDS.get(each, [str(each)])]
        return CliRunner().invoke(app, flat, env=env)

    return run


@pytest.fixture(scope="module")
def crowded(chairs: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[Path, str]]:
    """A place with runs in it and with everything that can be wrong, and its content.

    One place serves all tests: none of them may touch what is there.
    """
    place = tmp_path_factory.mktemp("crowded")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        patch.setenv("SEATBELT_DATA", str(chairs))
        result = CliRunner().invoke(app, ["train", *WORDS["small"], "--out", "run"])
    assert result.exit_code == 0, result.output
    shutil.copytree(place / "run", place / "broken")
    weights = place / "broken" / "checkpoints" / "step-00000002" / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1])
    (place / "file").write_text("something")
    (place / "bad.toml").write_text("beta = = 3")
    (place / "good.toml").write_text("beta = 3")
    (place / "typo.toml").write_text("btea = 3")
    for name in ("corrupt", "empty", "other"):
        (place / name).mkdir()
    (place / "other" / "thesis.txt").write_text("years of work")
    for name in "ac":
        Image.new("L", (64, 64), 200).save(place / "corrupt" / f"{name}.png")
    (place / "corrupt" / "b.png").write_bytes(b"\x89PNG\r\n\x1a\n and then nothing")
    return place, snapshot(place)


def snapshot(folder: Path) -> dict[Path, str]:
    return {
        path.relative_to(folder): hashlib.sha256(path.read_bytes()).hexdigest()
        if path.is_file()
        else ""
        for path in folder.rglob("*")
    }


@pytest.fixture
def seatbelt_there(
    seatbelt: Callable[..., object],
    crowded: tuple[Path, dict[Path, str]],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Callable[..., object]]:
    """Runs the command in the crowded place and sees that nothing there is touched."""
    place, content = crowded
    monkeypatch.chdir(place)
    yield seatbelt
    assert snapshot(place) == content
