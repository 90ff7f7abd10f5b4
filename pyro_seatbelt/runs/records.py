"""What an attack leaves on disk, group by group."""

import json
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
import safetensors
import safetensors.numpy
from numpy.typing import NDArray

from pyro_seatbelt.errors import InputError
from pyro_seatbelt.files import make_folder, write_atomically, writing
from pyro_seatbelt.formats import from_json, to_json
from pyro_seatbelt.manifest import (
    read_checked,
    read_manifest,
    remove_manifest,
    sha256,
    write_manifest,
)
from pyro_seatbelt.runs.folder import table_file
from pyro_seatbelt.runs.misfit import misfit
from pyro_seatbelt.runs.parquet import read_parquet, to_parquet

if TYPE_CHECKING:  # what is on disk is read without torch
    from torch import Tensor

    from pyro_seatbelt.attacks.result import AttackResult

IMAGES = ("adversarial", "distortion", "reconstruction")
"""The fields of :class:`AttackResult` that are kept as images."""


class Findings(NamedTuple):
    """A finished attack.

    Attributes:
        table: A row for each of P problems (:meth:`AttackResult.columns`), with what is known of
            its pair.
        images: `adversarial`, `distortion` and, with a model, `reconstruction` (of the
            adversarial input), each of shape `(P, *image)`, in the order of the rows.
        pairs: `input`, `target` and, with a model, `input_reconstruction` and
            `target_reconstruction`, each of shape `(B, *image)`; without a target those of the
            input alone.
    """

    table: pd.DataFrame
    images: dict[str, NDArray[Any]]
    pairs: dict[str, NDArray[Any]]


