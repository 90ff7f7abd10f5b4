"""Files that a stranger made: hostile, and with hashes that fit."""

import hashlib
import json
import os
import pickle
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

SECRET = "the-secret-of-the-house"  # noqa: S105 - it opens nothing
"""What lies in a file outside, which nobody may see."""

NUMBERS = (
    0, -1, 1, 2**63, -(2**63), 10**400, 1e308, float("nan"), float("inf"), -float("inf"), 5e-324,
    True, None, "", "1", "x" * 10_000, "\x1b[2J\x1b]0;title\x07", "../../..", "/etc/passwd", [], {},
    [[1]], {"a": {"b": []}}, "\u202e\u0000",
)  # fmt: skip
"""What stands in the place of a value in JSON."""


class Touch:
    """Unpickled, it would leave a file behind."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch {self.path}",)


def start_a_shell(words: list[str]) -> None:
    """What a stranger would like to."""
    os.system("true")  # noqa: S605, S607


def sign(folder: Path) -> None:
    """Makes the hashes of all manifests and checkpoints fit what is there."""
    for name in ("meta.json", "manifest.json"):
        for path in folder.rglob(name):
            if path.is_symlink() or not path.is_file():  # a device has no end
                continue
            try:
                content = json.loads(path.read_text())
                sums = content["sha256"]
                for each in sums:
                    file = path.parent / each
                    if file.is_file() and not file.is_symlink():
                        sums[each] = hashlib.sha256(file.read_bytes()).hexdigest()
                path.unlink()
                path.write_text(json.dumps(content))
            except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
                continue


def mutate(content: Any, rng: random.Random) -> Any:
    """Puts something else in the place of one value, or takes it away."""
    if isinstance(content, dict) and content and rng.random() < 0.9:
        key = rng.choice(sorted(content))
        if rng.random() < 0.15:
            return {name: value for name, value in content.items() if name != key}
        return content | {key: mutate(content[key], rng)}
    if isinstance(content, list) and content and rng.random() < 0.7:
        place = rng.randrange(len(content))
        return [*content[:place], mutate(content[place], rng), *content[place + 1 :]]
    return rng.choice(NUMBERS)


def _pipe(path: Path, outside: Path) -> None:
    os.mkfifo(path)


def _link(path: Path, outside: Path) -> None:
    path.symlink_to(outside / "secret")


def _linked_folder(path: Path, outside: Path) -> None:
    path.symlink_to(outside)


def _device(path: Path, outside: Path) -> None:
    path.symlink_to("/dev/zero")


def _loop(path: Path, outside: Path) -> None:
    path.symlink_to(path.name)


def _folder(path: Path, outside: Path) -> None:
    path.mkdir()


def _text(content: bytes) -> Callable[[Path, Path], None]:
    def write(path: Path, outside: Path) -> None:
        path.write_bytes(content)

    return write


def _pickle(path: Path, outside: Path) -> None:
    path.write_bytes(pickle.dumps(Touch(outside / "touched")))


def _newer(path: Path, outside: Path) -> None:
    path.write_text('{"format": 99, "step": 1, "status": "finished", "sha256": {"../../x": "0"}}')


def _unreadable(path: Path, outside: Path) -> None:
    path.write_bytes(b"\x00\xff" * 100)


HOSTILE: dict[str, Callable[[Path, Path], None]] = {
    "a pipe": _pipe,
    "a link to a secret": _link,
    "a link to a folder outside": _linked_folder,
    "a link to a device": _device,
    "a link to itself": _loop,
    "a folder": _folder,
    "nothing": _text(b""),
    "noise": _unreadable,
    "deep nesting": _text(b'{"a":' * 20_000),
    "deep lists": _text(b"[" * 100_000),
    "a pickle": _pickle,
    "a newer format": _newer,
    "huge numbers": _text(b'{"format": 1, "step": 1e999, "sha256": {"x": ' + b"9" * 5_000 + b"}}"),
    "escapes": _text(b'{"format": 1, "\\u001b[2J": "\\u001b]0;x\\u0007"}'),
    "a code": _text(b"__import__('os').system('touch /tmp/touched')"),
}
