"""A trained run with defences at inference: a run of its own, with the same weights."""

import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from pyro_seatbelt.errors import InputError
from pyro_seatbelt.files import sync, write_atomically, writing
from pyro_seatbelt.runs.folder import RunFolder, check_free, new_folder, runs_root
from pyro_seatbelt.training.checkpoint import copy_checkpoint
from pyro_seatbelt.training.config import TrainConfig
from pyro_seatbelt.training.layout import checkpoints


def defend_run(
    path: Path,
    changes: Mapping[str, Any],
    *,
    out: Path | None = None,
    root: Path | None = None,
) -> Path:
    """Makes a run that resists from a trained one, which stays as it is.

    The new folder has the config with the defence in it, the record, the numbers of training and
    the newest checkpoint, byte for byte. It is attacked, measured and resumed like any other:
    training goes on without the defence, as that of the first run would. Its figures are not
    copied, because they show what the pair makes of images without a defence.

    Args:
        path: The folder of the trained run.
        changes: The fields of the config's group Inference, such as `smoothing`.
        out: The folder itself, absent or empty.
        root: Folder in which to make one, by default ``$SEATBELT_RUNS`` or `runs`.

    Returns:
        The new folder.

    Raises:
        InputError: If there is no trained run that has stopped, something in it is damaged,
            a value is out of its bounds, no defence is asked for, or the folder is not free.
    """
    source = RunFolder(path)
    config, record = (
        TrainConfig.merge(source.read_config().model_dump(), changes),
        source.read_record(),
    )
    if source.status(record) == "running":
        raise InputError(f"{path}: the run is still being trained: wait for it, or stop it")
    if not config.smoothing and not config.mcmc_steps:
        raise InputError("expected a defence, got none: give --smoothing or --mcmc-steps above 0")
    saved = checkpoints(source.checkpoints)
    if not saved:
        raise InputError(f"{path}: the run has no checkpoint yet")
    numbers = source.content(source.metrics) if source.metrics.exists() else None
    if record.status == "running":  # killed before it could say so
        record = record.model_copy(update={"status": "interrupted"})
    folder = new_folder(config, out=out, root=root or runs_root())
    # made beside and renamed, so that the run is whole or not there, and where no run is looked for
    beside = folder.path.with_name(f".{folder.path.name}.part")
    part = RunFolder(beside / "run")
    with folder.locked(), writing(folder.path):
        check_free(folder.path)  # another process may have been faster
        shutil.rmtree(beside, ignore_errors=True)  # of a killed process
        try:
            copy_checkpoint(saved[-1], part.checkpoints)
            if numbers is not None:
                write_atomically(part.metrics, numbers)
            part.write_record(record, config)
            folder.discard()
            part.path.rename(folder.path)
            sync(folder.path.parent)
        except BaseException:
            with suppress(OSError):  # the folder was empty, or is whole
                folder.path.rmdir()
            raise
        finally:
            shutil.rmtree(beside, ignore_errors=True)
    return folder.path
