"""What this machine keeps of the data sets: made, fetched, checked and listed by name."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pyro_seatbelt.data.cache import CachedImages, data_root, remake, stored_ids
from pyro_seatbelt.data.dataset import ImageDataset
from pyro_seatbelt.data.drawn_set import DrawnSet
from pyro_seatbelt.data.published_file import PublishedFile
from pyro_seatbelt.data.published_set import PublishedSet
from pyro_seatbelt.data.registry import DATASETS, dataset_spec, every_dataset
from pyro_seatbelt.data.spec import DatasetSpec, LoadRequest
from pyro_seatbelt.data.stored_set import StoredSet
from pyro_seatbelt.data.transfer import fetch
from pyro_seatbelt.data.verified import check_bytes
from pyro_seatbelt.errors import InputError
from pyro_seatbelt.progress import Progress, silent

State = Literal["ready", "partial", "absent", "damaged"]


@dataclass(frozen=True)
class DatasetStatus:
    """Where this machine stands with one data set.

    Attributes:
        name: Its name.
        spec: What is known of it.
        state: `ready` to be opened (sets that are not stored always are), `partial` if only some
            identities are stored, `absent` or `damaged`.
        stored: What the cache holds of it, whole or in part.
        problem: What is wrong with it, if it is damaged.
    """

    name: str
    spec: DatasetSpec
    state: State
    stored: tuple[CachedImages, ...]
    problem: str = ""


def build(
    name: str,
    *,
    ids: int | None = None,
    root: Path | None = None,
    progress: Progress = silent,
) -> ImageDataset:
    """Draw a data set anew and store it, whatever the cache holds.

    Args:
        name: A key of :data:`DATASETS` whose images are drawn.
        ids: Draw only the first so many identities.
        root: Folder of the cache, by default :func:`data_root`.
        progress: Told about the stage "images".

    Returns:
        The data set.

    Raises:
        InputError: If there is no such set, it is not drawn, or the cache cannot be written.

    Example:
        >>> build("chairs")  # doctest: +ELLIPSIS
        Traceback (most recent call last):
            ...
        pyro_seatbelt.errors.InputError: expected a drawn data set (synth-chairs, ...), got chairs
    """
    spec = _spec_of(name, DrawnSet, "a drawn data set")
    return spec.build(LoadRequest(root=root or data_root(), ids=ids, progress=progress))


def import_archive(
    name: str,
    file: Path,
    *,
    accept_terms: bool = False,
    root: Path | None = None,
    progress: Progress = silent,
) -> ImageDataset:
    """Read a published archive and store its images.

    Args:
        name: A key of :data:`DATASETS` that has a published archive.
        file: The archive; if the set is published as several files, the others lie beside it.
        accept_terms: Whether the user agrees to the terms of the set, if it asks.
        root: Folder of the cache, by default :func:`data_root`.
        progress: Told about the stage "images".

    Returns:
        The data set.

    Raises:
        InputError: If there is no such set, it has no archive, its terms are not agreed to, the
            file is not it or is damaged, or the cache cannot be written.

    Example:
        >>> import_archive("celeba", Path("img_align_celeba.zip"))
        Traceback (most recent call last):
            ...
        pyro_seatbelt.errors.InputError: celeba is for non-commercial research only, no \
