import errno
import logging
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from pyro_seatbelt.data import ImageDataset
from pyro_seatbelt.data.drawn_set import DrawnSet
from pyro_seatbelt.data.fingerprint import fingerprint
from pyro_seatbelt.data.sets.synth_chairs import SYNTH_CHAIRS
from pyro_seatbelt.data.sets.synth_faces import SYNTH_FACES
from pyro_seatbelt.data.spec import LoadRequest
from pyro_seatbelt.drawn import drawing
from pyro_seatbelt.errors import InputError


def draw(identity: int) -> np.ndarray:
    return (np.arange(2 * 3 * 64 * 64).reshape(2, 3, 64, 64) % (identity + 2)).astype(np.uint8)


def classes(num_identities: int) -> dict[str, np.ndarray]:
    grid = np.indices((num_identities, 2, 3)).reshape(3, -1)
    return dict(zip(("identity", "row", "column"), grid, strict=True))


TOYS = DrawnSet(
    name="toys",
    title="Toys",
    factors=("identity", "row", "column"),
    licence="yours",
    version="1",
    shape=(5, 2, 3, 64, 64),
    draw=draw,
    classes=classes,
    identities_per_worker=100,
)


def refuse(identity: int) -> np.ndarray:
    raise AssertionError("drawn again")


READ_ONLY = replace(TOYS, draw=refuse)


def load(root: Path, ids: int | None = None, toys: DrawnSet = TOYS, **options) -> ImageDataset:
    return toys.load(LoadRequest(root=root, ids=ids, **options))


def visible(root: Path) -> list[str]:
    return [file.name for file in root.iterdir() if not file.name.endswith(".lock")]


def test_is_drawn_once_and_read_afterwards(tmp_path: Path):
    drawn = load(tmp_path, 2)
    read = load(tmp_path, 2, READ_ONLY)
    assert read.fingerprint == drawn.fingerprint
    assert read.num_images == 2 * 6
    images = read.images.gather(torch.arange(6, 12)).numpy()
    assert np.array_equal(images.reshape(2, 3, 64, 64), draw(1))
    assert read.factors["column"].tolist() == [0, 1, 2] * 4


def test_fingerprint_covers_the_bytes(tmp_path: Path):
    dataset = load(tmp_path, 1)
    assert dataset.fingerprint == fingerprint("toys", "1", draw(0)[None])
    assert dataset.provenance == {"generator_version": "1", "identities": 1}


def test_parts_are_the_beginning_of_the_whole(tmp_path: Path):
    whole, part = load(tmp_path), load(tmp_path, 2)
    assert whole.num_images == 5 * 6
    indices = torch.arange(2 * 6)
    assert torch.equal(part.images.gather(indices), whole.images.gather(indices))
    assert part.fingerprint != whole.fingerprint
    assert load(tmp_path, 5, READ_ONLY).fingerprint == whole.fingerprint


def test_another_version_is_drawn_anew(tmp_path: Path):
    before = load(tmp_path, 1)
    after = load(tmp_path, 1, replace(TOYS, version="2"))
    assert after.fingerprint != before.fingerprint
    assert len(visible(tmp_path)) == 3


@pytest.mark.parametrize("ids", [0, -1, 6])
def test_ids_out_of_range(tmp_path: Path, ids: int):
    for open_set in (TOYS.load, TOYS.build):
        with pytest.raises(InputError, match=f"expected ids from 1 to 5 for toys, got {ids}"):
            open_set(LoadRequest(root=tmp_path, ids=ids))
    assert list(tmp_path.iterdir()) == []


def test_failure_while_drawing_leaves_nothing(tmp_path: Path):
    def stop(stage: str, done: float, total: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        load(tmp_path, 2, progress=stop)
    assert visible(tmp_path) == []


@pytest.mark.parametrize(("num_identities", "expected"), [(3, 1), (199, 1), (200, 2), (1393, 4)])
def test_few_identities_are_not_worth_a_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, num_identities: int, expected: int
):
    used = []
    monkeypatch.setattr("pyro_seatbelt.data.drawn_set.num_workers", lambda: 4)
    monkeypatch.setattr(drawing, "draw_all", lambda *a, workers, **b: used.append(workers))
    replace(TOYS, shape=(num_identities, 2, 3, 64, 64)).build(LoadRequest(root=tmp_path))
    assert used == [expected]


class TestSeveralAtOnce:
    def test_the_second_waits_for_the_first(self, tmp_path: Path, caplog: pytest.LogCaptureFixture):
        begun, go_on = threading.Event(), threading.Event()
        drawn = []

        def slowly(identity: int) -> np.ndarray:
            drawn.append(identity)
            begun.set()
            assert go_on.wait(10)
            return draw(identity)

        results: list[ImageDataset] = []

        def run() -> None:
            results.append(load(tmp_path, 2, replace(TOYS, draw=slowly)))

        with caplog.at_level(logging.WARNING):
            threads = [threading.Thread(target=run) for _ in range(3)]
            for thread in threads:
                thread.start()
            assert begun.wait(10)
            while len(caplog.messages) < 2:
                threads[0].join(0.01)
            go_on.set()
            for thread in threads:
                thread.join()
        assert drawn == [0, 1]
        waits = "waiting for another process that draws it"
        assert caplog.messages == [f"{tmp_path}/toys-ids2: {waits}"] * 2
        assert len({result.fingerprint for result in results}) == 1

    def test_where_the_disk_knows_no_locks(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
        def fail(*arguments: object) -> None:
            raise OSError(errno.ENOLCK, "No locks available")

        monkeypatch.setattr("fcntl.flock", fail)
        assert load(tmp_path, 1).num_images == 6

    def test_processes_that_build_and_read_one_cache(self, tmp_path: Path):
        script = (
            "import sys, pathlib\n"
            "from pyro_seatbelt.data import build, load_dataset\n"
            "root = pathlib.Path(sys.argv[1])\n"
            "for _ in range(3):\n"
            "    build('synth-chairs', ids=1, root=root)\n"
            "    print(load_dataset('synth-chairs', ids=1, root=root).fingerprint)\n"
        )
        command = [sys.executable, "-c", f"import sys; sys.path[:] = {sys.path!r}\n{script}"]
        processes = [
            subprocess.Popen([*command, str(tmp_path)], stdout=subprocess.PIPE, text=True)
            for _ in range(2)
        ]
        lines = [line for process in processes for line in process.communicate()[0].split()]
        assert [process.returncode for process in processes] == [0, 0]
        assert len(lines) == 6
        assert len(set(lines)) == 1
        assert len(visible(tmp_path)) == 3


@pytest.mark.slow
@pytest.mark.parametrize(("drawn", "num_images"), [(SYNTH_CHAIRS, 86_366), (SYNTH_FACES, 127_050)])
def test_whole_sets(tmp_path: Path, drawn: DrawnSet, num_images: int):
    dataset = drawn.load(LoadRequest(root=tmp_path))
    assert dataset.num_images == num_images
    assert dataset.identities[-1] == drawn.shape[0] - 1
