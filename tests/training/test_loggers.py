import csv
import sys
from typing import get_args

import pytest
import torch
from lightning_fabric.loggers.logger import Logger
from pyro.infer import Trace_ELBO

from pyro_seatbelt.errors import InputError
from pyro_seatbelt.family import LoggerName
from pyro_seatbelt.training import TrainConfig, fit
from pyro_seatbelt.training.checkpoint import load_checkpoint
from pyro_seatbelt.training.loggers import LOGGERS, make_loggers

ALL = torch.arange(24)


class Remembers(Logger):
    name, version = "remembers", 0

    def __init__(self):
        self.settings, self.metrics, self.ended = None, [], None

    def log_hyperparams(self, params):
        self.settings = params

    def log_metrics(self, metrics, step=None):
        self.metrics.append((step, metrics))

    def finalize(self, status):
        self.ended = status


def test_a_logger_gets_the_numbers_and_the_settings(pair, images, config):
    logger = Remembers()
    fit(
        *pair,
        Trace_ELBO(),
        images,
        ALL,
        config,
        loggers=[logger],
        evaluate=lambda: {"elbo": -1.0, "kl": {"code": 2.0}},
    )
    assert logger.settings["batch_size"] == 8
    assert logger.ended == "success"
    steps = [step for step, _ in logger.metrics]
    assert steps == [1, 2, 4, 5, 6, 8, 10, 10]
    assert logger.metrics[-1] == (10, {"heldout/elbo": -1.0, "heldout/kl[code]": 2.0})
    assert "train/loss" in logger.metrics[0][1]


def test_a_logger_hears_that_training_failed(pair, images, config):
    logger = Remembers()

    def broken():
        raise OSError("no numbers")

    with pytest.raises(OSError, match="no numbers"):
        fit(*pair, Trace_ELBO(), images, ALL, config, loggers=[logger], evaluate=broken)
    assert logger.ended == "failed"


def test_every_name_is_a_logger():
    assert set(LOGGERS) == set(get_args(LoggerName))


def test_a_run_that_goes_on_keeps_the_csv_of_its_first_part(make_pair, images, config, tmp_path):
    config = config.model_copy(update={"loggers": ("csv",), "steps": 4})
    done = fit(*make_pair(), Trace_ELBO(), images, ALL, config, folder=tmp_path)
    more = config.model_copy(update={"steps": 8})
    checkpoint = load_checkpoint(done.checkpoint)
    fit(*make_pair(), Trace_ELBO(), images, ALL, more, folder=tmp_path, resume=checkpoint)
    steps = []
    for version in (0, 1):
        path = tmp_path / "csv" / f"version_{version}" / "metrics.csv"
        with path.open() as file:
            steps.append([int(row["step"]) for row in csv.DictReader(file)])
    assert steps == [[1, 2, 4], [6, 8]]


@pytest.mark.parametrize("name", ["wandb", "mlflow"])
def test_what_is_not_installed_is_named(name, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pytorch_lightning", None)
    with pytest.raises(InputError, match=f"pip install pytorch-lightning {name}"):
        make_loggers(TrainConfig(loggers=name), tmp_path)


def test_tensorboard_is_a_logger_once(tmp_path):
    pytest.importorskip("tensorboard")
    config = TrainConfig(tensorboard=True, loggers="tensorboard,csv")
    assert [type(each).__name__ for each in make_loggers(config, tmp_path)] == [
        "TensorBoardLogger",
        "CSVLogger",
    ]
