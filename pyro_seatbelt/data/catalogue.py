"""Every data set by name."""

import logging
import math
import re
from collections.abc import Callable
from importlib.metadata import entry_points

from pyro_seatbelt.data.dataset import ImageDataset
from pyro_seatbelt.data.published import import_command
from pyro_seatbelt.data.sets import celeba, chairs, dsprites, faces3d, folder, synth_dsprites
from pyro_seatbelt.data.sets.synth_chairs import SYNTH_CHAIRS
from pyro_seatbelt.data.sets.synth_faces import SYNTH_FACES
from pyro_seatbelt.data.spec import DatasetSpec, LoadRequest
from pyro_seatbelt.drawn import chairs as synth_chairs
from pyro_seatbelt.drawn import faces as synth_faces
from pyro_seatbelt.drawn import sprites
from pyro_seatbelt.errors import InputError

logger = logging.getLogger(__name__)

_GROUP = "pyro_seatbelt.datasets"

Loader = Callable[[LoadRequest], ImageDataset]
"""Opens a data set."""

DATASETS: dict[str, DatasetSpec] = {
    SYNTH_CHAIRS.name: DatasetSpec(
        title="Drawn chairs, laid out like the published ones",
        origin="drawn",
        factors=synth_chairs.FACTORS,
        layout="1393 chairs x 2 elevations x 31 azimuths, 64x64, grey on white",
        num_images=synth_chairs.NUM_IDENTITIES * math.prod(synth_chairs.VIEWS),
        source="",
        licence="Apache-2.0, like this library",
        load=SYNTH_CHAIRS.load,
        build=SYNTH_CHAIRS.build,
        command=SYNTH_CHAIRS.command,
    ),
    SYNTH_FACES.name: DatasetSpec(
        title="Drawn heads, laid out like the published Basel faces",
        origin="drawn",
        factors=synth_faces.FACTORS,
        layout="50 heads x 21 azimuths x 11 elevations x 11 lights, 64x64, grey on black",
        num_images=synth_faces.NUM_IDENTITIES * math.prod(synth_faces.VIEWS),
        source="",
        licence="Apache-2.0, like this library; shaped from the CC0 head of MakeHuman and MPFB2",
        load=SYNTH_FACES.load,
        build=SYNTH_FACES.build,
        command=SYNTH_FACES.command,
    ),
    synth_dsprites.NAME: DatasetSpec(
        title="Little shapes like the published dSprites, drawn on the fly",
        origin="generated",
        factors=sprites.FACTORS,
        layout="3 shapes x 6 scales x 40 orientations x 32 x 32 positions, 64x64, white on black",
        num_images=sprites.NUM_IMAGES,
        source="",
        licence="Apache-2.0, like this library",
        load=synth_dsprites.load_synth_dsprites,
    ),
    chairs.NAME: DatasetSpec(
        title="Renderings of 1393 chairs (Aubry et al., 2014)",
        origin="archive",
        factors=chairs.FACTORS,
        layout="rendered_chairs/<id>/renders/image_NNN_pPPP_tTTT_r096.png, 600x600, in a tar",
        num_images=chairs.NUM_IDENTITIES * 62,
        source=chairs.ADDRESS,
        licence="see the publishers' page",
        load=chairs.load_chairs,
        import_archive=chairs.import_chairs,
        files=chairs.FILES,
        command=import_command(chairs.NAME),
        substitute=SYNTH_CHAIRS.name,
    ),
    faces3d.NAME: DatasetSpec(
        title="Renderings of the Basel face model (Paysan et al., 2009; Chen et al., 2018)",
        origin="archive",
        factors=faces3d.FACTORS,
        layout="one uint8 tensor: 50 faces x 21 azimuths x 11 elevations x 11 lights x 64 x 64",
        num_images=127_050,
        source=faces3d.SOURCE,
        licence="research only, no redistribution: not for download",
        load=faces3d.load_faces3d,
        import_archive=faces3d.import_faces3d,
        files=faces3d.FILES,
        command=import_command(faces3d.NAME),
        substitute=SYNTH_FACES.name,
    ),
    celeba.NAME: DatasetSpec(
        title="Photographs of faces (Liu et al., 2015)",
        origin="archive",
        factors=celeba.FACTORS,
        layout="img_align_celeba/NNNNNN.jpg, 178x218, in a zip; two lists beside it",
        num_images=celeba.NUM_IMAGES,
        source=celeba.SOURCE,
        licence=celeba.TERMS,
        load=celeba.load_celeba,
        import_archive=celeba.import_celeba,
        files=celeba.FILES,
        terms=celeba.TERMS,
        command=import_command(celeba.NAME),
    ),
    dsprites.NAME: DatasetSpec(
        title="Little shapes (Matthey et al., 2017)",
        origin="archive",
        factors=sprites.FACTORS,
        layout="imgs of 737280 x 64 x 64 zeros and ones, and latents_classes, in an npz",
        num_images=sprites.NUM_IMAGES,
        source=dsprites.FILES[0].address,
        licence="Apache-2.0",
        load=dsprites.load_dsprites,
        import_archive=dsprites.import_dsprites,
        files=dsprites.FILES,
        command=import_command(dsprites.NAME),
        substitute=synth_dsprites.NAME,
    ),
    folder.NAME: DatasetSpec(
        title="Your own images",
        origin="folder",
        factors=(),
        layout="any tree of pictures, with subfolders train/ and test/ if you like; or .npy, .npz",
        num_images=None,
        source="",
        licence="yours",
        load=folder.load_folder,
    ),
}


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
    :func:`load_dataset`, in a :class:`TrainConfig`, and by the command line if
    the script ends with ``pyro_seatbelt.cli.app.main()``. An installed package
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

        DATASETS[name] = DatasetSpec(
            title=title,
            origin="registered",
            factors=factors,
            layout=layout,
            num_images=num_images,
            source=source,
            licence=licence,
            load=checked,
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
    """Registers what installed packages offer, or one set; says what is wrong with the others."""
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
