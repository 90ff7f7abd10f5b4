import io

import pytest
from rich.console import Console

from pyro_seatbelt.training.progress import ProgressLines, summary, watcher

NUMBERS = {"loss": 900.0, "elbo": -812.34, "total_correlation": 2.27, "images_per_second": 12345.6}


def test_a_terminal_of_80_columns_has_room_for_everything():
    file = io.StringIO()
    console = Console(file=file, force_terminal=True, width=80, color_system=None)
    with watcher(console) as bar:
        bar.start(100, 20000)
        bar.advance(12345, NUMBERS)
        bar.advance(12346, None)
    last = file.getvalue().replace("\r", "\n").splitlines()[-2:]
    text = " ".join(last)
    assert "12346/20000" in text
    for part in ("ELBO -812.3", "TC 2.27", "12346 images/s"):
        assert part in text
    assert max(len(line) for line in last) < 120  # with control codes


def test_a_file_gets_a_line_now_and_then():
    file = io.StringIO()
    with watcher(Console(file=file, width=80)) as lines:
        assert isinstance(lines, ProgressLines)
        lines.start(0, 1000)
        for step in range(1, 1001):
            lines.advance(step, NUMBERS if step % 10 == 0 else None)
    assert file.getvalue().splitlines() == [
        "step 10/1000  ELBO -812.3  TC 2.27  12346 images/s",
        "step 1000/1000  ELBO -812.3  TC 2.27  12346 images/s",
    ]


@pytest.mark.parametrize(
    ("metrics", "text"),
    [({"loss": 3.14159, "images_per_second": 10.0}, "loss 3.1  10 images/s"), ({}, "")],
)
def test_other_objectives_have_a_loss(metrics, text):
    assert summary(metrics) == text
