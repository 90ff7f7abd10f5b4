import os
import pickle
import socket
import subprocess

import audit
import pytest
from forked import Fault, seatbelt
from strangers import start_a_shell

import pyro_seatbelt

INSIDE = f"{os.path.dirname(pyro_seatbelt.__file__)}/data/stranger.py"  # noqa: PTH120
"""A file that the package does not have: code of this name counts as the package's."""

DEEDS = {
    "an unpickling": "pickle.loads(content)",
    "code that is data": "eval('1 + 1')",
    "a statement that is data": "exec('x = 1')",
    "a shell": "subprocess.run('true', shell=True)",
    "another shell": "os.system('true')",
    "another machine": "socket.create_connection(('192.0.2.1', 80), timeout=0.01)",
    "a name of another machine": "socket.getaddrinfo('example.org', 80)",
}


def do(code, file):
    tools = {"pickle": pickle, "os": os, "socket": socket, "subprocess": subprocess}
    exec(compile(code, file, "exec"), tools | {"content": pickle.dumps(pytest.Class)})  # noqa: S102


@pytest.mark.parametrize("deed", DEEDS)
def test_it_fires(deed):
    with pytest.raises(audit.Forbidden):
        do(DEEDS[deed], INSIDE)
    assert len(audit.found) == 1
    audit.found.clear()


def test_it_leaves_libraries_and_this_machine_alone():
    do(DEEDS["an unpickling"], "/usr/lib/somebody.py")
    do(DEEDS["code that is data"], "/usr/lib/somebody.py")
    do(DEEDS["an unpickling"], INSIDE.replace("/data/", "/executors/"))
    with socket.socket() as listening, socket.socket() as calling:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        calling.connect(listening.getsockname())
    assert audit.found == []


def test_it_is_on_in_commands_that_are_forked(tmp_path):
    outcome = seatbelt(place=tmp_path, run=start_a_shell, fault=Fault(audited=True))
    assert "Forbidden: a shell is asked to run" in outcome.err
    assert outcome.status == 1
    assert seatbelt(place=tmp_path, run=start_a_shell).status == 0
