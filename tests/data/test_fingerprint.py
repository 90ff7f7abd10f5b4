import hashlib

import numpy as np

from pyro_seatbelt.data.fingerprint import fingerprint


def test_is_sha256_of_name_version_shape_and_bytes():
    pixels = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    expected = hashlib.sha256(b"set\n1\n2x3x4\n" + bytes(range(24))).hexdigest()
    assert fingerprint("set", "1", pixels) == expected


def test_everything_counts():
    pixels = np.zeros((2, 8), np.uint8)
    changed = pixels.copy()
    changed[1, 7] = 1
    variants = [
        fingerprint("a", "1", pixels),
        fingerprint("b", "1", pixels),
        fingerprint("a", "2", pixels),
        fingerprint("a", "1", pixels.reshape(4, 4)),
        fingerprint("a", "1", changed),
    ]
    assert len(set(variants)) == len(variants)


def test_layout_in_memory_does_not_count():
    pixels = np.arange(24, dtype=np.uint8).reshape(4, 6)
    assert fingerprint("a", "1", np.asfortranarray(pixels)) == fingerprint("a", "1", pixels)
