import io

from rich.console import Console

from pyro_seatbelt.attacks import Advance
from pyro_seatbelt.cli.progress import CountBar, ProblemBar, StageBar


def test_a_terminal_has_a_bar_until_all_images_are_there():
    file = io.StringIO()
    console = Console(file=file, force_terminal=True, width=80, color_system=None)
    with CountBar(console) as bar:
        bar(10, 100)
        bar(100, 100)
        text = file.getvalue()
    assert "100/100" in text
    assert file.getvalue() == text  # it had stopped before


def test_a_file_has_a_line_now_and_then():
    file = io.StringIO()
    with CountBar(Console(file=file)) as bar:
        for done in range(10, 110, 10):
            bar(done, 100)
    assert file.getvalue() == "images 10/100\n"


def test_without_images_to_make_nothing_is_shown():
    file = io.StringIO()
    console = Console(file=file, force_terminal=True)
    with CountBar(console):
        pass
    assert file.getvalue() == ""


def test_an_attack_has_problems_rounds_and_the_time_left():
    file = io.StringIO()
    console = Console(file=file, force_terminal=True, width=80, color_system=None)
    with ProblemBar(console) as bar:
        bar("latent", Advance(3, 51, 7, 210))
        bar("latent", Advance(51, 51, 40, 900))
        bar("output", Advance(1, 51, 2, 102))
    last = file.getvalue().split("\x1b[1A")[-1].replace("\x1b[2K", "")
    latent, output = last.splitlines()[:2]
    assert latent.startswith("latent ")
    assert latent.endswith("51/51 problems, round 40 0:00:00")
    assert output.startswith("output ")
    assert output.endswith(" 1/51 problems, round 2  -:--:--")


def test_an_attack_has_a_line_now_and_then_in_a_file():
    file = io.StringIO()
    with ProblemBar(Console(file=file)) as bar:
        for done in range(5):
            bar("w2", Advance(done, 51, 7 + done, 210))
    assert file.getvalue() == "w2 0/51 problems, round 7\n"


def test_every_stage_of_an_evaluation_has_a_bar():
    file = io.StringIO()
    console = Console(file=file, force_terminal=True, width=80, color_system=None)
    with StageBar(console) as bar:
        bar("bound", 10, 10)
        bar("noise", 3, 50)
    last = file.getvalue().split("\x1b[1A")[-1].replace("\x1b[2K", "")
    bound, noise = last.splitlines()[:2]
    assert bound.startswith("bound ")
    assert "10/10" in bound
    assert noise.startswith("noise ")
    assert " 3/50" in noise


def test_an_evaluation_has_a_line_now_and_then_in_a_file():
    file = io.StringIO()
    with StageBar(Console(file=file)) as bar:
        for done in range(1, 5):
            bar("bound", done, 4)
    assert file.getvalue() == "bound 1/4\n"
