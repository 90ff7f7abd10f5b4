import io
import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pyro_seatbelt.data.picture import (
    crop_centre,
    read_picture,
    read_pixels,
    refusing_bombs,
    shrink,
)
from pyro_seatbelt.errors import InputError


def encode(picture: Image.Image, kind: str = "PNG", **options) -> io.BytesIO:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    file.seek(0)
    return file


def read_pixel(picture: Image.Image, kind: str = "PNG", **options) -> int | tuple[int, ...]:
    return read_picture(encode(picture, kind, **options), label="x").getpixel((0, 0))


def png_of_size(width: int, height: int) -> bytes:
    """A PNG that claims a size and has next to nothing in it."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + checksum

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    pixels = zlib.compress(b"\0" * 1000)
    chunks = chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


class TestModes:
    def test_grey(self):
        assert read_pixel(Image.new("L", (4, 4), 77)) == 77

    def test_black_and_white(self):
        assert read_pixel(Image.new("1", (4, 4), 1)) == 255

    def test_colour(self):
        assert read_pixel(Image.new("RGB", (4, 4), (1, 2, 3))) == (1, 2, 3)

    def test_transparent_becomes_white(self):
        assert read_pixel(Image.new("RGBA", (4, 4), (9, 9, 9, 0))) == (255, 255, 255)
        assert read_pixel(Image.new("LA", (4, 4), (9, 0))) == (255, 255, 255)

    def test_half_transparent_is_mixed_with_white(self):
        assert read_pixel(Image.new("RGBA", (4, 4), (0, 100, 200, 128))) == (127, 177, 227)

    def test_palette(self):
        picture = Image.new("P", (4, 4), 1)
        picture.putpalette([0, 0, 0, 10, 20, 30])
        assert read_pixel(picture) == (10, 20, 30)

    @pytest.mark.parametrize("transparency", [1, b"\xff\x00"])
    def test_palette_with_a_transparent_entry(self, transparency: int | bytes):
        picture = Image.new("P", (4, 4), 1)
        picture.putpalette([0, 0, 0, 10, 20, 30])
        assert read_pixel(picture, transparency=transparency) == (255, 255, 255)

    def test_sixteen_bits(self):
        picture = Image.fromarray(np.full((4, 4), 0x8123, np.uint16))
        assert read_pixel(picture) == 0x81

    def test_print_colours(self):
        assert read_pixel(Image.new("CMYK", (4, 4), (0, 0, 0, 0)), "JPEG") == (255, 255, 255)

    def test_first_frame(self):
        frames = [Image.new("L", (4, 4), grey) for grey in (0, 255)]
        file = encode(frames[0], "GIF", save_all=True, append_images=frames[1:])
        assert read_picture(file, label="x").convert("L").getpixel((0, 0)) == 0

    @pytest.mark.parametrize(
        ("values", "reason"),
        [
            (np.full((4, 4), 70_000, np.int32), "more than 16 bits"),
            (np.full((4, 4), 0.5, np.float32), "floating-point"),
        ],
    )
    def test_without_a_range(self, values: np.ndarray, reason: str):
        with pytest.raises(InputError, match=rf"x: damaged picture \({reason}"):
            read_pixel(Image.fromarray(values), "TIFF")


class TestBadFiles:
    @pytest.mark.parametrize(
        "content", [b"", b"hello", b"\x89PNG\r\n\x1a\n", b"<html>quota</html>"]
    )
    def test_not_a_picture(self, content: bytes):
        with pytest.raises(InputError, match=r"^cat\.png: "):
            read_picture(io.BytesIO(content), label="cat.png")

    @pytest.mark.parametrize("kind", ["PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP"])
    def test_cut_short(self, kind: str):
        noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
        content = encode(Image.fromarray(noise), kind).getvalue()
        with pytest.raises(InputError, match=r"^cat: "):
            read_picture(io.BytesIO(content[: len(content) // 2]), label="cat")

    def test_bits_flipped(self):
        noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
        content = bytearray(encode(Image.fromarray(noise)).getvalue())
        content[200] ^= 255
        with pytest.raises(InputError, match=r"^cat: damaged picture"):
            read_picture(io.BytesIO(content), label="cat")

    def test_other_format(self):
        file = encode(Image.new("L", (4, 4)), "JPEG")
        with pytest.raises(InputError, match=r"x: expected a picture \(PNG\)"):
            read_picture(file, label="x", formats=("PNG",))

    def test_missing_file(self, tmp_path: Path):
        with pytest.raises(InputError, match="No such file"):
            read_picture(tmp_path / "cat.png", label="cat.png")

    def test_other_size(self):
        with pytest.raises(InputError, match="x: expected a picture of 600x600 pixels, got 4x5"):
            read_picture(encode(Image.new("L", (4, 5))), label="x", size=(600, 600))

    @pytest.mark.parametrize("side", [10_000, 20_000])
    def test_bomb(self, side: int):
        with pytest.raises(InputError, match="too large to be opened safely"), refusing_bombs():
            read_picture(io.BytesIO(png_of_size(side, side)), label="x")


def test_crop_is_central():
    values = np.arange(36, dtype=np.uint8).reshape(6, 6)
    piece = crop_centre(Image.fromarray(values), 2, 4)
    assert np.array_equal(np.asarray(piece), values[1:5, 2:4])


def test_shrink_matches_pillow_channel_by_channel():
    noise = np.random.default_rng(0).integers(0, 256, (100, 100, 3), dtype=np.uint8)
    shrunk = shrink(Image.fromarray(noise), 64)
    for channel in range(3):
        alone = shrink(Image.fromarray(noise[:, :, channel]), 64)
        assert np.array_equal(shrunk[channel], alone[0])


class TestPixels:
    def test_the_middle_is_resampled_to_the_images_size(self, tmp_path):
        picture = Image.new("L", (100, 40), 255)
        picture.paste(0, (30, 0, 70, 40))
        picture.save(tmp_path / "a.png")
        assert (read_pixels(tmp_path / "a.png", (1, 8, 8)) == 0).all()
        wide = read_pixels(tmp_path / "a.png", (1, 8, 20))
        assert (wide[0, :, [0, -1]] == 255).all()

    @pytest.mark.parametrize("channels", [1, 3])
    def test_colours_and_grey(self, channels, tmp_path):
        Image.new("RGB", (8, 8), (255, 0, 0)).save(tmp_path / "red.png")
        Image.new("L", (8, 8), 77).save(tmp_path / "grey.png")
        red = read_pixels(tmp_path / "red.png", (channels, 8, 8))
        assert red[:, 0, 0].tolist() == ([76] if channels == 1 else [255, 0, 0])
        assert read_pixels(tmp_path / "grey.png", (channels, 8, 8))[:, 0, 0].tolist() == (
            [77] * channels
        )

    def test_an_image_of_the_size_is_taken_as_it_is(self, tmp_path):
        values = np.random.default_rng(0).integers(0, 256, (8, 8), dtype=np.uint8)
        Image.fromarray(values).save(tmp_path / "a.png")
        assert read_pixels(tmp_path / "a.png", (1, 8, 8))[0].tolist() == values.tolist()

    def test_what_cannot_be_used_is_named(self, tmp_path):
        Image.new("L", (63, 90)).save(tmp_path / "small.png")
        (tmp_path / "text.png").write_text("no picture")
        for name, message in [
            ("small.png", "small.png: expected a picture of at least 64x64 pixels, got 63x90"),
            ("text.png", "text.png: expected a picture"),
            ("none.png", "none.png: no such picture"),
        ]:
            with pytest.raises(InputError, match=message):
                read_pixels(tmp_path / name, (1, 64, 64))


def test_a_pipe_does_not_hang(tmp_path):
    pipe = tmp_path / "a.png"
    os.mkfifo(pipe)
    with pytest.raises(InputError, match="not a regular file"):
        read_picture(pipe, label="a.png")
