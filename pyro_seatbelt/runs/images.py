"""The images of a run: those that it learns from, and those held out."""

from pathlib import Path

from pyro_seatbelt.data import ImageDataset, Split, dataset_spec, load_dataset
from pyro_seatbelt.errors import InputError
from pyro_seatbelt.progress import Progress, silent
from pyro_seatbelt.runs.folder import RunRecord
from pyro_seatbelt.training.config import TrainConfig


def open_data(config: TrainConfig, progress: Progress = silent) -> tuple[ImageDataset, Split]:
    """Opens the data of a run and divides it as the run does.

    Args:
        config: The config of the run.
        progress: Is told how far the making of data is.

    Returns:
        The data set, and its training and held-out images.

    Raises:
        InputError: If the data are absent, damaged or too few.
    """
    total = dataset_spec(config.dataset).num_images
    if total is not None and config.batch_size > total:  # before they are drawn
        raise InputError(
            f"batch_size: expected at most the {total} images of {config.dataset}, got "
            f"{config.batch_size}: ask for smaller batches"
        )
    dataset = load_dataset(
        config.dataset, data_dir=config.data_dir, ids=config.ids, progress=progress
    )
    return dataset, dataset.split(holdout=config.holdout, seed=config.seed)


def open_same_data(
    path: Path, config: TrainConfig, record: RunRecord, progress: Progress = silent
) -> tuple[ImageDataset, Split]:
    """Opens the data of a run (:func:`open_data`) and sees that they are those it was trained on.

    Args:
        path: The folder of the run.
        config: Its config.
        record: What it says of itself.
        progress: Is told how far the making of data is.

    Returns:
        The data set, and its training and held-out images.

    Raises:
        InputError: If the data are absent, damaged or others.
    """
    dataset, split = open_data(config, progress)
    if dataset.fingerprint != record.fingerprint:
        raise InputError(
            f"{path}: the run was trained on other data than {config.dataset} holds now: "
            f"fingerprint {record.fingerprint[:12]}, got {dataset.fingerprint[:12]}"
        )
    return dataset, split