redistribution (https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html): if you agree, say --accept-terms
    """
    spec = _spec_of(name, PublishedSet, "a data set with an archive")  # type: ignore[type-abstract]
    _check_terms(spec, accepted=accept_terms)
    return spec.import_archive(file, LoadRequest(root=root or data_root(), progress=progress))


def download(
    name: str,
    *,
    urls: Sequence[str] = (),
    accept_terms: bool = False,
    keep: bool = False,
    root: Path | None = None,
    progress: Progress = silent,
) -> ImageDataset:
    """Fetch a published data set from its publishers, and store its images.

    Args:
        name: A key of :data:`DATASETS` whose publishers let programs fetch it.
        urls: Mirrors to be tried instead of the published address: each the address of the file,
            or of a folder with the files under their published names if it ends in ``/``.
        accept_terms: Whether the user agrees to the terms of the set, if it asks.
        keep: Keep the published files too, beside the images.
        root: Folder of the cache, by default :func:`data_root`.
        progress: Told about the stages "bytes" of each file, then "images".

    Returns:
        The data set.

    Raises:
        InputError: If there is no such set, it is not for download, its terms are not agreed to,
            no server has it, or what came is not it.

    Example:
        >>> download("faces3d")  # doctest: +ELLIPSIS
        Traceback (most recent call last):
            ...
        pyro_seatbelt.errors.InputError: expected a set for download (chairs, ...), got faces3d: ...
    """
    spec, root = dataset_spec(name), root or data_root()
    if not isinstance(spec, PublishedSet) or not spec.downloadable:
        offered = ", ".join(
            name
            for name, spec in DATASETS.items()
            if isinstance(spec, PublishedSet) and spec.downloadable
        )
        way = f": run `{spec.command}`" if isinstance(spec, PublishedSet) else ""
        raise InputError(f"expected a set for download ({offered}), got {name}{way}")
    _check_terms(spec, accepted=accept_terms)
    addresses = {file.name: _mirrors(file, spec, urls) for file in spec.files}
    fetched = [
        fetch(file, root / "downloads", addresses=addresses[file.name], progress=progress)
        for file in spec.files
    ]
    try:
        dataset = import_archive(
            name, fetched[0], accept_terms=accept_terms, root=root, progress=progress
        )
    except InputError as error:
        raise InputError(f"{error}; the download stays in {fetched[0].parent}") from error
    if not keep:
        for path in fetched:
            path.unlink(missing_ok=True)
    return dataset


def _mirrors(file: PublishedFile, spec: PublishedSet, urls: Sequence[str]) -> list[str]:
    """Pick the addresses of one file out of those that the user gave."""
    single = len(spec.files) == 1
    picked = [
        f"{url}{file.name}" if url.endswith("/") else url
        for url in urls
        if single or url.endswith(("/", f"/{file.name}"))
    ]
    if urls and not picked:
        raise InputError(
            f"expected an address of {file.name} too: say --url once for each file, or name a "
            "folder with all of them, ending in /"
        )
    return picked


def verify(
    name: str, *, ids: int | None = None, root: Path | None = None
) -> tuple[CachedImages, ...]:
    """Read every stored byte of a data set and compare it with its fingerprint.

    Args:
        name: A key of :data:`DATASETS` that is kept in the cache.
        ids: Check only the part with so many identities; None checks all that is stored.
        root: Folder of the cache, by default :func:`data_root`.

    Returns:
        What was checked and found intact.

    Raises:
        InputError: If something is damaged, nothing is stored, or the set is never stored.

    Example:
        >>> verify("folder")  # doctest: +ELLIPSIS
        Traceback (most recent call last):
            ...
        pyro_seatbelt.errors.InputError: expected a stored set (synth-chairs, ...), got folder
    """
    spec = _spec_of(name, StoredSet, "a stored set")  # type: ignore[type-abstract]
    root = root or data_root()
    parts = stored_ids(root, name) if ids is None else [ids]
    checked = []
    for part in parts:
        cached = spec.find(root, part)
        if cached is not None:
            check_bytes(cached, remedy=remake(spec.command, part))
            checked.append(cached)
    if not checked:
        raise InputError(f"{root}: nothing of {name} is stored here: run `{spec.command}`")
    return tuple(checked)


def inventory(*, root: Path | None = None) -> list[DatasetStatus]:
    """List every data set and what this machine has of it.

    Files are looked at, not read: :func:`verify` does that.

    Args:
        root: Folder of the cache, by default :func:`data_root`.

    Returns:
        One status per set, those of installed packages last.

    Example:
        >>> {each.name: each.state for each in inventory(root=Path("nowhere"))}["chairs"]
        'absent'
    """
    return [_status(root or data_root(), name, spec) for name, spec in every_dataset().items()]


def _status(root: Path, name: str, spec: DatasetSpec) -> DatasetStatus:
    if not isinstance(spec, StoredSet):
        return DatasetStatus(name, spec, "ready", ())
    stored: dict[int | None, CachedImages] = {}
    problems = []
    for ids in stored_ids(root, name):
        try:
            cached = spec.find(root, ids)
        except InputError as error:
            problems.append(str(error))
        else:
            stored |= {} if cached is None else {ids: cached}
    state: State = "absent"
    if problems:
        state = "damaged"
    elif stored:
        state = "ready" if None in stored else "partial"
    return DatasetStatus(name, spec, state, tuple(stored.values()), "; ".join(problems))


def _spec_of[T: DatasetSpec](name: str, kind: type[T], wanted: str) -> T:
    """Look up a data set that must be of one kind."""
    spec = dataset_spec(name)
    if not isinstance(spec, kind):
        names = ", ".join(name for name, spec in DATASETS.items() if isinstance(spec, kind))
        raise InputError(f"expected {wanted} ({names}), got {name}")
    return spec


def _check_terms(spec: PublishedSet, *, accepted: bool) -> None:
    if spec.terms and not accepted:
        raise InputError(
            f"{spec.name} is for {spec.terms} ({spec.source}): if you agree, say --accept-terms"
        )