class AttackRecords:
    """The folder of one attack: its arguments, a part for each group, and one table at the end.

    Every file appears whole or not at all, and a group counts as finished when the manifest of
    the parts lists its table. With the merged table the attack is finished, and the parts are
    gone; the manifest comes last.

    Args:
        path: The folder.

    Example:
        >>> AttackRecords(Path("attacks/latent")).table.name
        'table.parquet'
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def table(self) -> Path:
        """The scalars of every problem."""
        return table_file(self.path)

    @property
    def images(self) -> Path:
        """The adversarial inputs, distortions and reconstructions of every problem."""
        return self.path / "images.safetensors"

    @property
    def pairs(self) -> Path:
        """The inputs, the targets and their reconstructions."""
        return self.path / "pairs.safetensors"

    @property
    def arguments(self) -> Path:
        """What decided the numbers, and what else is worth knowing."""
        return self.path / "arguments.json"

    @property
    def groups(self) -> Path:
        """Folder of the parts."""
        return self.path / "groups"

    @property
    def finished(self) -> bool:
        """Whether every problem is there."""
        return self.table.is_file()

    def open(self, arguments: Mapping[str, Any], about: Mapping[str, Any]) -> None:
        """Makes the folder, or sees that it belongs to the same attack.

        Args:
            arguments: What decides the numbers.
            about: What else is worth knowing: versions, time.

        Raises:
            InputError: If another attack is there or the folder cannot be written.
        """
        path = self.arguments
        wanted = json.loads(json.dumps(arguments, default=str))
        if path.is_file():
            found, _ = self.known()
            if found != wanted:
                names = sorted({*found, *wanted})
                different = [name for name in names if found.get(name) != wanted.get(name)]
                raise InputError(
                    f"{self.path}: an attack with other arguments is here ({', '.join(different)}"
                    "): choose another folder"
                )
        else:
            with writing(self.path):
                make_folder(self.path)
            self._free()
            write_atomically(path, to_json({"arguments": wanted, **about}))

    def about(self) -> dict[str, Any]:
        """Reads what was written down beside the arguments.

        Raises:
            InputError: If the file is absent or damaged.
        """
        _, about = self.known()
        return about

    def known(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Reads the arguments, and what was written down beside them.

        Raises:
            InputError: If the file is absent or damaged.
        """
        path = self.arguments
        try:
            content = from_json(path, read_checked(path))
        except OSError as error:
            raise InputError(f"{path}: cannot be read: {error.strerror}") from error
        except InputError as error:
            raise InputError(f"{error}: remove {self.path}") from error
        arguments = content.pop("arguments", None)
        if not isinstance(arguments, dict):
            raise InputError(f"{path}: the file is damaged: remove {self.path}")
        return arguments, content

    def prepare(self) -> None:
        """Makes room for the parts, and removes what a killed process was writing.

        Raises:
            InputError: If the folder cannot be written.
        """
        with writing(self.groups):
            for part in [*self.path.glob(".*.part"), *self.groups.glob(".*.part")]:
                part.unlink()
            if self.finished:
                shutil.rmtree(self.groups, ignore_errors=True)
                return
            make_folder(self.groups)
            if read_manifest(self.groups) is None:  # it was begun by an earlier version
                write_manifest(self.groups, self.groups.glob("group-*"))

    def reset(self) -> None:
        """Forgets what has been found.

        Raises:
            InputError: If it cannot be removed.
        """
        remove_manifest(self.path)
        with writing(self.path):
            self.table.unlink(missing_ok=True)
            self.images.unlink(missing_ok=True)
            self.pairs.unlink(missing_ok=True)
            if self.groups.is_dir():
                shutil.rmtree(self.groups)

    def add(self, group: int, result: "AttackResult") -> None:
        """Writes the outcome of a group.

        Args:
            group: Its number.
            result: Its outcome.

        Raises:
            InputError: If it cannot be written.
        """
        from safetensors.torch import save  # noqa: PLC0415

        kept = {
            name: images.contiguous()
            for name in IMAGES
            if (images := getattr(result, name)) is not None
        }
        table = to_parquet(pd.DataFrame(result.columns()))
        files = {
            self._part(group, "safetensors"): save(kept),
            self._part(group, "parquet"): table,
        }
        sums = _write_all(files)
        # last, because it says that the group is finished
        write_manifest(self.groups, known=(read_manifest(self.groups) or {}) | sums)

    def finished_groups(self, groups: Iterable[int]) -> set[int]:
        """Which of some groups are there.

        Raises:
            InputError: If the manifest of the parts is damaged.
        """
        listed = read_manifest(self.groups) or {}
        tables = {group: self._part(group, "parquet") for group in groups}
        return {group for group, path in tables.items() if path.name in listed and path.is_file()}

    def merge(
        self, groups: Iterable[int], columns: pd.DataFrame, pairs: "Mapping[str, Tensor]"
    ) -> None:
        """Puts the parts of all groups together.

        Args:
            groups: Their numbers, in order.
            columns: More columns: a row for each pair, by the pair's number.
            pairs: Images of every pair by name, each of shape `(B, *image)`.

        Raises:
            InputError: If a part is damaged or the disk does not take the result.
        """
        from safetensors.torch import save  # noqa: PLC0415

        tables, images = [], []
        for group in groups:
            tables.append(read_parquet(self._part(group, "parquet"), remedy=_REMEDY))
            images.append(_read_images(self._part(group, "safetensors")))
        table = pd.concat(tables, ignore_index=True).join(columns, on="pair")
        together = {name: np.concatenate([part[name] for part in images]) for name in images[0]}
        ends = {name: each.cpu().contiguous() for name, each in pairs.items()}
        files = {
            self.pairs: save(ends),
            self.images: safetensors.numpy.save(together),
            # last, because it says that all is there
            self.table: to_parquet(table),
        }
        write_manifest(self.path, [self.arguments], known=_write_all(files))
        shutil.rmtree(self.groups, ignore_errors=True)

    def read(self) -> Findings:
        """Reads the finished attack, and sees that its files fit each other.

        Raises:
            InputError: If a file is absent or damaged, or one does not fit another.
        """
        found = Findings(self.read_table(), _read_images(self.images), _read_images(self.pairs))
        if problem := misfit(*found):
            raise InputError(f"{self.path}: {problem}: {_REMEDY}")
        return found

    def read_table(self) -> pd.DataFrame:
        """Reads the scalars of a finished attack alone.

        Raises:
            InputError: If the file is absent or damaged.
        """
        return read_parquet(self.table, remedy=_REMEDY)

    def _part(self, group: int, kind: str) -> Path:
        return self.groups / f"group-{group:05d}.{kind}"

    def _free(self) -> None:
        if any(not path.name.endswith(".part") for path in self.path.iterdir()):
            raise InputError(f"{self.path}: expected an absent or empty folder for the attack")


def _write_all(files: Mapping[Path, bytes]) -> dict[str, str]:
    """Writes files in order, and returns their hashes by name."""
    for path, content in files.items():
        write_atomically(path, content)
    return {path.name: sha256(content) for path, content in files.items()}


_REMEDY = "--force makes the attack again"


def _read_images(path: Path) -> dict[str, NDArray[Any]]:
    try:
        return safetensors.numpy.load(read_checked(path))
    except (OSError, ValueError, safetensors.SafetensorError) as error:
        raise InputError(f"{path}: the file is absent or damaged: {_REMEDY}") from error
