"""Runs on the Hugging Face Hub: what goes up, and what is believed of what comes down."""

import re
import shutil
import tempfile
from pathlib import Path
from typing import Any

from pyro_seatbelt.data import data_root
from pyro_seatbelt.documents import read_bytes
from pyro_seatbelt.errors import InputError
from pyro_seatbelt.files import make_folder, write_atomically, writing
from pyro_seatbelt.lazy import needed
from pyro_seatbelt.manifest import NAME, read_checked, read_manifest, write_manifest
from pyro_seatbelt.training.checkpoint import copy_checkpoint
from pyro_seatbelt.training.config import TrainConfig
from pyro_seatbelt.training.layout import checkpoint_path

SCHEME = "hf://"
"""What the address of a run on the hub begins with."""

_RECORDS = ("config.json", "run.json")
_CHECKPOINT = "checkpoints/step-[0-9]*/{}"
_PATTERNS = (NAME, *_RECORDS, *map(_CHECKPOINT.format, ("meta.json", "weights.safetensors")))
_REPOSITORY = r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*"

_CARD = """---
library_name: pyro-seatbelt
tags: [pyro, variational-autoencoder, {model}]
---

A `{model}` of {layers} on `{dataset}`, trained for {step} steps with pyro-seatbelt.

```python
from pyro_seatbelt import load_run

run = load_run("{address}")
latents = run.transform(images)  # pixels in [0, 1], shape (n, C, H, W)
```
"""


def push_run(path: Path, config: TrainConfig, step: int, name: str, *, private: bool) -> str:
    """Puts a run on the hub.

    Args:
        path: Its folder.
        config: Its config.
        step: Step of the checkpoint that goes up.
        name: `owner/name` of the repository.
        private: Whether a new repository is private.

    Returns:
        The address of the run.

    Raises:
        InputError: When the name is none, a file is damaged or the hub does not take it.
        ModuleNotFoundError: When `huggingface_hub` is not installed.
    """
    if not re.fullmatch(_REPOSITORY, name):
        raise InputError(f"expected the name of a repository, owner/name, got {name!r}")
    hub = _hub()
    address = SCHEME + name
    with tempfile.TemporaryDirectory() as place:
        stage = Path(place)
        for each in _RECORDS:
            write_atomically(stage / each, read_checked(path / each, path))
        source = checkpoint_path(path / "checkpoints", step)
        copy = copy_checkpoint(source, stage / "checkpoints", optimizer=False)
        write_manifest(stage, [*(stage / each for each in _RECORDS), *copy.iterdir()])
        layers = config.settled().layers or 1
        card = _CARD.format(
            model=config.model,
            layers=f"{layers} latent layer{'s' if layers > 1 else ''}",
            dataset=config.dataset,
            step=step,
            address=address,
        )
        write_atomically(stage / "README.md", card)
        try:
            api = hub.HfApi()
            api.create_repo(name, private=private, exist_ok=True)
            api.upload_folder(repo_id=name, folder_path=stage, commit_message=f"Step {step}")
        except (hub.errors.HfHubHTTPError, OSError, ValueError) as error:
            raise InputError(f"{address}: the hub does not take it: {_line(error)}") from error
    return address


def fetch_run(address: str) -> Path:
    """Downloads a run, unless its revision is here, and sees that it is what its manifest lists.

    Args:
        address: ``hf://owner/name`` or ``hf://owner/name@revision``.

    Returns:
        Its folder, below ``$SEATBELT_DATA/hub`` or the user's cache.

    Raises:
        InputError: When there is no such run, or a file of it is missing, not listed or another
            one than listed.
        ModuleNotFoundError: When `huggingface_hub` is not installed.
    """
    found = re.fullmatch(rf"{SCHEME}({_REPOSITORY})(?:@([\w./-]+))?", address)
    if found is None:
        raise InputError(f"expected hf://owner/name or hf://owner/name@revision, got {address!r}")
    name, revision = found.groups()
    hub = _hub()
    try:
        snapshot = Path(
            hub.snapshot_download(name, revision=revision, allow_patterns=list(_PATTERNS))
        )
    except (hub.errors.HfHubHTTPError, OSError, ValueError) as error:
        raise InputError(f"{address}: the run cannot be downloaded: {_line(error)}") from error
    home = data_root() / "hub" / f"{name.replace('/', '--')}--{snapshot.name}"
    if not home.exists():
        _copy_checked(address, snapshot, home)
    return home


def _copy_checked(address: str, snapshot: Path, home: Path) -> None:
    """Copies the files of a run that its manifest lists, whole or not at all; no links."""
    listed = read_manifest(snapshot) or {}
    there = sorted(path for pattern in _PATTERNS for path in snapshot.glob(pattern))
    files = {path.relative_to(snapshot).as_posix(): path for path in there}
    files.pop(NAME, None)
    odd = sorted({*files, *listed, *_RECORDS} - (files.keys() & listed.keys()))
    if odd:
        raise InputError(
            f"{address}: expected a run whose manifest lists its files, {odd[0]} is not listed, "
            "or listed and not there"
        )
    with writing(home):
        make_folder(home.parent)
        part = Path(tempfile.mkdtemp(dir=home.parent, suffix=".part"))
        try:
            for relative, path in files.items():
                content = read_checked(path, snapshot)
                make_folder((part / relative).parent)
                write_atomically(part / relative, content)
            write_atomically(part / NAME, read_bytes(snapshot / NAME))
            part.rename(home)
        finally:
            shutil.rmtree(part, ignore_errors=True)


def _hub() -> Any:
    with needed("the hub", extra="hub"):
        import huggingface_hub  # noqa: PLC0415 - an extra
        import huggingface_hub.errors  # noqa: PLC0415

    return huggingface_hub


def _line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
