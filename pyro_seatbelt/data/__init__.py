"""Images to learn from: registry, cache, published sets, your own folder and drawn ones."""

from pyro_seatbelt.data.cache import CachedImages, data_root
from pyro_seatbelt.data.catalogue import DATASETS, register
from pyro_seatbelt.data.dataset import ImageDataset, Split
from pyro_seatbelt.data.picture import read_pixels
from pyro_seatbelt.data.registry import (
    DatasetStatus,
    build,
    download,
    import_archive,
    inventory,
    load_dataset,
    verify,
)
from pyro_seatbelt.data.sets.synth_dsprites import SpriteImages
from pyro_seatbelt.data.source import ImageSource, MappedImages, ResidentImages, to_pixels
from pyro_seatbelt.data.spec import DatasetSpec, LoadRequest

__all__ = [
    "DATASETS",
    "CachedImages",
    "DatasetSpec",
    "DatasetStatus",
    "ImageDataset",
    "ImageSource",
    "LoadRequest",
    "MappedImages",
    "ResidentImages",
    "Split",
    "SpriteImages",
    "build",
    "data_root",
    "download",
    "import_archive",
    "inventory",
    "load_dataset",
    "read_pixels",
    "register",
    "to_pixels",
    "verify",
]
