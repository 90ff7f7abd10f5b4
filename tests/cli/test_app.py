import os
import subprocess
import sys

import pytest

import pyro_seatbelt
from pyro_seatbelt.cli.app import COMMANDS

HEAVY = {"torch", "pyro", "numpy", "pandas", "scipy", "sklearn", "matplotlib", "pyarrow", "xarray"}


@pytest.mark.parametrize(
    ("arguments", "unused"),
    [
        (["--help"], HEAVY | {"pydantic", "pyro_seatbelt.options", "pyro_seatbelt.training"}),
        (["--version"], HEAVY | {"pydantic", "rich", "pyro_seatbelt.training"}),
        (["train", "--help"], HEAVY | {"pyro_seatbelt.sweeps"}),
        (["sweep", "--help"], HEAVY | {"pyro_seatbelt.training.loop"}),
        (["data", "--help"], HEAVY | {"pyro_seatbelt.options", "pyro_seatbelt.training"}),
        (["runs"], HEAVY),
        (["data", "list", "--json"], HEAVY - {"numpy"} | {"pyro_seatbelt.data.source"}),
        (["reproduce", "--list"], HEAVY | {"pyro_seatbelt.paper.items"}),
        (["sweep", "grid.toml", "--dry-run"], HEAVY - {"numpy"} | {"pyro_seatbelt.sweeps.sweep"}),
    ],
)
def test_a_command_imports_nothing_heavy_that_it_does_not_use(arguments, unused, tmp_path):
    (tmp_path / "runs").mkdir()
    (tmp_path / "grid.toml").write_text(
        '[grid]\nbeta = [1, 6]\n[[attack]]\nmodes = ["latent"]\n', encoding="utf-8"
    )
    program = (
        "import sys; from pyro_seatbelt.cli.app import app; "
        f"status = app({arguments}, standalone_mode=False); "
        f"sys.exit(status or ' '.join({unused} & set(sys.modules)) or 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, check=False, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_the_list_of_commands_says_what_they_say(command):
    assert command.load().get_short_help_str(200) == command.get_short_help_str(200)


def test_the_package_opens_its_rooms_when_asked():
    assert pyro_seatbelt.presets.build
    assert pyro_seatbelt.load_run
    assert "load_run" in dir(pyro_seatbelt)
    with pytest.raises(AttributeError, match="has no attribute 'nonsense'"):
        pyro_seatbelt.nonsense  # noqa: B018


@pytest.mark.parametrize("room", ["training", "runs", "sweeps", "paper"])
def test_rooms_have_what_they_name(room):
    package = __import__(f"pyro_seatbelt.{room}", fromlist=["x"])
    assert all(getattr(package, name) is not None for name in package.__all__)
    with pytest.raises(AttributeError, match="has no attribute 'nonsense'"):
        package.nonsense  # noqa: B018


def test_the_version_is_printed(seatbelt):
    result = seatbelt("--version")
    assert (result.exit_code, result.stdout) == (0, f"pyro-seatbelt {pyro_seatbelt.__version__}\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["tran"], "No such command 'tran'. Did you mean 'train'?"),
        (["train", "--btea", "3"], "No such option: --btea"),
        (["train", "--steps", "many"], "Invalid value for '--steps'"),
        (["data", "import", "chairs"], "Missing argument 'file'"),
    ],
)
def test_wrong_usage_is_one_line_and_status_2(arguments, message, seatbelt):
    result = seatbelt(*arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    [line] = result.stderr.splitlines()
    assert line.startswith(f"error: {message}")


@pytest.mark.parametrize("command", [["runs"], ["runs", "verify"], ["report"], ["evaluate"]])
def test_a_name_that_no_file_can_have_is_wrong_input(command, seatbelt):
    result = seatbelt(*command, "9" * 400)
    assert result.exit_code == 2
    [line] = result.stderr.splitlines()
    assert "longer than a file's name can be" in line


def test_a_variable_that_is_wrong_is_named_with_its_value(seatbelt):
    result = seatbelt("train", env={"SEATBELT_TRAIN_STEPS": "many"})
    assert result.exit_code == 2
    [line] = result.stderr.splitlines()
    assert line.startswith("error: SEATBELT_TRAIN_STEPS: ")
    assert line.endswith(", got 'many'")
    over = seatbelt("train", "--steps", "few", env={"SEATBELT_TRAIN_STEPS": "many"})
    assert over.stderr.startswith("error: Invalid value for '--steps'")


@pytest.mark.parametrize("arguments", [[], ["data"]])
def test_without_a_command_there_is_help(arguments, seatbelt):
    result = seatbelt(*arguments)
    assert result.exit_code == 2
    assert "Usage: seatbelt" in result.output
    assert "error" not in result.output


def test_it_runs_as_a_module():
    done = subprocess.run(
        [sys.executable, "-m", "pyro_seatbelt.cli", "--version"],
        check=True, capture_output=True, text=True, env={**os.environ},
    )  # fmt: skip
    assert done.stdout.startswith("pyro-seatbelt ")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full")  # noqa: PTH110
@pytest.mark.parametrize("arguments", [["data", "list"], ["--help"]])
def test_a_full_disk_under_the_output_is_one_line(arguments):
    with open("/dev/full", "w") as full:  # noqa: PTH123
        done = subprocess.run(
            [sys.executable, "-m", "pyro_seatbelt.cli", *arguments],
            check=False,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert done.returncode == 1
    assert "error: the output cannot be written: no space left" in done.stderr
    assert "Traceback" not in done.stderr
