"""Weights and optimiser of a run at one step, on disk."""

import hashlib
import io
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor, nn

from pyro_seatbelt.documents import parse_json, read_text
from pyro_seatbelt.errors import InputError
from pyro_seatbelt.files import sync, write_durably, writing
from pyro_seatbelt.training.layout import checkpoint_path, checkpoints

FORMAT = 1
"""Number of the layout below; another one is refused."""

_WEIGHTS, _STATE, _META = "weights.safetensors", "state.pt", "meta.json"


class Checkpoint(NamedTuple):
    """What a checkpoint folder holds.

    Attributes:
        path: The folder.
        step: How many steps had been taken.
        weights: Parameters and buffers by name, `model.*` and `guide.*`.
        optimizer: State of the optimiser.
    """

    path: Path
    step: int
    weights: dict[str, Tensor]
    optimizer: dict[str, Any]

    def restore(
        self,
        modules: Mapping[str, nn.Module],
        optimizer: torch.optim.Optimizer | None = None,
    ) -> None:
        """Puts the state back.

        Args:
            modules: Modules by the prefix that they were saved with.
            optimizer: Optimiser of their parameters, if it is to go on.

        Raises:
            InputError: If the modules are not those that were saved.
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
            try:
                optimizer.load_state_dict(self.optimizer)
            except (KeyError, ValueError) as error:
                raise InputError(f"{self.path}: state of another optimiser: {error}") from error


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
    (:func:`pyro_seatbelt.training.randomness.seed_step`).

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
    """
    weights = {
        # contiguous copies: channels_last and tied tensors cannot be stored as they are
        f"{prefix}.{name}": value.detach().to(
            "cpu", memory_format=torch.contiguous_format, copy=True
        )
        for prefix, module in modules.items()
        for name, value in module.state_dict().items()
    }
    state = io.BytesIO()
    torch.save({"optimizer": optimizer.state_dict()}, state)
    files = {_WEIGHTS: safetensors.torch.save(weights), _STATE: state.getvalue()}
    sums = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    meta = json.dumps({"format": FORMAT, "step": step, "sha256": sums}, indent=2) + "\n"

    path = checkpoint_path(root, step)
    part = root / f".{path.name}.{os.getpid()}.part"
    aside = part.with_suffix(".old.part")
    with writing(path):
        root.mkdir(parents=True, exist_ok=True)
        for leftover in root.glob(".*.part"):  # of a run that was cut off here
            shutil.rmtree(leftover)
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
                shutil.rmtree(old)
    return path


def load_checkpoint(path: Path) -> Checkpoint:
    """Reads a checkpoint and checks that it is the one that was written.

    Nothing in it is unpickled: weights are safetensors, the optimiser's state
    is read by torch's restricted loader.

    Args:
        path: Its folder.

    Returns:
        Its content, on the CPU.

    Raises:
        InputError: If a file is missing, damaged or of another format: names the file and the
            newest earlier checkpoint that is good.
    """
    try:
        return _read(path)
    except InputError as error:
        good = next((each for each in reversed(_earlier(path)) if _is_good(each)), None)
        advice = f"remove {path} to go on from {good.name}" if good else "no earlier one is good"
        raise InputError(f"{error}; {advice}") from error


def _read(path: Path) -> Checkpoint:
    meta_path = path / _META
    try:
        meta = parse_json(read_text(meta_path))
        if meta["format"] != FORMAT:
            raise InputError(
                f"{meta_path}: expected checkpoint format {FORMAT}, got {meta['format']}"
            )
        step, sums = int(meta["step"]), dict(meta["sha256"])
    except OSError as error:
        raise InputError(f"{meta_path}: cannot be read: {error.strerror}") from error
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{meta_path}: the file is damaged") from error
    content = {name: _checked(path / name, sums.get(name)) for name in (_WEIGHTS, _STATE)}
    try:
        weights = safetensors.torch.load(content[_WEIGHTS])
        state = torch.load(io.BytesIO(content[_STATE]), map_location="cpu", weights_only=True)
        return Checkpoint(path, step, weights, state["optimizer"])
    except (SafetensorError, KeyError, RuntimeError, ValueError) as error:
        raise InputError(f"{path}: the checkpoint cannot be understood") from error


def _checked(path: Path, expected: str | None) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    if hashlib.sha256(content).hexdigest() != expected:
        raise InputError(f"{path}: the file is damaged: its SHA-256 is not the one in {_META}")
    return content


def _earlier(path: Path) -> list[Path]:
    return [each for each in checkpoints(path.parent) if each.name < path.name]


def _is_good(path: Path) -> bool:
    try:
        _read(path)
    except InputError:
        return False
    return True
