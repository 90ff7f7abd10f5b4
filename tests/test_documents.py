import os

import pytest

from pyro_seatbelt.cli.output import printable, shortened
from pyro_seatbelt.documents import parse_toml, read_bytes
from pyro_seatbelt.errors import InputError
from pyro_seatbelt.files import refuse_links
from pyro_seatbelt.report import report_runs
from pyro_seatbelt.sweeps.grid import read_grid
from pyro_seatbelt.training.config import read_config
from pyro_seatbelt.training.metrics import read_metrics


@pytest.mark.parametrize("read", [read_config, read_grid])
def test_a_pipe_does_not_hang(read, tmp_path):
    pipe = tmp_path / "pipe.toml"
    os.mkfifo(pipe)
    with pytest.raises(InputError, match="cannot be read: not a regular file"):
        read(pipe)
    with pytest.raises(OSError, match="not a regular file"):
        read_bytes(pipe)


@pytest.mark.parametrize("name", ["deep.json", "deep.toml"])
def test_what_is_nested_too_deep_is_one_line(name, tmp_path):
    path = tmp_path / name
    path.write_text("a = " * path.name.endswith("toml") + "[" * 20_000)
    with pytest.raises(InputError, match="it is nested too deep"):
        read_config(path)
    with pytest.raises(ValueError, match="it is nested too deep"):
        parse_toml("a = " + "[" * 20_000)


@pytest.mark.parametrize("step", ["-1", "1e999", "true", "null"])
def test_steps_are_counts(step, tmp_path):
    path = tmp_path / "metrics.jsonl"
    path.write_text(f'{{"step": {step}, "kind": "train"}}\n')
    with pytest.raises(InputError, match="line 1 is no record: it has no step"):
        read_metrics(path)


def test_metrics_that_cannot_be_read_are_one_line(tmp_path):
    with pytest.raises(InputError, match="cannot be read: Is a directory"):
        read_metrics(tmp_path)


def test_links_that_lead_out_are_refused(tmp_path):
    run, secret = tmp_path / "run", tmp_path / "secret"
    (run / "figures").mkdir(parents=True)
    secret.touch()
    (run / "inside").symlink_to(run / "figures")
    refuse_links(run)
    (tmp_path / "latest").symlink_to(run)
    refuse_links(tmp_path / "latest")
    (run / "figures" / "curves.png").symlink_to(secret)
    with pytest.raises(InputError, match=r"curves.png: a link that leads out of"):
        refuse_links(run)


def test_links_that_lead_to_themselves_are_refused(tmp_path):
    (tmp_path / "checkpoints").symlink_to("checkpoints")
    with pytest.raises(InputError, match=r"checkpoints: a link that leads out of"):
        refuse_links(tmp_path)
    with pytest.raises(InputError, match=r"checkpoints: the link leads to itself"):
        report_runs([tmp_path / "checkpoints"])


def test_names_do_not_steer_a_terminal():
    assert printable("a\x1b[2Jb\u202ec é") == "a\\x1b[2Jb\\u202ec é"


def test_long_values_are_not_repeated():
    assert len(shortened("x" * 10_000)) < 1100
