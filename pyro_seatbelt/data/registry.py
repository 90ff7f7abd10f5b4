"""Every data set by name."""

import logging
import re
from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path

from pyro_seatbelt.data.cache import data_root
from pyro_seatbelt.data.dataset import ImageDataset
from pyro_seatbelt.data.sets.celeba import CELEBA
from pyro_seatbelt.data.sets.chairs import CHAIRS
from pyro_seatbelt.data.sets.dsprites import DSPRITES
from pyro_seatbelt.data.sets.faces3d import FACES3D
from pyro_seatbelt.data.sets.folder import FOLDER
from pyro_seatbelt.data.sets.synth_chairs import SYNTH_CHAIRS
from pyro_seatbelt.data.sets.synth_dsprites import SYNTH_DSPRITES
from pyro_seatbelt.data.sets.synth_faces import SYNTH_FACES
from pyro_seatbelt.data.spec import DatasetSpec, LoadedSet, LoadRequest
from pyro_seatbelt.errors import InputError
from pyro_seatbelt.progress import Progress, silent

logger = logging.getLogger(__name__)

_GROUP = "pyro_seatbelt.datasets"

Loader = Callable[[LoadRequest], ImageDataset]
"""Opens a data set."""

DATASETS: dict[str, DatasetSpec] = {
    spec.name: spec
    for spec in (
        SYNTH_CHAIRS,
        SYNTH_FACES,
        SYNTH_DSPRITES,
        CHAIRS,
        FACES3D,
        CELEBA,
        DSPRITES,
        FOLDER,
    )
}


def load_dataset(
    name: str,
    *,
    root: Path | None = None,
    data_dir: Path | None = None,
    ids: int | None = None,
    progress: Progress = silent,
) -> ImageDataset:
    """Open a data set by name.

    A set that is drawn is drawn on first use, which takes about a minute for
    the whole of `synth-chairs` on two processors, and read from the cache
    afterwards. One set never stands in for another.

    Args:
        name: A key of :data:`DATASETS`, or what an installed package offers.
        root: Folder of the cache, by default :func:`data_root`.
        data_dir: Folder of your own images, for the set `folder` only.
        ids: Keep only the first so many identities.
        progress: Told about the stage "images" while the set is made.

    Returns:
        The data set.

    Raises:
        InputError: If there is no such set, it is absent or damaged, or an option does not fit it.

    Example:
        >>> load_dataset("synth-dsprites", ids=500).num_images
        500
        >>> load_dataset("sofas")  # doctest: +ELLIPSIS
        Traceback (most recent call last):
            ...
        pyro_seatbelt.errors.InputError: expected a data set out of synth-chairs, ..., got sofas
    """
    spec = dataset_spec(name)
    if data_dir is not None and not spec.reads_folder:
        raise InputError(f"expected no folder of images for {name}: only `folder` reads one")
    return spec.load(
        LoadRequest(root=root or data_root(), data_dir=data_dir, ids=ids, progress=progress)
    )


