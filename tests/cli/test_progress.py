import io

from rich.console import Console

from pyro_seatbelt.cli.progress import CountBar


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
