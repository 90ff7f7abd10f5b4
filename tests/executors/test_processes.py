import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import pyro_seatbelt
from pyro_seatbelt.executors import LocalProcesses, WorkerDied

SOURCE = Path(pyro_seatbelt.__file__).parent.parent


def number_of_process(item, progress):
    return os.getpid()


def end(how, progress):
    """Ends its process in some way, or not."""
    if how is None:
        time.sleep(0.2)
    elif how < 0:
        os.kill(os.getpid(), -how)
        time.sleep(60)
    else:
        os._exit(how)
    return "finished"


@pytest.mark.parametrize(
    ("how", "message"),
    [
        (-signal.SIGKILL, r"its process was killed by SIGKILL: was there enough memory\?$"),
        (-signal.SIGALRM, "its process was killed by SIGALRM$"),
        (3, "its process ended with status 3$"),
    ],
)
def test_a_process_that_dies_takes_its_item_and_no_other(how, message):
    outcomes = dict(LocalProcesses(2, start="fork").run(end, [None, how, None, how, None]))
    for number in (1, 3):
        with pytest.raises(WorkerDied, match=message):
            outcomes[number].result()
    assert [outcomes[number].result() for number in (0, 2, 4)] == ["finished"] * 3


def test_a_process_takes_one_item_after_the_other():
    outcomes = LocalProcesses(1, start="fork").run(number_of_process, range(4))
    numbers = {outcome.result() for _, outcome in outcomes}
    assert len(numbers) == 1
    assert os.getpid() not in numbers


def test_forked_processes_run_what_cannot_be_pickled():
    here = []
    outcomes = LocalProcesses(2, start="fork").run(lambda item, _: here.append(item), [1, 2])
    assert [outcome.result() for _, outcome in outcomes] == [None, None]
    assert here == []  # each has a copy of its own


def test_an_error_tells_where_it_was_raised():
    [(_, outcome)] = LocalProcesses(1, start="fork").run(lambda item, _: {}.popitem(), [1])
    assert "processes.py" in "".join(outcome.exception().__notes__)


def visible(item, progress):
    time.sleep(0.2)
    return os.environ["CUDA_VISIBLE_DEVICES"]


def test_processes_take_turns_to_have_a_gpu():
    outcomes = LocalProcesses(3, start="fork", gpus=["4", "MIG-7"]).run(visible, range(6))
    assert {outcome.result() for _, outcome in outcomes} == {"4", "MIG-7"}


def save_first(folder, progress):
    """Does what training does: a polite kill only asks it to stop."""

    def save(number, frame):
        (folder / "saved").touch()
        os._exit(0)

    signal.signal(signal.SIGTERM, save)
    progress("working", 0, 1)
    time.sleep(60)


def test_a_process_has_time_to_save(tmp_path):
    outcomes = LocalProcesses(1, start="fork").run(
        save_first, [tmp_path], lambda number: lambda stage, *_: stage == "working" and stop()
    )

    def stop():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        next(outcomes)
    assert (tmp_path / "saved").exists()


def test_a_process_that_does_not_leave_is_killed(monkeypatch, tmp_path):
    monkeypatch.setattr("pyro_seatbelt.executors.processes._PATIENCE", 0.2)

    def stubborn(item, progress):
        if item:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            progress("deaf", 0, 1)
            time.sleep(60)
            (tmp_path / "done").touch()

    heard = []
    outcomes = LocalProcesses(2, start="fork").run(
        stubborn, [True, False], lambda number: lambda stage, *_: heard.append(stage)
    )
    next(outcomes)
    outcomes.close()
    assert not (tmp_path / "done").exists()


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"


def start(folder, code, *, signal_number):
    """Runs a script whose processes write down who they are, and sends it a signal."""
    script = folder / "script.py"
    script.write_text(
        "import os, pathlib, sys, time\n"
        f"sys.path.insert(0, {str(SOURCE)!r})\n"
        "from pyro_seatbelt.executors import LocalProcesses\n"
        f"here = pathlib.Path({str(folder)!r})\n" + code
    )
    with subprocess.Popen(
        [sys.executable, str(script)], stderr=subprocess.PIPE, start_new_session=True
    ) as process:
        while len(list(folder.glob("*.pid"))) < 2:
            assert process.poll() is None, process.stderr.read()
            time.sleep(0.01)
        os.killpg(process.pid, signal_number)
        process.wait(120)
    return [int(path.stem) for path in folder.glob("*.pid")]


@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")
@pytest.mark.parametrize("signal_number", [signal.SIGKILL, signal.SIGINT])
def test_processes_leave_with_their_parent(signal_number, tmp_path):
    pids = start(
        tmp_path,
        "def task(item, progress):\n"
        "    (here / f'{os.getpid()}.pid').touch()\n"
        "    time.sleep(60)\n"
        "list(LocalProcesses(2, start='fork').run(task, [1, 2]))\n",
        signal_number=signal_number,
    )
    deadline = time.monotonic() + 600  # a loaded machine takes its time
    while any(map(alive, pids)):
        assert time.monotonic() < deadline, "they stayed"
        time.sleep(0.05)


def run_script(folder, code):
    script = folder / "script.py"
    script.write_text(f"import sys\nsys.path.insert(0, {str(SOURCE)!r})\n{code}")
    command = [sys.executable, str(script)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_spawned_processes_do_not_run_the_script_again(tmp_path):
    ran = run_script(
        tmp_path,
        "import operator\n"
        "from pyro_seatbelt.executors import LocalProcesses\n"
        "print('once')\n"
        "outcomes = LocalProcesses(2).run(operator.is_not, ['a', 'b'])\n"
        "print([outcome.result() for _, outcome in outcomes])\n",
    )
    assert ran.stdout.splitlines() == ["once", "[True, True]"], ran.stderr


def test_spawned_processes_know_what_the_script_defines(tmp_path):
    ran = run_script(
        tmp_path,
        "from pyro_seatbelt.executors import LocalProcesses\n"
        "def double(item, progress):\n"
        "    return 2 * item\n"
        "if __name__ == '__main__':\n"
        "    outcomes = LocalProcesses(1).run(double, [3])\n"
        "    print([outcome.result() for _, outcome in outcomes])\n",
    )
    assert ran.stdout == "[6]\n", ran.stderr
