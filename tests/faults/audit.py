"""An audit hook: what the package must never do with what a stranger made.

It looks at who calls: libraries make classes by `exec` and send messages by pickle, and so do the
executors between processes of ours; no other room of the package does any of it.
"""

import sys
from pathlib import Path
from types import FrameType
from typing import Any

import pyro_seatbelt

_PACKAGE = str(Path(pyro_seatbelt.__file__).parent) + "/"
_MESSAGES = _PACKAGE + "executors/"
_LOOPBACK = {"localhost", "::1", "", None}
_SHELLS = {"sh", "bash", "dash", "zsh", "cmd.exe"}

found: list[str] = []
"""What was done since it was last emptied."""


class Forbidden(RuntimeError):  # noqa: N818 - it says what was done
    """Something that the package must never do."""


def _caller(frame: FrameType | None) -> str:
    """The file of the package that is nearest; empty if there is none."""
    while frame is not None:
        if frame.f_code.co_filename.startswith(_PACKAGE):
            return frame.f_code.co_filename
        frame = frame.f_back
    return ""


def _is_far(address: Any) -> bool:
    host = address[0] if isinstance(address, tuple) else ""
    text = host.decode() if isinstance(host, bytes) else host
    return text not in _LOOPBACK and not str(text).startswith("127.")


def _problem(event: str, args: tuple[Any, ...]) -> str:
    if event == "pickle.find_class":
        caller = _caller(sys._getframe(2))
        if caller and not caller.startswith(_MESSAGES):
            return f"{caller} unpickles {args[0]}.{args[1]}"
    elif event == "exec":
        frame = sys._getframe(2)
        if frame.f_code.co_filename.startswith(_PACKAGE) and args[0].co_filename == "<string>":
            return f"{frame.f_code.co_filename} runs text"
    elif event == "os.system":
        return f"a shell is asked to run {args[0]!r}"
    elif event == "subprocess.Popen":
        if Path(str(args[0])).name in _SHELLS and _caller(sys._getframe(2)):
            return f"a shell is started: {args[1]!r}"
    elif (event == "socket.connect" and _is_far(args[1])) or (
        event == "socket.getaddrinfo" and _is_far((args[0],))
    ):
        return f"a connection to {args[1] if event == 'socket.connect' else args[0]}"
    return ""


def _hook(event: str, args: tuple[Any, ...]) -> None:
    problem = _problem(event, args)
    if problem:
        found.append(problem)
        raise Forbidden(problem)


def install() -> None:
    """Turns it on, for as long as this process lives."""
    sys.addaudithook(_hook)
