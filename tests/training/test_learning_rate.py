import pytest
import torch

from pyro_seatbelt.errors import InputError
from pyro_seatbelt.runs import resume_run, train_run
from pyro_seatbelt.training.checkpoint import load_newest
from pyro_seatbelt.training.learning_rate import learning_rate


def test_a_cosine_is_that_of_torch():
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=7)
    for step in range(1, 8):
        [expected] = schedule.get_last_lr()
        assert learning_rate("cosine", 0.3, step=step, total=7) == pytest.approx(expected)
        optimizer.step()
        schedule.step()
    assert {learning_rate("constant", 0.3, step=step, total=7) for step in (1, 7)} == {0.3}


@pytest.mark.parametrize("factor", [1, 3])
def test_restarts_are_those_of_torch(factor):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingWarmRestarts(optimizer, T_0=4, T_mult=factor)
    for step in range(1, 40):
        [expected] = schedule.get_last_lr()
        rate = learning_rate("cosine-restarts", 0.3, step=step, total=9, period=4, factor=factor)
        assert rate == pytest.approx(expected)
        optimizer.step()
        schedule.step()


def test_a_cosine_run_that_was_stopped_goes_on_as_if_it_had_not(
    make_config, workplace, monkeypatch
):
    config = make_config(
        learning_rate_schedule="cosine", steps=4, checkpoint_every=1, keep_checkpoints=4,
        network="mlp",
    )  # fmt: skip
    whole = train_run(config, out=workplace / "whole").folder
    stopped = train_run(config, out=workplace / "stopped").folder
    for step in (3, 4):
        folder = stopped / "checkpoints" / f"step-{step:08d}"
        for path in folder.iterdir():
            path.unlink()
        folder.rmdir()
    lines = (stopped / "metrics.jsonl").read_text().splitlines(keepends=True)
    (stopped / "metrics.jsonl").write_text("".join(x for x in lines if '"step": 4' not in x))
    (stopped / "manifest.json").unlink()
    assert resume_run(stopped).num_steps == 2
    one, other = (load_newest(each / "checkpoints").checkpoint.weights for each in (whole, stopped))
    assert all(torch.equal(value, other[name]) for name, value in one.items())


def test_the_steps_of_a_cosine_are_its_length(make_config, workplace):
    run = train_run(
        make_config(learning_rate_schedule="cosine", steps=2, network="mlp"), out=workplace / "run"
    )
    with pytest.raises(InputError, match=r"steps: cannot change where the learning rate is a cos"):
        resume_run(run.folder, {"steps": 5})


def test_a_cosine_decides_the_weights(make_config, workplace):
    ends = [
        load_newest(
            train_run(
                make_config(learning_rate_schedule=schedule, network="mlp"),
                out=workplace / schedule,
            ).folder
            / "checkpoints"
        ).checkpoint.weights
        for schedule in ("constant", "cosine")
    ]
    assert not all(torch.equal(value, ends[1][name]) for name, value in ends[0].items())
