"""Images to learn from: one file per data set in `sets`, and what they share."""

from typing import TYPE_CHECKING

from pyro_seatbelt.lazy import lazily

if TYPE_CHECKING:
    from pyro_seatbelt.data.cache import CachedImages, data_root
    from pyro_seatbelt.data.dataset import ImageDataset, Split
    from pyro_seatbelt.data.drawn_set import DrawnSet
    from pyro_seatbelt.data.picture import read_pixels
    from pyro_seatbelt.data.published_file import PublishedFile
    from pyro_seatbelt.data.published_set import PublishedSet
    from pyro_seatbelt.data.registry import DATASETS, dataset_spec, load_dataset, register
    from pyro_seatbelt.data.source import ImageSource, MappedImages, ResidentImages, to_pixels
    from pyro_seatbelt.data.spec import DatasetSpec, LoadRequest
    from pyro_seatbelt.data.sprite_images import SpriteImages
    from pyro_seatbelt.data.store import (
        DatasetStatus,
        build,
        download,
        import_archive,
        inventory,
        verify,
    )

__all__ = [
    "DATASETS",
    "CachedImages",
    "DatasetSpec",
    "DatasetStatus",
    "DrawnSet",
    "ImageDataset",
    "ImageSource",
    "LoadRequest",
    "MappedImages",
    "PublishedFile",
    "PublishedSet",
    "ResidentImages",
    "Split",
    "SpriteImages",
    "build",
    "data_root",
    "dataset_spec",
    "download",
    "import_archive",
    "inventory",
    "load_dataset",
    "read_pixels",
    "register",
    "to_pixels",
    "verify",
]

# what gathers images needs torch, which takes a second to import
__getattr__ = lazily(
    __name__,
    {
        "cache": ["CachedImages", "data_root"],
        "dataset": ["ImageDataset", "Split"],
        "drawn_set": ["DrawnSet"],
        "picture": ["read_pixels"],
        "published_file": ["PublishedFile"],
        "published_set": ["PublishedSet"],
        "registry": ["DATASETS", "dataset_spec", "load_dataset", "register"],
        "source": ["ImageSource", "MappedImages", "ResidentImages", "to_pixels"],
        "spec": ["DatasetSpec", "LoadRequest"],
        "sprite_images": ["SpriteImages"],
        "store": [
            "DatasetStatus",
            "build",
            "download",
            "import_archive",
            "inventory",
            "verify",
        ],
    },
)
