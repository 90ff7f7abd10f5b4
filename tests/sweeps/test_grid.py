from pathlib import Path

import pytest

import pyro_seatbelt
from pyro_seatbelt.errors import InputError
from pyro_seatbelt.runs import RobustnessOptions
from pyro_seatbelt.sweeps.grid import Grid, read_grid

EXAMPLES = Path(pyro_seatbelt.__file__).parent.parent / "examples"


def names(grid):
    return [job.name.rsplit("-", 1)[0] for job in grid.jobs()]


def test_every_combination_is_a_run(make_grid):
    jobs = read_grid(make_grid(model=["vae", "seatbelt"], latent_dim=[2, 3], seed=[0, 1, 2])).jobs()
    assert len(jobs) == len({job.name for job in jobs}) == 12
    assert {(job.config.model, job.config.latent_dim, job.config.seed) for job in jobs} == {
        (model, size, seed) for model in ("vae", "seatbelt") for size in (2, 3) for seed in range(3)
    }
    assert [len(job.attacks) for job in jobs] == [1] * 12
    assert all(job.evaluation is not None and job.evaluation.images == 4 for job in jobs)
    assert jobs[0].attacks[0].weights == (0.0, 1.0)


def test_robustness_is_measured_where_it_is_asked_for():
    assert [job.robustness for job in Grid().jobs()] == [None]
    assert [job.robustness for job in Grid(robustness=True).jobs()] == [RobustnessOptions()]
    [job] = Grid(robustness={"pairs": 3, "modes": ["w2"]}).jobs()
    assert job.robustness == RobustnessOptions(pairs=3, modes=("w2",))


def test_values_that_a_model_has_no_use_for_are_dropped_and_equal_runs_are_one():
    grid = Grid(grid={"model": ["vae", "beta-tcvae", "dlgm"], "layers": [1, 2], "beta": [1, 4]})
    assert names(grid) == [
        "synth-chairs-vae-L1-z10-s0",
        "synth-chairs-beta-tcvae-L1-z10-b1-s0",
        "synth-chairs-beta-tcvae-L1-z10-b4-s0",
        "synth-chairs-dlgm-L1-z10-s0",
        "synth-chairs-dlgm-L2-z10-s0",
    ]


def test_settings_of_every_run_are_dropped_likewise():
    grid = Grid(train={"layers": 3, "beta": 2}, grid={"model": ["vae", "seatbelt"]})
    assert names(grid) == ["synth-chairs-vae-L1-z10-s0", "synth-chairs-seatbelt-L3-z10-b2-s0"]


def test_without_lists_there_is_one_run():
    [job] = Grid(train={"model": "vae", "epochs": 2}).jobs()
    assert (job.config.epochs, job.config.steps, job.attacks) == (2, None, ())
    assert job.evaluation is not None


def test_lists_of_steps_overrule_epochs_of_every_run():
    jobs = Grid(train={"epochs": 2}, grid={"steps": [5, 6]}).jobs()
    assert [(job.config.steps, job.config.epochs) for job in jobs] == [(5, None), (6, None)]


def test_nothing_need_be_evaluated():
    assert Grid(evaluate=False).evaluate is None
    assert Grid(evaluate=True).evaluate == Grid().evaluate


def test_lambdas_are_a_series():
    [options] = Grid(attack=[{"lambdas": 2, "modes": ["w2"], "layers": ["z1", "z2"]}]).attack
    assert options.weights == (0.0, 2.0**-20, 2.0**20)
    assert (options.modes, options.layers) == (("w2",), ("z1", "z2"))


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.toml")), ids=lambda path: path.name)
def test_examples_are_grids(path):
    assert read_grid(path).jobs()


def test_a_grid_cannot_be_changed():
    with pytest.raises(ValueError, match="frozen"):
        Grid().train = {}


