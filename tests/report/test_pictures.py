import base64

import pytest
from PIL import Image

from pyro_seatbelt.errors import InputError
from pyro_seatbelt.manifest import write_manifest
from pyro_seatbelt.report.pictures import embed


def test_a_file_is_kept_as_it_is(tmp_path):
    for name in ("a.png", "a.gif", "a.jpeg", "a.webp"):
        Image.new("L", (30, 20), 9).save(tmp_path / name)
        picture = embed(tmp_path / name, "a thing")
        start, _, content = picture.source.partition(",")
        assert start == f"data:image/{name[2:]};base64"
        assert base64.b64decode(content) == (tmp_path / name).read_bytes()
        assert (picture.width, picture.height) == (30, 20)


def test_it_can_be_packed(tmp_path):
    Image.effect_noise((900, 600), 40).save(tmp_path / "a.png")
    packed = embed(tmp_path / "a.png", "a thing", width=300)
    assert (packed.width, packed.height) == (300, 200)
    assert packed.source.startswith("data:image/webp")
    assert packed.num_bytes < (tmp_path / "a.png").stat().st_size / 5


def test_a_picture_that_was_changed_is_refused(tmp_path):
    path = tmp_path / "figures" / "a.png"
    path.parent.mkdir()
    Image.new("L", (3, 3)).save(path)
    write_manifest(tmp_path, [path])
    assert embed(path, "")
    Image.new("L", (3, 3), 1).save(path)
    with pytest.raises(InputError, match=r"^a.png: the picture is damaged$"):
        embed(path, "")


def test_the_name_decides_nothing(tmp_path):
    Image.new("L", (3, 3)).save(tmp_path / "a.gif")
    (tmp_path / "a.gif").rename(tmp_path / "a.png")
    assert embed(tmp_path / "a.png", "").source.startswith("data:image/gif")


@pytest.mark.parametrize("content", [b"", b"<svg onload='alert(1)'/>", b"\x89PNG\r\n\x1a\n and"])
def test_what_is_no_picture_is_refused(content, tmp_path):
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(InputError, match=r"a.png: the picture cannot be read"):
        embed(tmp_path / "a.png", "")


def test_half_a_picture_is_refused(tmp_path):
    Image.effect_noise((90, 60), 40).save(tmp_path / "a.png")
    (tmp_path / "a.png").write_bytes((tmp_path / "a.png").read_bytes()[:2000])
    with pytest.raises(InputError, match="cannot be read"):
        embed(tmp_path / "a.png", "")


@pytest.mark.parametrize("most", [100, 10])  # Pillow warns of more, and stops at twice as many
def test_a_bomb_is_refused(most, tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", most)
    Image.new("L", (15, 10)).save(tmp_path / "a.png")
    with pytest.raises(InputError, match="cannot be read"):
        embed(tmp_path / "a.png", "")


def test_an_absent_one_is_refused(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        embed(tmp_path / "a.png", "")