def register(
    name: str,
    *,
    title: str,
    factors: tuple[str, ...] = (),
    layout: str = "",
    num_images: int | None = None,
    source: str = "",
    licence: str = "yours",
) -> Callable[[Loader], Loader]:
    """Add a data set of your own: what it decorates opens the set.

    It can be asked for by name from then on, in this process: by
    :func:`load_dataset`, in a :class:`~pyro_seatbelt.training.TrainConfig`, and by the command
    line if the script ends with ``pyro_seatbelt.cli.app.main()``. An installed package
    offers it to ``seatbelt`` everywhere by an entry point in the group
    ``pyro_seatbelt.datasets`` with the name of the set and the module that
    registers it.

    Args:
        name: Its name: lower-case letters, digits and hyphens.
        title: What it is, in a few words.
        factors: Names of the known factors, as the set has them.
        layout: How images are arranged.
        num_images: How many images the whole set has, if that is fixed.
        source: Where it is published, if it is.
        licence: Terms of use.

    Returns:
        A decorator for the function that opens the set: it takes a :class:`LoadRequest`, whose
        `root`, `data_dir` and `ids` it may use, and returns an :class:`ImageDataset` of that name.

    Raises:
        ValueError: If the name is taken or is not one.

    Example:
        >>> import numpy as np
        >>> from pyro_seatbelt.data import ImageDataset, load_dataset, register
        >>> @register("stripes", title="Stripes, narrow and wide", factors=("width",))
        ... def load_stripes(request):
        ...     width = np.repeat([1, 2, 4, 8], 16)
        ...     on = np.arange(64) // width[:, None] % 2
        ...     images = np.broadcast_to(on[:, None, None], (64, 1, 64, 64))
        ...     pixels = (255 * images).astype(np.uint8)
        ...     return ImageDataset.from_array(
        ...         "stripes", pixels, synthetic=True, identities=width, factors={"width": width}
        ...     )
        >>> load_dataset("stripes").image_shape
        (1, 64, 64)
        >>> del DATASETS["stripes"]
    """
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]*", name):
        raise ValueError(f"expected a name of lower-case letters, digits and -, got {name!r}")
    if name in DATASETS:
        raise ValueError(f"expected a name of its own for a data set, {name} is taken")

    def add(load: Loader) -> Loader:
        def checked(request: LoadRequest) -> ImageDataset:
            dataset = load(request)
            if (dataset.name, tuple(dataset.factors)) != (name, factors):
                raise ValueError(
                    f"expected a data set {name} with factors {factors}, "
                    f"got {dataset.name} with {tuple(dataset.factors)}"
                )
            return dataset

        DATASETS[name] = LoadedSet(
            name=name,
            title=title,
            factors=factors,
            layout=layout,
            num_images=num_images,
            source=source,
            licence=licence,
            loader=checked,
            reads_folder=True,
        )
        return load

    return add


def dataset_spec(name: str) -> DatasetSpec:
    """Look up a data set.

    Args:
        name: A key of :data:`DATASETS`, or of an installed package's entry points.

    Returns:
        What is known of it.

    Raises:
        InputError: If there is none of that name, or its package cannot be loaded.

    Example:
        >>> dataset_spec("synth-dsprites").synthetic
        True
    """
    if name not in DATASETS and (problem := _load_offered(name).get(name)):
        raise problem
    if name not in DATASETS:
        offered = (entry.name for entry in entry_points(group=_GROUP))
        names = ", ".join(dict.fromkeys((*DATASETS, *offered)))
        raise InputError(f"expected a data set out of {names}, got {name}")
    return DATASETS[name]


def every_dataset() -> dict[str, DatasetSpec]:
    """Look up all data sets, those of installed packages among them.

    Returns:
        What is known of them, by name. A package that cannot be loaded is logged and left out.

    Example:
        >>> "synth-faces" in every_dataset()
        True
    """
    for problem in _load_offered().values():
        logger.warning("%s", problem)
    return dict(DATASETS)


def _load_offered(name: str | None = None) -> dict[str, InputError]:
    """Register what installed packages offer, or one set of it; return what is wrong, by name."""
    problems = {}
    for entry in entry_points(group=_GROUP):
        if entry.name in DATASETS or name not in (None, entry.name):
            continue
        before = dict(DATASETS)
        try:
            entry.load()
        except Exception as error:  # noqa: BLE001 - somebody else's code
            DATASETS.clear()
            DATASETS.update(before)
            reason = f"{type(error).__name__}: {error}".removesuffix(": ")
            problem = f"cannot be loaded ({entry.value}): {reason}"
            problems[entry.name] = InputError(f"{entry.name}: its package {problem}")
            problems[entry.name].__cause__ = error
        else:
            if entry.name not in DATASETS:
                problem = f"registers no data set of that name ({entry.value})"
                problems[entry.name] = InputError(f"{entry.name}: its package {problem}")
    return {name: problem for name, problem in problems.items() if name not in DATASETS}
