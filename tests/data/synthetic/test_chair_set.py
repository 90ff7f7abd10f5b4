from pathlib import Path

import numpy as np
import pytest
import torch

from pyro_seatbelt.data.fingerprint import fingerprint
from pyro_seatbelt.data.spec import LoadRequest
from pyro_seatbelt.data.synthetic import chair_set
from pyro_seatbelt.data.synthetic.chair_set import build_synth_chairs, load_synth_chairs
from pyro_seatbelt.data.synthetic.chairs import draw_chair
from pyro_seatbelt.errors import InputError


def refuse(*arguments, **options) -> None:
    raise AssertionError("drawn again")


def test_is_drawn_once_and_read_afterwards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    drawn = load_synth_chairs(LoadRequest(root=tmp_path, ids=2))
    monkeypatch.setattr(chair_set, "draw_all_chairs", refuse)
    read = load_synth_chairs(LoadRequest(root=tmp_path, ids=2))
    assert read.fingerprint == drawn.fingerprint
    assert read.num_images == 2 * 62
    images = read.images.gather(torch.arange(62, 124)).numpy()
    assert np.array_equal(images.reshape(2, 31, 64, 64), draw_chair(1))


def test_fingerprint_covers_the_bytes(tmp_path: Path):
    dataset = load_synth_chairs(LoadRequest(root=tmp_path, ids=1))
    assert dataset.fingerprint == fingerprint("synth-chairs", "1", draw_chair(0)[None])
    assert dataset.provenance == {"generator_version": "1", "identities": 1}


def test_parts_are_the_beginning_of_the_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(chair_set, "NUM_IDENTITIES", 3)
    whole = load_synth_chairs(LoadRequest(root=tmp_path))
    part = load_synth_chairs(LoadRequest(root=tmp_path, ids=2))
    assert whole.num_images == 3 * 62
    indices = torch.arange(2 * 62)
    assert torch.equal(part.images.gather(indices), whole.images.gather(indices))
    assert part.fingerprint != whole.fingerprint
    monkeypatch.setattr(chair_set, "draw_all_chairs", refuse)
    assert load_synth_chairs(LoadRequest(root=tmp_path, ids=3)).fingerprint == whole.fingerprint


def test_another_version_is_drawn_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    before = load_synth_chairs(LoadRequest(root=tmp_path, ids=1))
    monkeypatch.setattr(chair_set, "VERSION", "2")
    after = load_synth_chairs(LoadRequest(root=tmp_path, ids=1))
    assert after.fingerprint != before.fingerprint
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("ids", [0, -1, 1394])
def test_ids_out_of_range(tmp_path: Path, ids: int):
    for open_set in (load_synth_chairs, build_synth_chairs):
        with pytest.raises(
            InputError, match=f"expected ids from 1 to 1393 for synth-chairs, got {ids}"
        ):
            open_set(LoadRequest(root=tmp_path, ids=ids))
    assert list(tmp_path.iterdir()) == []


def test_failure_while_drawing_leaves_nothing(tmp_path: Path):
    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        load_synth_chairs(LoadRequest(root=tmp_path, ids=2, progress=stop))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_the_whole_set(tmp_path: Path):
    dataset = load_synth_chairs(LoadRequest(root=tmp_path))
    assert dataset.num_images == 86_366
    assert dataset.identities[-1] == 1392
