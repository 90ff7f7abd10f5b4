"""Commands as children of one process that has imported everything: they begin in milliseconds.

What is forked is `seatbelt` as it is from its first line on, but for what makes it quicker: the
workers of a sweep, which begin afresh otherwise, are forked as well, pictures in files are blank,
and nothing waits for the disk: no power cut is tried.
"""

import base64
import errno
import os
import resource
import signal
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from types import ModuleType
from typing import Any, Literal, NoReturn

import pyro_seatbelt

Deed = Literal["nothing", "kill", "full", "read-only", "count"]

_SOURCE = Path(pyro_seatbelt.__file__).parents[1]
_CONTEXT = get_context("forkserver")
_CONTEXT.set_forkserver_preload(["everything"])
_ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "COLUMNS": "80",
    "PYTHONPATH": os.pathsep.join(map(str, (_SOURCE, Path(__file__).parent))),
}
_GROWS = {"open", "os.mkdir", "os.rename", "os.link", "os.symlink"}
_CHANGES = _GROWS | {"os.remove", "os.rmdir", "os.truncate"}


_BLANK = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=="
)


@dataclass(frozen=True)
class Fault:
    """What happens to a command from within.

    Attributes:
        deed: Nothing; a kill at one change of a file; a disk that is full, or read-only, from
            one change on; or counting the changes, which are written to `.changes` beside.
        at: Which change of a file, from 1.
        largest: How large a file can become, in bytes: writing ends in the midst of it.
        audited: Whether what the package must never do is an error.
    """

    deed: Deed = "nothing"
    at: int = 0
    largest: int | None = None
    audited: bool = False


@dataclass
class Outcome:
    """How a command ended.

    Attributes:
        status: Its exit status, below 0 for a signal; None if it had to be killed: it hung.
        out: What it said on standard output.
        err: What it said on standard error.
        seconds: How long it took.
    """

    status: int | None
    out: str
    err: str
    seconds: float

    @property
    def traceback(self) -> bool:
        """Whether a user saw one."""
        return "Traceback (most recent" in self.out + self.err


@dataclass
class Command:
    """A command that has been started.

    Attributes:
        process: Its process, the leader of a session of its own.
        log: Beginning of the names of the files of what it says.
    """

    process: Any
    log: Path
    began: float = field(default_factory=time.monotonic)

    @property
    def running(self) -> bool:
        """Whether it is."""
        return bool(self.process.is_alive())

    def signal(self, number: int, *, all_of_it: bool = False) -> None:
        """Sends a signal to its first process, or to all of its session."""
        for each in [self.process.pid, *(_session(self.process.pid) if all_of_it else [])]:
            with suppress(ProcessLookupError):
                os.kill(each, number)

    def wait(self, seconds: float = 300.0) -> Outcome:
        """Waits until it and its workers have ended."""
        self.process.join(seconds)
        hung = self.running
        if hung:
            self.signal(signal.SIGKILL, all_of_it=True)
            self.process.join()
        took = time.monotonic() - self.began
        deadline = time.monotonic() + seconds
        while left := _session(self.process.pid):
            if time.monotonic() > deadline:
                hung = True
                for each in left:
                    with suppress(ProcessLookupError):
                        os.kill(each, signal.SIGKILL)
            time.sleep(0.01)
        out, err = (self.log.with_suffix(end).read_text("utf-8", "replace") for end in _LOGS)
        return Outcome(None if hung else self.process.exitcode, out, err, took)


_LOGS = (".out", ".err")


def start(
    words: Sequence[object],
    place: Path,
    *,
    log: Path | None = None,
    fault: Fault | None = None,
    run: Callable[[list[str]], object] | None = None,
) -> Command:
    """Starts a command.

    Args:
        words: Its words, without `seatbelt`.
        place: The working directory, where its data and runs are.
        log: Where it puts what it says, `log` beside the place by default.
        fault: What happens to it.
        run: What runs the words, the command line by default.
    """
    os.environ.update(_ENVIRONMENT)
    log = log or place.with_name(f"{place.name}-log")
    arguments = (list(map(str, words)), place, log, fault or Fault(), run)
    main, sys.modules["__main__"] = sys.modules["__main__"], ModuleType("__main__")
    try:  # or else it would import the main module of pytest
        process = _CONTEXT.Process(target=_serve, args=arguments)
        process.start()
    finally:
        sys.modules["__main__"] = main
    return Command(process, log)


def seatbelt(*words: object, place: Path, seconds: float = 300.0, **more: Any) -> Outcome:
    """Runs a command to its end."""
    return start(words, place, **more).wait(seconds)


def _serve(
    words: list[str], place: Path, log: Path, fault: Fault, run: Callable[[list[str]], Any] | None
) -> None:
    os.setsid()
    for name in ("SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGXCPU", "SIGQUIT", "SIGALRM"):
        signal.signal(getattr(signal, name), signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for descriptor, end in enumerate(_LOGS, start=1):
        os.dup2(os.open(log.with_suffix(end), os.O_WRONLY | os.O_CREAT | os.O_TRUNC), descriptor)
    os.chdir(place)
    os.environ.update(SEATBELT_DATA=str(place / "data"), SEATBELT_RUNS=str(place / "runs"))
    _hurry()
    if fault.audited:
        import audit

        audit.install()
    if fault.largest is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (fault.largest, fault.largest))
    if fault.deed != "nothing":
        sys.addaudithook(_Changes(place, log, fault))
    (run or _command_line)(words)


def _command_line(words: list[str]) -> NoReturn:
    from pyro_seatbelt.cli.app import app

    raise SystemExit(app(words, prog_name="seatbelt"))


def _hurry() -> None:
    from matplotlib.figure import Figure

    from pyro_seatbelt.executors import LocalProcesses

    def save(figure: Figure, file: Any, *, format: str, **how: Any) -> None:  # noqa: A002
        if format == "png":
            file.write(_BLANK)
        else:
            draw(figure, file, format=format, **how)

    draw, Figure.savefig = Figure.savefig, save  # type: ignore[method-assign]
    LocalProcesses.__init__.__kwdefaults__["start"] = "fork"
    os.fsync = lambda descriptor: None


class _Changes:
    """Looks at every change of a file in a folder, before it is made."""

    def __init__(self, place: Path, log: Path, fault: Fault) -> None:
        self._place = f"{place}/"
        self._fault = fault
        self._seen = 0
        count = fault.deed == "count"
        self._count = os.open(log.with_suffix(".changes"), os.O_WRONLY | os.O_CREAT) if count else 0

    def __call__(self, event: str, args: tuple[Any, ...]) -> None:
        if event not in _CHANGES or not self._is_here(event, args):
            return
        self._seen += 1
        if self._count:
            os.pwrite(self._count, str(self._seen).encode(), 0)
        elif self._seen == self._fault.at and self._fault.deed == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        elif self._seen >= self._fault.at and self._fault.deed == "read-only":
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))
        elif self._seen >= self._fault.at and self._fault.deed == "full" and event in _GROWS:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def _is_here(self, event: str, args: tuple[Any, ...]) -> bool:
        path = args[0]
        if not isinstance(path, (str, bytes, os.PathLike)):
            return False
        if event == "open" and not args[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            return False
        return os.path.abspath(os.fsdecode(path)).startswith(self._place)  # noqa: PTH100 - no links


def _session(leader: int) -> list[int]:
    """The processes of a session that are alive."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, *numbers = path.read_text().rpartition(")")[2].split()[:4]
            if int(numbers[2]) == leader and state != "Z":
                found.append(int(path.parent.name))
    return found
