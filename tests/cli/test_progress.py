import io
import re

import pytest
from rich.console import Console

from pyro_seatbelt.cli.progress import ProgressBar, summary

NUMBERS = {"loss": 900.0, "elbo": -812.34, "total_correlation": 2.27, "images_per_second": 12345.6}


def terminal():
    file = io.StringIO()
    return file, Console(file=file, force_terminal=True, width=80, color_system=None)


def last_lines(file, count):
    frames = re.split(r"\x1b\[1A|\r", file.getvalue())
    lines = re.sub(r"\x1b\[[0-9?]*[a-zA-Z]", "", frames[-1]).splitlines()
    return [line for line in lines if line][:count]


def test_a_terminal_has_a_bar_until_all_images_are_there():
    file, console = terminal()
    with ProgressBar(console) as bar:
        bar("images", 10, 100)
        bar("images", 100, 100)
        text = file.getvalue()
    assert "10/100" in text
    assert file.getvalue() == text  # it had stopped before


def test_a_file_has_a_line_now_and_then():
    file = io.StringIO()
    with ProgressBar(Console(file=file)) as bar:
        for done in range(10, 110, 10):
            bar("images", done, 100)
    assert file.getvalue() == "images 10/100\n"


def test_without_images_to_make_nothing_is_shown():
    file, console = terminal()
    with ProgressBar(console) as bar:
        bar("images", 100, 100)
    assert file.getvalue() == ""


def test_bytes_are_counted_in_megabytes():
    file = io.StringIO()
    with ProgressBar(Console(file=file)) as bar:
        bar("bytes", 1_234_567, 3_000_000_000)
    assert file.getvalue() == "bytes 1.2/3,000.0 MB\n"


def test_an_attack_has_problems_rounds_and_the_time_left():
    file, console = terminal()
    with ProgressBar(console) as bar:
        bar("latent", 3, 51, {"round": 7})
        bar("latent", 51, 51, {"round": 40})
        bar("output", 1, 51, {"round": 2})
    latent, output = last_lines(file, 2)
    assert latent.startswith("latent ")
    assert "51/51 problems, round 40 " in latent
    assert output.startswith("output ")
    assert " 1/51 problems, round 2 " in output
    assert max(map(len, (latent, output))) <= 80


def test_stages_share_the_time_between_lines_in_a_file():
    file = io.StringIO()
    with ProgressBar(Console(file=file)) as bar:
        for done in range(5):
            bar("w2", done, 51, {"round": 7 + done})
        bar("output", 0, 51, {"round": 1})
    assert file.getvalue() == "w2 0/51 problems, round 7\n"


def test_every_stage_of_an_evaluation_has_a_bar():
    file, console = terminal()
    with ProgressBar(console) as bar:
        bar("bound", 10, 10)
        bar("noise", 3, 50)
    bound, noise = last_lines(file, 2)
    assert bound.startswith("bound ")
    assert "10/10" in bound
    assert noise.startswith("noise ")
    assert " 3/50" in noise


def test_training_has_room_for_everything_in_80_columns():
    file, console = terminal()
    with ProgressBar(console) as bar:
        bar("training", 100, 20000)
        bar("training", 12345, 20000, NUMBERS)
        bar("training", 12346, 20000)
    (line,) = last_lines(file, 1)
    assert line.startswith("12346/20000 ")
    for part in ("ELBO -812.3", "TC 2.27", "12346 images/s"):
        assert part in line
    assert len(line) <= 80


def test_a_file_has_the_first_and_the_last_numbers_of_training():
    file = io.StringIO()
    with ProgressBar(Console(file=file, width=80)) as bar:
        bar("training", 0, 1000)
        for step in range(1, 1001):
            bar("training", step, 1000, NUMBERS if step % 10 == 0 else {})
    assert file.getvalue().splitlines() == [
        "step 10/1000  ELBO -812.3  TC 2.27  12346 images/s",
        "step 1000/1000  ELBO -812.3  TC 2.27  12346 images/s",
    ]


def test_a_sweep_has_a_line_for_every_run_that_ends():
    file = io.StringIO()
    with ProgressBar(Console(file=file)) as bar:
        bar("runs", 0.0, 3, {"finished": 0, "failed": 0, "running": 1})
        bar("runs", 0.5, 3, {"finished": 0, "failed": 0, "running": 2})
        bar("runs", 1.2, 3, {"finished": 1, "failed": 0, "running": 1})
        bar("runs", 2.0, 3, {"finished": 1, "failed": 1, "running": 1})
    assert file.getvalue().splitlines() == [
        "0/3 runs, 1 running",
        "1/3 runs, 1 running",
        "1/3 runs, 1 failed, 1 running",
    ]


@pytest.mark.parametrize(
    ("metrics", "text"),
    [({"loss": 3.14159, "images_per_second": 10.0}, "loss 3.1  10 images/s"), ({}, "")],
)
def test_other_objectives_have_a_loss(metrics, text):
    assert summary(metrics) == text
