import json

import pytest

from pyro_seatbelt import manifest
from pyro_seatbelt.errors import InputError
from pyro_seatbelt.manifest import (
    check_manifest,
    extend_manifest,
    is_intact,
    read_checked,
    read_manifest,
    remove_manifest,
    write_manifest,
)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "figures").mkdir()
    for name in ("numbers", "figures/curve"):
        (tmp_path / name).write_text(name)
    write_manifest(tmp_path, [tmp_path / "numbers", tmp_path / "figures" / "curve"])
    return tmp_path


def test_files_are_listed_with_their_hashes(folder):
    assert read_manifest(folder).keys() == {"numbers", "figures/curve"}
    assert json.loads((folder / "manifest.json").read_text())["format"] == 1
    assert check_manifest(folder) == {}


def test_a_changed_file_is_refused_where_it_is_read(folder):
    curve = folder / "figures" / "curve"
    assert read_checked(curve, folder) == b"figures/curve"
    curve.write_text("another")
    with pytest.raises(InputError, match="curve: the file is damaged: its SHA-256 is not the one"):
        read_checked(curve, folder)
    assert not is_intact(curve, folder)
    assert check_manifest(folder) == {
        "figures/curve": "its SHA-256 is not the one in manifest.json"
    }


def test_a_file_that_nothing_is_known_of_is_read(folder):
    (folder / "more").write_text("more")
    assert read_checked(folder / "more") == b"more"
    (folder / "numbers").write_text("other")
    remove_manifest(folder)
    assert read_checked(folder / "numbers") == b"other"
    assert check_manifest(folder) is None
    assert not is_intact(folder / "absent")


def test_files_are_added_where_there_is_a_manifest(folder):
    (folder / "more").write_text("more")
    extend_manifest(folder, [folder / "more"])
    assert read_manifest(folder).keys() == {"numbers", "figures/curve", "more"}
    remove_manifest(folder)
    extend_manifest(folder, [folder / "more"])
    assert read_manifest(folder) is None


def test_a_file_that_is_written_anew_meanwhile_is_read(folder, monkeypatch):
    def reading(folder):
        found = read_manifest(folder)
        if not (folder / "more").exists():  # another process is faster
            (folder / "numbers").write_text("new")
            (folder / "more").write_text("")
            write_manifest(folder, [folder / "numbers"])
        return found

    monkeypatch.setattr(manifest, "read_manifest", reading)
    assert read_checked(folder / "numbers") == b"new"


@pytest.mark.parametrize("content", ["{", "[]", '{"sha256": 3}', '{"format": 2, "sha256": {}}'])
def test_a_damaged_manifest_is_named(content, folder):
    (folder / "manifest.json").write_text(content)
    with pytest.raises(InputError, match=r"manifest\.json: "):
        read_checked(folder / "numbers")


def test_a_file_that_was_being_written_when_a_process_was_killed_is_not_intact(folder):
    more = folder / "more"
    more.write_text("more")
    assert not is_intact(more)
    extend_manifest(folder, [more])
    assert is_intact(more)
    remove_manifest(folder)
    assert is_intact(more)  # earlier versions wrote none
