"""Lightning's loggers by name."""

from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

from pyro_seatbelt.errors import InputError
from pyro_seatbelt.family import LoggerName
from pyro_seatbelt.training.config import TrainConfig
from pyro_seatbelt.training.fabric import Logger


class _Kind(NamedTuple):
    """Where a logger is, what it is made with, and what has to be installed for it."""

    module: str
    name: str
    options: Callable[[Path, int], dict[str, Any]]
    packages: str


LOGGERS: dict[LoggerName, _Kind] = {
    "tensorboard": _Kind(
        "lightning_fabric.loggers",
        "TensorBoardLogger",
        lambda folder, after: {
            "root_dir": folder,
            "name": "tensorboard",
            "version": "",
            "default_hp_metric": False,
            "purge_step": after + 1,
        },
        "pyro-seatbelt[tensorboard]",
    ),
    "csv": _Kind(
        "lightning_fabric.loggers",
        "CSVLogger",
        lambda folder, _: {"root_dir": folder, "name": "csv"},
        "pyro-seatbelt",
    ),
    "wandb": _Kind(
        "pytorch_lightning.loggers",
        "WandbLogger",
        lambda folder, _: {
            "save_dir": folder,
            "name": folder.name,
            "version": folder.name,
            "project": "seatbelt",
            "resume": "allow",
        },
        "pytorch-lightning wandb",
    ),
    "mlflow": _Kind(
        "pytorch_lightning.loggers",
        "MLFlowLogger",
        lambda folder, _: {"experiment_name": "seatbelt", "run_name": folder.name},
        "pytorch-lightning mlflow",
    ),
}
"""The loggers that a config can name; any other is given to :func:`~pyro_seatbelt.training.fit`."""


def make_loggers(config: TrainConfig, folder: Path, *, after: int = 0) -> list[Logger]:
    """Makes the loggers that a config names.

    Args:
        config: Names them.
        folder: Of the run: where those that write files do, and what the others call it.
        after: The step that the run goes on from.

    Returns:
        They, in order.

    Raises:
        InputError: If what one needs is not installed.

    Example:
        >>> import tempfile
        >>> config = TrainConfig(loggers="csv")
        >>> [type(each).__name__ for each in make_loggers(config, Path(tempfile.mkdtemp()))]
        ['CSVLogger']
    """
    names: Sequence[LoggerName] = config.loggers
    if config.tensorboard and "tensorboard" not in names:
        names = (*names, "tensorboard")
    return [_make(name, folder, after) for name in names]


def _make(name: LoggerName, folder: Path, after: int) -> Logger:
    kind = LOGGERS[name]
    try:
        logger: Logger = getattr(import_module(kind.module), kind.name)(
            **kind.options(folder, after)
        )
    except ImportError as error:
        raise InputError(
            f"loggers: what {name} needs is not installed: pip install '{kind.packages}'"
            if " " not in kind.packages
            else f"loggers: what {name} needs is not installed: pip install {kind.packages}"
        ) from error
    return logger
