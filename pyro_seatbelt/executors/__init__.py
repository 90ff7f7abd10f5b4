"""Where tasks run: in this process, in several of this machine, or on a cluster of Ray."""

from pyro_seatbelt.executors.executor import Executor, Task, WorkerDied
from pyro_seatbelt.executors.inline import Inline
from pyro_seatbelt.executors.processes import LocalProcesses, StartMethod
from pyro_seatbelt.executors.ray import Ray

__all__ = [
    "Executor",
    "Inline",
    "LocalProcesses",
    "Ray",
    "StartMethod",
    "Task",
    "WorkerDied",
]
