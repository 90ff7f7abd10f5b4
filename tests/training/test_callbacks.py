import math

import pytest
import torch
from pyro.infer import Trace_ELBO

from pyro_seatbelt.errors import InputError
from pyro_seatbelt.training import fit
from pyro_seatbelt.training.callbacks import EarlyStopping
from pyro_seatbelt.training.checkpoint import load_checkpoint
from pyro_seatbelt.training.metrics import read_metrics

ALL = torch.arange(24)


def test_a_callback_hears_of_every_step_and_every_evaluation(pair, images, config):
    heard = []
    fit(
        *pair,
        Trace_ELBO(),
        images,
        ALL,
        config.model_copy(update={"steps": 5}),
        evaluate=lambda: {"elbo": 1.0},
        callbacks=[lambda *news: heard.append(news)],
    )
    assert [(step, kind) for step, kind, _ in heard] == [
        *((step, "train") for step in range(1, 6)),
        (5, "heldout"),
    ]
    assert heard[-1][2] == {"elbo": 1.0}
    assert ["loss" in metrics for _, _, metrics in heard[:5]] == [True, True, False, True, True]


def test_a_callback_can_end_a_run(pair, images, config, tmp_path):
    outcome = fit(
        *pair,
        Trace_ELBO(),
        images,
        ALL,
        config,
        folder=tmp_path,
        evaluate=lambda: {"elbo": 1.0},
        callbacks=[lambda step, kind, metrics: step == 4],
    )
    assert (outcome.step, outcome.interrupted) == (4, False)
    assert load_checkpoint(outcome.checkpoint).step == 4
    last = read_metrics(tmp_path / "metrics.jsonl")[-1]
    assert (last["step"], last["kind"]) == (4, "heldout")


@pytest.mark.parametrize(
    ("elbos", "stops"),
    [
        ([-9, -8, -7, -6], None),
        ([-9, -9, -9, -1], 2),
        ([-9, -10, -8, -8, -8], 4),
        ([-9, None, math.nan], 2),
        ([None, None, None], 1),
    ],
)
def test_patience_counts_evaluations_without_an_improvement(elbos, stops):
    stop = EarlyStopping(2)
    asked = [stop(step, "heldout", {"elbo": elbo}) for step, elbo in enumerate(elbos)]
    assert (asked.index(True) if True in asked else None) == stops


def test_patience_without_evaluations_is_refused(pair, images, config):
    with pytest.raises(InputError, match="patience: there are no held-out numbers"):
        fit(*pair, Trace_ELBO(), images, ALL, config.model_copy(update={"patience": 2}))


def test_a_run_that_stopped_early_stays_stopped_until_it_has_more_patience(
    make_pair, images, config, tmp_path
):
    config = config.model_copy(update={"steps": 12, "eval_every": 2, "patience": 2})
    evaluations = iter([-5.0, -4.0, -6.0, -4.5, -3.0, -2.0])

    def run(config, resume=None):
        return fit(
            *make_pair(), Trace_ELBO(), images, ALL, config, folder=tmp_path, resume=resume,
            evaluate=lambda: {"elbo": next(evaluations)},
        )  # fmt: skip

    first = run(config)
    assert (first.step, first.interrupted) == (8, False)
    checkpoint = load_checkpoint(first.checkpoint)
    assert checkpoint.step == 8
    assert run(config, checkpoint) == first
    more = run(config.model_copy(update={"patience": 3}), checkpoint)
    assert more.step == 12


def test_patience_needs_an_elbo(pair, images, config):
    config = config.model_copy(update={"patience": 1})
    with pytest.raises(ValueError, match="patience: expected evaluations with an elbo"):
        fit(*pair, Trace_ELBO(), images, ALL, config, evaluate=lambda: {"mse": 1.0})