WRONG = {
    "no toml": ("beta = =", r"not a valid \.toml file"),
    "another part": ("[gird]\nseed = [1]", "unknown key 'gird': did you mean grid"),
    "no table": ("train = 3", "train: expected a valid dictionary, got 3"),
    "no list": ("[grid]\nseed = 3", r"grid\.seed: expected a list of one value or more, got 3"),
    "an empty list": ("[grid]\nseed = []", r"grid\.seed: expected a list of one value or more"),
    "a typo": ("[grid]\nmodle = ['vae']", "grid: unknown key 'modle': did you mean model"),
    "another typo": ("[train]\nsteeps = 3", "train: unknown key 'steeps': did you mean steps"),
    "a wrong value": ("[grid]\nbeta = [1, -1]", r"grid\.beta: expected >= 0, got -1"),
    "a wrong setting": ("[train]\nlayers = 0", r"train\.layers: expected >= 1, got 0"),
    "twice": ("[train]\nseed = 1\n[grid]\nseed = [1]", r"seed: expected it in \[train\] or in"),
    "two lengths": (
        "[grid]\nsteps = [1]\nepochs = [1]",
        "steps: expected steps or epochs, not both, got 1 steps and 1 epochs",
    ),
    "a setting of the machine": ("[grid]\ndevice = ['cpu', 'cuda']", r"put it into \[train\]"),
    "layers of flat models": (
        "[train]\nmodel = 'vae'\n[grid]\nlayers = [1, 2]",
        "layers: expected a model that has more than one layer, got vae: leave it out",
    ),
    "beta of none": (
        "[train]\nbeta = 4\n[grid]\nmodel = ['vae', 'dlgm']",
        "beta: expected a model that has a beta, got vae, dlgm: leave it out",
    ),
    "no such data": ("[train]\ndataset = 'sofas'", "expected a data set out of synth-chairs, "),
    "one attack": ("[attack]\npairs = 3", r"attack: expected tables, each headed \[\[attack\]\]"),
    "a typo in an attack": (
        "[[attack]]\npears = 3",
        "attack 1: unknown key 'pears': did you mean pairs",
    ),
    "no such mode": (
        "[[attack]]\nmodes = ['latnt']",
        "attack 1: expected a mode of latent",
    ),
    "one mode": (
        "[[attack]]\nmodes = 'latent'",
        r"attack 1\.modes: expected .*got 'latent'",
    ),
    "no number": ("[[attack]]\npairs = 'x'", r"attack 1\.pairs: expected a valid integer.*'x'"),
    "no pairs": ("[[attack]]\n[[attack]]\npairs = 0", "attack 2: expected one pair or more"),
    "no layers": ("[[attack]]\nlayers = 3", "layers: expected all, top, base or a list of sites"),
    "both series": ("[[attack]]\nlambdas = 3\nweights = [1.0]", "expected lambdas or weights"),
    "no series": (
        "[[attack]]\nlambdas = -1",
        "attack 1: expected 0 weights lambda or more",
    ),
    "no iterations": ("[[attack]]\nmax_iterations = 0", "attack 1: expected max_iterations"),
    "layers of outputs": (
        "[[attack]]\nmodes = ['output']\nlayers = 'top'",
        "attack 1: the output attack reads every layer",
    ),
    "a typo in the evaluation": (
        "[evaluate]\nimagse = 4",
        "evaluate: unknown key 'imagse': did you mean images",
    ),
    "no images": ("[evaluate]\nimages = 1", r"evaluate\.images: expected >= 2, got 1"),
    "no evaluation": ("evaluate = 3", "evaluate: expected a table, true or false, got 3"),
    "a typo in the robustness": (
        "[robustness]\npears = 4",
        "robustness: unknown key 'pears': did you mean pairs",
    ),
    "no robustness": ("robustness = 'yes'", "robustness: expected a table, true or false, got"),
    "one call's option of robustness": (
        "[robustness]\nforce = true",
        "robustness: unknown key 'force': it is no option of a robustness measurement",
    ),
    "one call's option": (
        "[[attack]]\nforce = true",
        "attack 1: unknown key 'force': it is no option of an attack",
    ),
    "no truth values": ("[grid]\nbeta = [true]", r"grid\.beta: expected no truth value, got True"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_said_in_one_line(case, tmp_path):
    content, message = WRONG[case]
    path = tmp_path / "grid.toml"
    path.write_text(content)
    with pytest.raises(InputError, match=message) as error:
        read_grid(path)
    assert str(error.value).startswith(f"{path}: ")
    assert "\n" not in str(error.value)


def test_whole_penalties_of_a_file_name_the_same_attack(tmp_path):
    path = tmp_path / "grid.toml"
    path.write_text("[[attack]]\nweights = [0, 1]")
    [options] = read_grid(path).attack
    assert repr(options.weights) == "(0.0, 1.0)"


def test_files_that_cannot_be_read_are_named(tmp_path):
    with pytest.raises(InputError, match=r"none\.toml: the grid cannot be read: No such file"):
        read_grid(tmp_path / "none.toml")
