"""The training of a run, in one process or as one of several."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, cast

import torch

from pyro_seatbelt import presets
from pyro_seatbelt.data import ImageDataset, ImageSource, Split
from pyro_seatbelt.errors import InputError
from pyro_seatbelt.family import PRESETS, WEIGHTS
from pyro_seatbelt.presets import TOO_LARGE, Family
from pyro_seatbelt.runs.folder import RunFolder
from pyro_seatbelt.runs.images import open_same_data
from pyro_seatbelt.training.checkpoint import load_checkpoint
from pyro_seatbelt.training.config import TrainConfig
from pyro_seatbelt.training.defended import defended
from pyro_seatbelt.training.device import launch, make_fabric
from pyro_seatbelt.training.divergence import TrainingDiverged
from pyro_seatbelt.training.fabric import Fabric
from pyro_seatbelt.training.layout import checkpoint_path
from pyro_seatbelt.training.loop import Outcome, fit
from pyro_seatbelt.training.randomness import derive_seed
from pyro_seatbelt.training.schedules import LinearWarmup


class Orders(NamedTuple):
    """What the first of several processes tells the others to do with it.

    Attributes:
        folder: Of the run, where they read the data's fingerprint.
        config: As JSON.
        step: Of the checkpoint to go on from; None for a new run.
    """

    folder: str
    config: str
    step: int | None


def started(config: TrainConfig) -> Fabric:
    """Makes the Fabric of a config and starts its processes.

    Args:
        config: Says how many, and where.

    Raises:
        InputError: If a device is not there, or something else started another number of them.
    """
    fabric = make_fabric(
        config.device, config.precision, devices=config.devices, num_nodes=config.num_nodes
    )
    if config.num_processes > 1:
        launch(fabric)
    return fabric


@contextmanager
def leading(fabric: Fabric) -> Iterator[Callable[[Orders], None]]:
    """While open, this is the first process, and the others wait for their orders.

    Args:
        fabric: Launched.

    Yields:
        What sends them. Where that has not happened, the others are sent home.
    """
    sent = False

    def send(orders: Orders) -> None:
        nonlocal sent
        sent = True
        fabric.broadcast(orders)

    try:
        yield send
    finally:
        if not sent:
            fabric.broadcast(None)


def follow(fabric: Fabric) -> tuple[RunFolder, Outcome]:
    """Takes part in the training that the first process leads; writes nothing.

    Args:
        fabric: Launched.

    Returns:
        The run, and how training ended, once the first process has written everything.

    Raises:
        SystemExit: If there is nothing to take part in, or training broke: the first process says
            why.
        InputError: If the data cannot be opened here.
    """
    orders: Orders | None = fabric.broadcast(cast("Orders | None", None))
    if orders is None:
        raise SystemExit(0)
    folder, config = RunFolder(Path(orders.folder)), TrainConfig.model_validate_json(orders.config)
    dataset, split = open_same_data(folder.path, config, folder.read_record())
    family = fresh_family(config, dataset, split)
    resume = None
    if orders.step is not None:
        resume = load_checkpoint(checkpoint_path(folder.checkpoints, orders.step))
    try:
        outcome = fit_family(family, dataset.images, split, config, fabric, resume=resume)
    except TrainingDiverged as error:
        raise SystemExit(0) from error
    fabric.barrier()
    return folder, outcome


def fit_family(
    family: Family,
    images: ImageSource,
    split: Split,
    config: TrainConfig,
    fabric: Fabric,
    **options: Any,
) -> Outcome:
    """Trains a member of the family as its config says.

    Args:
        family: The pair and its objective.
        images: All images.
        split: Which of them to train on.
        config: What to train.
        fabric: The device, or this process's one.
        options: Of :func:`~pyro_seatbelt.training.loop.fit`.

    Raises:
        InputError: If something that the user gave cannot be used, memory included.
        TrainingDiverged: If a loss or a gradient is not finite, or a loss is absurdly large.
    """
    with within_memory():
        return fit(
            family.model,
            family.guide,
            defended(family.objective, config),
            images,
            split.train,
            config,
            schedule=LinearWarmup(
                family.objective, config.warmup_steps, names=warmed_weights(config)
            ),
            fabric=fabric,
            **options,
        )


def fresh_family(config: TrainConfig, dataset: ImageDataset, split: Split) -> Family:
    """Builds the pair of a config with the weights of its seed.

    Args:
        config: What to build.
        dataset: The images that it is for.
        split: Which of them it is trained on.

    Raises:
        InputError: If it cannot be built, or is too large for this machine.
    """
    with torch.random.fork_rng(devices=[]), within_memory():
        torch.default_generator.manual_seed(derive_seed(config.seed, 2))
        return presets.from_config(config, dataset.image_shape, len(split.train))


def warmed_weights(config: TrainConfig) -> tuple[str, ...]:
    """Names the weights of the objective that rise during warm-up.

    Those that beta multiplies: the total correlation alone, as Chen et al. do
    it, or all three for beta-VAE. In models without beta, again all three: the
    ordinary warm-up of the KL, of the top layer, or of every layer as Sønderby et al. do it.

    Args:
        config: The config of the run.

    Returns:
        Attributes of the objective.

    Example:
        >>> warmed_weights(TrainConfig(model="seatbelt")), warmed_weights(TrainConfig(model="dlgm"))
        (('beta',), ('alpha', 'beta', 'gamma'))
    """
    preset = PRESETS[config.model]
    return (*(preset.weighted or WEIGHTS), *(["lower"] if preset.warms_all else []))


@contextmanager
def within_memory() -> Iterator[None]:
    """What a user asked for and no machine like this one can hold is the user's to change."""
    try:
        yield
    except RuntimeError as error:
        if not isinstance(error, torch.OutOfMemoryError) and "allocate memory" not in str(error):
            raise
        raise InputError(TOO_LARGE) from error
