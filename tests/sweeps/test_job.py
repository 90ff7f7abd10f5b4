import json

import pytest

from pyro_seatbelt.errors import InputError
from pyro_seatbelt.runs import AttackOptions, EvaluateOptions, RobustnessOptions
from pyro_seatbelt.sweeps import Job, job_for, merge_jobs
from pyro_seatbelt.sweeps.grid import read_grid
from pyro_seatbelt.training import TrainConfig

pytestmark = pytest.mark.usefixtures("blank_figures")


@pytest.fixture
def job(make_grid):
    [job] = read_grid(make_grid(seed=[0])).jobs()
    return job


def test_the_name_depends_on_what_decides_the_weights_alone():
    config = TrainConfig(model="beta-tcvae", beta=4, seed=3)
    name = job_for(config).name
    assert name.startswith("synth-chairs-beta-tcvae-L1-z10-b4-s3-")
    same = {"device": "cpu", "eval_every": 5, "keep_checkpoints": 1, "layers": 1, "steps": 20_000}
    for field, value in same.items():
        assert job_for(config.model_copy(update={field: value})).name == name
    other = {"learning_rate": 0.1, "steps": 5, "batch_size": 4, "ids": 2, "free_bits": 0.1}
    names = {job_for(config.model_copy(update={field: other[field]})).name for field in other}
    assert len(names | {name}) == len(other) + 1
    attacked = job_for(config, [AttackOptions()], EvaluateOptions())
    assert attacked.name == name


def test_names_are_names_of_folders():
    assert "/" not in job_for(TrainConfig(dataset="../x y")).name


def test_a_model_that_cannot_be_has_no_job():
    with pytest.raises(InputError, match="vae has one latent layer, got layers=2"):
        job_for(TrainConfig(model="vae", layers=2))


def test_jobs_of_one_run_become_one():
    config, other = TrainConfig(model="vae"), TrainConfig(model="vae", seed=1)
    first, second = AttackOptions(modes=["latent"]), AttackOptions(modes=["w2"], force=True)
    evaluation = EvaluateOptions(images=7, force=True)
    merged = merge_jobs(
        [
            job_for(config, [first, first]),
            job_for(other, [second]),
            job_for(config, [second], evaluation),
            job_for(config),
        ]
    )
    assert [job.config.seed for job in merged] == [0, 1]
    assert [options.modes for options in merged[0].attacks] == [("latent",), ("w2",)]
    assert not any(options.force for options in merged[0].attacks)
    assert merged[0].evaluation == evaluation.model_copy(update={"force": False})
    assert merged[1].evaluation is None


def test_a_run_has_one_evaluation():
    jobs = [job_for(TrainConfig(), [], EvaluateOptions(images=n)) for n in (5, 6)]
    with pytest.raises(InputError, match=r"expected one evaluation of a run, got .*images=5"):
        merge_jobs(jobs)


def test_a_run_has_one_measurement_of_its_robustness():
    jobs = [job_for(TrainConfig(), robustness=RobustnessOptions(pairs=n)) for n in (5, 6)]
    with pytest.raises(InputError, match=r"expected one measurement of robustness of a run, got"):
        merge_jobs(jobs)
    forced = job_for(TrainConfig(), robustness=RobustnessOptions(pairs=5, force=True))
    [merged] = merge_jobs([job_for(TrainConfig()), forced, jobs[0]])
    assert merged.robustness == RobustnessOptions(pairs=5)


def test_a_job_is_plain_for_json(job):
    plain = json.loads(json.dumps(job.plain()))
    assert plain["name"] == job.name
    assert TrainConfig(**plain["config"]) == job.config
    assert plain["attacks"][0]["weights"] == [0.0, 1.0]
    assert plain["evaluation"]["images"] == 4
    assert "force" not in plain["evaluation"]
    assert Job("x", TrainConfig()).plain()["evaluation"] is None
