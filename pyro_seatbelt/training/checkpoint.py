"""Weights and optimiser of a run at one step, on disk."""

import io
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor, nn

from pyro_seatbelt.documents import read_bytes
from pyro_seatbelt.errors import InputError
from pyro_seatbelt.files import (
    make_folder,
    remove_folder,
    remove_parts,
    sync,
    write_durably,
    writing,
)
from pyro_seatbelt.formats import from_json, to_json
from pyro_seatbelt.manifest import sha256
from pyro_seatbelt.training.layout import checkpoint_path, checkpoints
from pyro_seatbelt.training.optimizer_state import OptimizerState

FORMAT = 2
"""Number of the layout below. In the first one `state.pt` was the optimiser, as torch saves it."""

_WEIGHTS, _META = "weights.safetensors", "meta.json"
_TENSORS, _STATE = "optimizer.safetensors", "state.json"
_PICKLED = "state.pt"


class Checkpoint(NamedTuple):
    """What a checkpoint folder holds.

    Attributes:
        path: The folder.
        step: How many steps had been taken.
        weights: Parameters and buffers by name, `model.*` and `guide.*`.
        optimizer: State of the optimiser; None if it was not asked for or is not kept.
    """

    path: Path
    step: int
    weights: dict[str, Tensor]
    optimizer: OptimizerState | None

    def restore(
        self,
        modules: Mapping[str, nn.Module],
        optimizer: torch.optim.Optimizer | None = None,
    ) -> None:
        """Puts the state back.

        Args:
            modules: Modules by the prefix that they were saved with.
            optimizer: Optimiser of their parameters, if it is to go on; it has the settings that
                it was saved with.

        Raises:
            InputError: If the modules or the optimiser are not those that were saved.
        """
        for prefix, module in modules.items():
            weights = {
                name.removeprefix(f"{prefix}."): value
                for name, value in self.weights.items()
                if name.startswith(f"{prefix}.")
            }
            try:
                module.load_state_dict(weights)
            except RuntimeError as error:
                reason = " ".join(str(error).split())
                raise InputError(f"{self.path}: weights of another {prefix}: {reason}") from error
        if optimizer is not None:
            if self.optimizer is None:
                raise InputError(f"{self.path}: expected a checkpoint with its optimiser")
            try:
                self.optimizer.restore(optimizer)
            except ValueError as error:
                raise InputError(f"{self.path}: state of another optimiser: {error}") from error


class Newest(NamedTuple):
    """The newest good checkpoint of a run.

    Attributes:
        checkpoint: It; None if the run has none.
        damaged: Later ones, and what is wrong with them.
    """

    checkpoint: Checkpoint | None
    damaged: dict[Path, str]


def save_checkpoint(
    root: Path,
    step: int,
    modules: Mapping[str, nn.Module],
    optimizer: torch.optim.Optimizer,
    *,
    keep: int | None = None,
) -> Path:
    """Writes a checkpoint whole or not at all, and drops old ones.

    Random numbers need no saving: they depend on the seed and the step
    (:func:`pyro_seatbelt.training.randomness.seed_step`), and so does the schedule of the weights
    (:class:`pyro_seatbelt.training.schedules.LinearWarmup`).

    Args:
        root: Folder of the checkpoints.
        step: How many steps have been taken.
        modules: Modules by the prefix of their weights' names.
        optimizer: Optimiser of their parameters.
        keep: How many of the newest checkpoints stay; all of them by default.

    Returns:
        The folder `step-00001000` under `root`.

    Raises:
        InputError: If it cannot be written; earlier checkpoints are untouched.
        TypeError: If the optimiser remembers something else than tensors and numbers.
    """
    weights = {
        # contiguous copies: channels_last and tied tensors cannot be stored as they are
        f"{prefix}.{name}": value.detach().to(
            "cpu", memory_format=torch.contiguous_format, copy=True
        )
        for prefix, module in modules.items()
        for name, value in module.state_dict().items()
    }
    state = OptimizerState.from_state_dict(optimizer.state_dict())
    files = {
        _WEIGHTS: safetensors.torch.save(weights),
        _TENSORS: safetensors.torch.save(state.tensors()),
        _STATE: to_json({"step": step, "optimizer": state.to_plain()}).encode(),
    }
    sums = {name: sha256(content) for name, content in files.items()}
    meta = to_json({"step": step, "sha256": sums}, number=FORMAT)

    path = checkpoint_path(root, step)
    part = root / f".{path.name}.{os.getpid()}.part"
    aside = part.with_suffix(".old.part")
    with writing(path):
        make_folder(root)
        remove_parts(root)  # of a run that was cut off here
        part.mkdir()
        try:
            for name, content in {**files, _META: meta.encode()}.items():
                write_durably(part / name, content)
            sync(part)
            if path.exists():  # somebody's own loop saves a step twice
                path.rename(aside)
            part.rename(path)
            sync(root)
        finally:
            shutil.rmtree(part, ignore_errors=True)
            shutil.rmtree(aside, ignore_errors=True)
        if keep is not None:
            for old in checkpoints(root)[:-keep]:
                remove_folder(old)
    return path


