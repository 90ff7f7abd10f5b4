import time

import pyro
import pytest
import torch

from pyro_seatbelt.attacks.groups import processes_for_groups, run_groups
from pyro_seatbelt.errors import InputError
from pyro_seatbelt.executors import Inline, LocalProcesses


def solve(group, progress):
    """Solves problem after problem, a round each."""
    for step in range(1, 4):
        progress("problems", step, 3, {"round": step})
    return group, torch.get_num_threads()


def slow(group, progress):
    """Leaves a file when it is over: the first at once, the others in a minute."""
    for step in range(600 * (group.name != "0")):
        progress("problems", 0, 1, {"round": step})
        time.sleep(0.1)
    group.touch()
    return group.name


@pytest.mark.parametrize("executor", [Inline(), LocalProcesses(2, start="fork")])
def test_results_threads_and_counts_do_not_depend_on_where(executor):
    before = torch.get_num_threads()
    seen = []
    parts = run_groups(
        solve,
        [3, 5, 6],
        [3, 3, 3],
        threads=2,
        executor=executor,
        progress=lambda *each: seen.append(each),
    )
    assert sorted(parts) == [(3, (3, 2)), (5, (5, 2)), (6, (6, 2))]
    assert torch.get_num_threads() == before
    assert {(stage, total) for stage, _, total, _ in seen} == {("problems", 9)}
    counts = [done for _, done, _, _ in seen]
    assert counts == sorted(counts)
    assert (seen[-1][1], seen[-1][3]) == (9, {"round": 9})


def test_what_an_executor_does_not_say_is_counted_all_the_same():
    def mute(group, progress):
        return group

    seen = []
    list(run_groups(mute, [0, 1], [2, 5], progress=lambda *each: seen.append(each)))
    assert [done for _, done, _, _ in seen] == [2, 7]


def test_unfinished_groups_stop_when_nobody_waits_for_them(tmp_path):
    groups = [tmp_path / name for name in "012"]
    parts = run_groups(slow, groups, [1, 1, 1], executor=processes_for_groups(2))
    assert next(parts) == (groups[0], "0")
    parts.close()
    assert [path.name for path in tmp_path.iterdir()] == ["0"]


def test_one_group_is_not_worth_a_process():
    here = []
    list(run_groups(lambda *each: here.append(each), [4], [1], executor=LocalProcesses(2)))
    assert len(here) == 1


def test_an_error_is_raised_as_it_was(monkeypatch):
    def broken(group, progress):
        raise InputError("no such image")

    for executor in (Inline(), LocalProcesses(2, start="fork")):
        with pytest.raises(InputError, match="no such image"):
            list(run_groups(broken, [0, 1], [1, 1], executor=executor))


def test_what_has_to_be_sent_and_cannot_is_said_so():
    parts = run_groups(lambda *_: None, [0, 1], [1, 1], executor=LocalProcesses(2))
    with pytest.raises(InputError, match="several processes need a model and a guide that pickle"):
        next(parts)


def parameter(group, progress):
    return float(pyro.param("weight")), pyro.settings.get("module_local_params")


@pytest.mark.slow
def test_pyros_settings_and_parameters_go_with_the_task():
    pyro.param("weight", torch.tensor(2.5))
    with pyro.settings.context(module_local_params=True):
        parts = list(run_groups(parameter, [0, 1], [1, 1], executor=LocalProcesses(2)))
    assert sorted(parts) == [(0, (2.5, True)), (1, (2.5, True))]
