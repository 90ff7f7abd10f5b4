import importlib.util
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from lightning_fabric import Fabric
from safetensors.torch import load_file

from pyro_seatbelt.errors import InputError
from pyro_seatbelt.training import TrainConfig
from pyro_seatbelt.training.metrics import read_metrics
from pyro_seatbelt.training.processes import Processes

PROGRAM = Path(__file__).with_name("two_ranks.py")


@pytest.fixture(scope="module")
def program():
    spec = importlib.util.spec_from_file_location("two_ranks", PROGRAM)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def ranks(tmp_path_factory):
    """What two processes on gloo have left."""
    folder = tmp_path_factory.mktemp("ranks")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    together = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "WORLD_SIZE": "2"}
    both = [
        subprocess.Popen(
            [sys.executable, str(PROGRAM), str(folder)],
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **together, "LOCAL_RANK": str(rank), "OMP_NUM_THREADS": "1"},
        )
        for rank in (0, 1)
    ]
    said = [each.communicate()[1] for each in both]
    assert [each.returncode for each in both] == [0, 0], said
    return folder


def largest_difference(one, other):
    return max(
        (value.double() - other[name].double()).abs().max().item() for name, value in one.items()
    )


@pytest.mark.parametrize(("name", "bound"), [("float32", 1e-6), ("float64", 1e-12)])
def test_two_processes_are_one_with_the_whole_minibatch(name, bound, ranks, program, tmp_path):
    zero, one = (load_file(ranks / f"{name}-{rank}.safetensors") for rank in (0, 1))
    assert largest_difference(zero, one) == 0
    _, weights = program.train(name, tmp_path, 1)
    assert largest_difference(weights, zero) < bound
    _, later = program.train(name, tmp_path / "later", 1, steps=7)
    assert largest_difference(weights, later) > 100 * bound  # one step more is another thing
    theirs, ours = (
        [each for each in read_metrics(folder / "metrics.jsonl") if each["kind"] == "train"]
        for folder in (ranks / name, tmp_path)
    )
    assert [each["step"] for each in theirs] == [each["step"] for each in ours]
    for name_of in ("loss", "gradient_norm", "elbo", "total_correlation", "mutual_information"):
        assert [each[name_of] for each in theirs] == pytest.approx(
            [each[name_of] for each in ours], rel=1e-4, abs=1e-4
        )


def test_batch_normalisation_on_the_cpu_is_that_of_the_processs_own_rows(ranks, program, tmp_path):
    zero, one = (load_file(ranks / f"normalised-{rank}.safetensors") for rank in (0, 1))
    assert largest_difference(zero, one) == 0  # statistics too: they are taken anew over all rows
    _, weights = program.train("normalised", tmp_path, 1)
    assert largest_difference(weights, zero) > 1e-4


def test_processes_that_were_stopped_go_on_as_if_they_had_not_been(ranks):
    whole, again = (load_file(ranks / f"{name}-0.safetensors") for name in ("float32", "again"))
    assert largest_difference(whole, again) == 0


def test_processes_stop_together(ranks):
    said = [(ranks / f"said-{rank}.txt").read_text().splitlines() for rank in (0, 1)]
    assert said[0][0] == said[1][0] == "stopped at 6, interrupted False"
    assert "expected a multiple of the 2 processes that share it, got 9" in said[1][1]
    # whose rows broke it does not matter
    for lines in said:
        assert lines[2].startswith("training diverged at step 2: ")


def test_an_evaluation_that_was_made_is_not_made_again(ranks):
    lines = read_metrics(ranks / "early" / "metrics.jsonl")
    assert [each["step"] for each in lines if each["kind"] == "heldout"] == [2, 4, 6]


def test_a_callback_of_the_first_process_is_heard_when_they_next_agree(ranks):
    """A checkpoint at step 3, before they do, does not forget what it asked for at step 1."""
    for rank in (0, 1):
        [*_, called] = (ranks / f"said-{rank}.txt").read_text().splitlines()
        assert called == "stopped at 10, interrupted False"


def test_a_minibatch_that_cannot_be_shared_is_refused():
    with pytest.raises(InputError, match=r"expected a multiple of the 3 processes .*, got 128"):
        TrainConfig(devices=3)
    assert TrainConfig(devices=2, num_nodes=4).num_processes == 8


def test_one_process_agrees_with_itself():
    processes = Processes(Fabric(accelerator="cpu", devices=1), batch_size=7)
    assert processes.agree(1, True, False) == (True, False)
    assert processes.mean_of({"loss": 2.0, "kl": {"z1": 1.0}}) == {"loss": 2.0, "kl": {"z1": 1.0}}
    assert processes.mean(torch.tensor(3.0)) == 3