def copy_checkpoint(path: Path, root: Path, *, optimizer: bool = True) -> Path:
    """Copies a checkpoint as it is, whole or not at all.

    Args:
        path: The folder of a good one.
        root: Folder of the checkpoints of another run.
        optimizer: Whether the optimiser's state goes with the weights: training goes on with it.

    Returns:
        The folder of the copy.

    Raises:
        InputError: If the original is damaged, or the copy cannot be written.
    """
    step = load_checkpoint(path, optimizer=optimizer).step
    if optimizer:
        files = {each.name: read_bytes(each) for each in sorted(path.iterdir()) if each.is_file()}
    else:
        weights = read_bytes(path / _WEIGHTS)
        meta = to_json({"step": step, "sha256": {_WEIGHTS: sha256(weights)}}, number=FORMAT)
        files = {_WEIGHTS: weights, _META: meta.encode()}
    copy = root / path.name
    part = root / f".{path.name}.{os.getpid()}.part"
    with writing(copy):
        make_folder(root)
        part.mkdir()
        try:
            for name, content in files.items():
                write_durably(part / name, content)
            sync(part)
            part.rename(copy)
            sync(root)
        finally:
            shutil.rmtree(part, ignore_errors=True)
    return copy


def load_checkpoint(path: Path, *, optimizer: bool = True) -> Checkpoint:
    """Reads a checkpoint and checks that it is the one that was written.

    Nothing in it is unpickled: it is safetensors and JSON. The optimiser's state of those that
    earlier versions wrote is read by torch's restricted loader.

    Args:
        path: Its folder.
        optimizer: Whether to read the optimiser's state, which only training goes on with.

    Returns:
        Its content, on the CPU.

    Raises:
        InputError: If a file is missing, damaged or of another format: names the file and the
            newest earlier checkpoint that is good.
    """
    try:
        return _read(path, optimizer=optimizer)
    except InputError as error:
        earlier = [each for each in checkpoints(path.parent) if each.name < path.name]
        good = next((each for each in reversed(earlier) if _is_good(each)), None)
        advice = f"resume the run to go on from {good.name}" if good else "no earlier one is good"
        raise InputError(f"{error}; {advice}") from error


def load_newest(root: Path) -> Newest:
    """Reads the newest checkpoint that is good.

    Args:
        root: Folder of the checkpoints.

    Returns:
        It, and the damaged ones after it.

    Raises:
        InputError: If there are some, and none is good.
    """
    damaged: dict[Path, str] = {}
    for path in reversed(checkpoints(root)):
        try:
            return Newest(_read(path, optimizer=True), damaged)
        except InputError as error:
            damaged[path] = str(error)
    if damaged:
        raise InputError(f"{next(iter(damaged.values()))}; no earlier one is good")
    return Newest(None, damaged)


def _read(path: Path, *, optimizer: bool) -> Checkpoint:
    meta_path = path / _META
    try:
        content = read_bytes(meta_path)
    except OSError as error:
        raise InputError(f"{meta_path}: cannot be read: {error.strerror}") from error
    meta = from_json(meta_path, content, newest=FORMAT)
    step, sums = meta.get("step"), meta.get("sha256")
    if type(step) is not int or not isinstance(sums, dict):
        raise InputError(f"{meta_path}: the file is damaged: it has no step or no hashes")
    if checkpoint_path(path.parent, step).name != path.name:
        raise InputError(f"{meta_path}: the file is damaged: it is of step {step}")
    weights = _tensors(path / _WEIGHTS, sums)
    state = None
    if optimizer and sums.keys() != {_WEIGHTS}:
        try:
            state = _pickled_state(path, sums) if _PICKLED in sums else _state(path, step, sums)
        except (KeyError, TypeError, ValueError) as error:
            if isinstance(error, InputError):
                raise
            raise InputError(f"{path}: the optimiser's state cannot be understood") from error
    return Checkpoint(path, step, weights, state)


def _state(path: Path, step: int, sums: Mapping[str, Any]) -> OptimizerState:
    plain = from_json(path / _STATE, _checked(path / _STATE, sums), newest=FORMAT)
    if plain["step"] != step:
        raise InputError(f"{path / _STATE}: expected step {step}, got {plain['step']}")
    return OptimizerState.from_plain(plain["optimizer"], _tensors(path / _TENSORS, sums))


def _pickled_state(path: Path, sums: Mapping[str, Any]) -> OptimizerState:
    """The optimiser's state in a checkpoint of format 1."""
    content = io.BytesIO(_checked(path / _PICKLED, sums))
    try:
        saved = torch.load(content, map_location="cpu", weights_only=True)
    except Exception as error:  # what the restricted loader raises depends on what is wrong
        raise InputError(f"{path / _PICKLED}: the file cannot be understood") from error
    return OptimizerState.from_state_dict(saved["optimizer"])


def _tensors(path: Path, sums: Mapping[str, Any]) -> dict[str, Tensor]:
    content = _checked(path, sums)
    try:
        return safetensors.torch.load(content)
    except (SafetensorError, KeyError, RuntimeError, ValueError) as error:
        raise InputError(f"{path}: the file cannot be understood") from error


def _checked(path: Path, sums: Mapping[str, Any]) -> bytes:
    try:
        content = read_bytes(path)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    if sha256(content) != sums.get(path.name):
        raise InputError(f"{path}: the file is damaged: its SHA-256 is not the one in {_META}")
    return content


def _is_good(path: Path) -> bool:
    try:
        _read(path, optimizer=True)
    except InputError:
        return False
    return True
