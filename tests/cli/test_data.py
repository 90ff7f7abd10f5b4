import hashlib
import io
import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from pyro_seatbelt.data import DATASETS, SpriteImages


def test_every_set_is_listed(seatbelt, chairs):
    result = seatbelt("data", "list")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    [at] = [number for number, line in enumerate(lines) if line.startswith("synth-chairs ")]
    assert lines[at].split()[:6] == ["synth-chairs", "partial", "86,366", "images", "0.5", "MB"]
    assert lines[at + 2].split()[:3] == ["factors", "identity,", "elevation,"]
    assert all(len(line) <= 80 or len(line.split()[-1]) > 40 for line in lines)
    assert "licence  Apache-2.0" in lines[at + 5]
    assert "Young" not in result.stdout
    assert "5_o_Clock_Shadow, Arched_Eyebrows" in result.stdout
    assert "source   https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html" in result.stdout
    assert f"kept in {chairs}" in result.stderr
    sets = {each["name"]: each for each in json.loads(seatbelt("data", "list", "--json").stdout)}
    assert sets["synth-chairs"]["synthetic"]
    assert sets["chairs"]["state"] == "absent"
    assert sets["synth-chairs"]["stored"][0]["path"].startswith(str(chairs))
    assert sets["synth-chairs"]["stored"][0]["bytes"] == 2 * 62 * 64 * 64 + 128
    assert sets["celeba"]["factors"][-1] == "Young"


def test_a_set_is_shown(seatbelt, workplace):
    result = seatbelt("data", "preview", "synth-chairs", "--ids", 2)
    assert result.exit_code == 0, result.output
    assert result.stdout.split() == ["preview", "synth-chairs-preview.png"]
    with Image.open(workplace / "synth-chairs-preview.png") as sheet:
        assert sheet.format == "PNG"
    result = seatbelt("data", "preview", "synth-dsprites", "--out", "sheet.png", "--json")
    assert json.loads(result.stdout) == {"preview": "sheet.png"}
    assert (workplace / "sheet.png").exists()


def test_a_set_is_drawn_and_checked(seatbelt, workplace, monkeypatch):
    monkeypatch.setenv("SEATBELT_DATA", str(workplace / "cache"))
    result = seatbelt("data", "build", "synth-chairs", "--ids", 1)
    assert result.exit_code == 0, result.output
    assert "synth-chairs (synthetic)" in result.stdout
    assert "62 of 64x64, channels 1" in result.stdout
    facts = json.loads(seatbelt("data", "build", "synth-chairs", "--ids", 1, "--json").stdout)
    result = seatbelt("data", "verify", "synth-chairs")
    assert result.exit_code == 0
    assert result.stdout.rstrip().endswith(": intact")
    [checked] = json.loads(seatbelt("data", "verify", "synth-chairs", "--json").stdout)
    assert checked["fingerprint"] == facts["fingerprint"]
    [array] = (workplace / "cache").rglob("*.npy")
    content = bytearray(array.read_bytes())
    content[-1] ^= 255
    array.write_bytes(content)
    result = seatbelt("data", "verify", "synth-chairs")
    assert result.exit_code == 2
    assert "damaged" in result.stderr


def test_a_published_set_is_fetched(seatbelt, server, workplace, monkeypatch):
    monkeypatch.setenv("SEATBELT_DATA", str(workplace / "cache"))
    server.content = b"PK\x03\x04 not the published file"
    result = seatbelt("data", "download", "dsprites", "--url", f"{server.address}d.npz")
    assert result.exit_code == 2
    assert result.stdout == ""
    line = result.stderr.splitlines()[-1]
    assert line.startswith(f"error: {server.address}d.npz: expected the published file (MD5 7da3")
    assert not list((workplace / "cache").glob("*"))[1:]  # nothing but the folder of downloads
    server.content = b"<html>quota exceeded</html>"
    result = seatbelt(
        "data", "download", "celeba", "--accept-terms", "--url", f"{server.address}celeba/"
    )
    assert result.exit_code == 2
    assert "expected a zip archive, got a web page" in result.stderr


def test_a_download_that_is_cut_off_goes_on(seatbelt, server, workplace, monkeypatch):
    monkeypatch.setenv("SEATBELT_DATA", str(workplace / "cache"))
    images = SpriteImages().gather(torch.arange(200))[:, 0].numpy() // 255
    classes = np.stack(np.unravel_index(np.arange(200), (1, 3, 6, 40, 32, 32)), 1)
    file = io.BytesIO()
    np.savez(file, imgs=images, latents_classes=classes, metadata=np.array({}), allow_pickle=True)
    server.content = file.getvalue()
    md5 = hashlib.md5(server.content, usedforsecurity=False).hexdigest()
    spec = DATASETS["dsprites"]
    small = replace(spec.files[0], address=f"{server.address}dsprites.npz", md5=md5)
    changed = replace(spec, files=(small,), shape=(200, 64, 64))
    monkeypatch.setitem(DATASETS, "dsprites", changed)
    server.drops = [100_000, 0, 0, 0, 0, 0]
    result = seatbelt("data", "download", "dsprites")
    assert result.exit_code == 2
    assert "cut off after 100000 bytes" in result.stderr.splitlines()[-1]
    result = seatbelt("data", "download", "dsprites", "--json")
    assert result.exit_code == 0, result.output
    assert server.requests[-1] == ("/dsprites.npz", "bytes=100000-")
    assert json.loads(result.stdout)["images"] == 200
    assert not list((workplace / "cache" / "downloads").glob("dsprites*"))
    assert seatbelt("data", "verify", "dsprites").exit_code == 0
    assert "dsprites        ready" in seatbelt("data", "list").stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["build", "chairs"], "expected a drawn data set"),
        (["build", "sofas"], "sofas"),
        (["import", "chairs", "none.tar"], "none.tar"),
        (["import", "folder", "none.tar"], "expected a data set with an archive"),
        (["import", "celeba", "celeba.zip"], "if you agree, say --accept-terms"),
        (["download", "celeba"], "if you agree, say --accept-terms"),
        (["download", "faces3d"], "expected a set for download"),
        (["download", "dsprites", "--url", "file:///etc/passwd"], "an address that begins with"),
        (["preview", "chairs"], "run `seatbelt data download chairs`"),
        (["preview", "synth-dsprites", "--out", "a.jpg"], "a name that ends in .png"),
        (["preview", "synth-dsprites", "--out", "none/a.png"], "cannot write"),
        (["verify", "chairs"], "nothing of chairs is stored"),
        (["build", "synth-chairs", "--ids", "0"], "Invalid value for '--ids'"),
    ],
)
def test_bad_input_is_one_line_and_status_2(arguments, message, seatbelt):
    result = seatbelt("data", *arguments)
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    [line] = result.stderr.splitlines()
    assert line.startswith("error: ")
    assert message in line
