"""`synth-dsprites`: 737,280 little shapes, drawn when they are asked for."""

import numpy as np
from numpy.typing import NDArray

from pyro_seatbelt.data.dataset import ImageDataset
from pyro_seatbelt.data.fingerprint import fingerprint
from pyro_seatbelt.data.spec import LoadedSet, LoadRequest
from pyro_seatbelt.drawn import sprites

NAME = "synth-dsprites"

_SAMPLE = 1024


def load_synth_dsprites(request: LoadRequest) -> ImageDataset:
    """Open the sprites; nothing is stored.

    Every image is an identity of its own. The fingerprint covers the version, the
    number of images and a fixed sample of them.

    Args:
        request: What is wanted; `ids` keeps so many images, spread evenly over all factors.

    Returns:
        The data set.

    Raises:
        InputError: If there are not so many images.

    Example:
        >>> from pathlib import Path
        >>> load_synth_dsprites(LoadRequest(root=Path(), ids=1000)).num_images
        1000
    """
    import torch

    from pyro_seatbelt.data.sprite_images import SpriteImages

    images = SpriteImages(request.ids)
    indices = torch.arange(len(images))
    classes: NDArray[np.int64] = sprites.sprite_factors(images.numbers(indices)).numpy()
    sample = images.gather(indices[:: max(1, len(images) // _SAMPLE)])
    return ImageDataset(
        name=NAME,
        images=images,
        identities=indices.numpy(),
        factors={name: classes[:, column] for column, name in enumerate(sprites.FACTORS)},
        fingerprint=fingerprint(NAME, f"{sprites.VERSION} of {len(images)}", sample.numpy()),
        provenance={"generator_version": sprites.VERSION, "images": len(images)},
        synthetic=True,
    )


SYNTH_DSPRITES = LoadedSet(
    name=NAME,
    title="Little shapes like the published dSprites, drawn on the fly",
    factors=sprites.FACTORS,
    layout="3 shapes x 6 scales x 40 orientations x 32 x 32 positions, 64x64, white on black",
    licence="Apache-2.0, like this library",
    synthetic=True,
    loader=load_synth_dsprites,
    num_images=sprites.NUM_IMAGES,
)
