"""What an evaluation knows of single images, as ArviZ has it."""

from collections.abc import Mapping

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from torch import Tensor
from xarray import DataTree

from pyro_seatbelt.data import ImageSource, to_pixels
from pyro_seatbelt.data.subset import evenly_spaced
from pyro_seatbelt.evaluation import (
    HeldoutImages,
    NoiseRobustness,
    evaluation_mode,
    weighted_draws,
)
from pyro_seatbelt.evaluation.batches import pixel_dtype
from pyro_seatbelt.runs.open import Run

NUM_IMAGES = 8
"""Images whose posterior draws are kept."""

NUM_DRAWS = 100
"""Draws of each."""


def inference_data(
    run: Run,
    images: ImageSource,
    heldout: Tensor,
    bound: HeldoutImages,
    noise: NoiseRobustness,
    quality: Mapping[str, Tensor],
    *,
    seed: int,
) -> DataTree:
    r"""Gathers draws and numbers per image into one tree.

    Args:
        run: The run.
        images: On the device of the run.
        heldout: The images that were evaluated, int64, shape `(n,)`.
        bound: Their bounds.
        noise: Their log-likelihoods under noise.
        quality: Of their reconstructions, by name, shape `(n,)` each.
        seed: Seeds the draws.

    Returns:
        A tree of these groups, `image` being numbers in the data set: `posterior` (100 draws of
        every layer for 8 images), `sample_stats` (`log_weight`,
        :math:`\log p(x, z) - \log q(z \mid x)`), `log_likelihood` and `observed_data` of site
        `x` for these images;
        `noise` (`log_likelihood` by scale and image) and `images` (bounds, KL and quality by
        image) for all that were evaluated.
    """
    some = evenly_spaced(heldout, NUM_IMAGES)
    x = to_pixels(images.gather(some), pixel_dtype(run.guide))
    with evaluation_mode(run.model, run.guide, seed=seed):
        draws = weighted_draws(run.model, run.posterior, x, NUM_DRAWS)
    posterior = {
        name: (("chain", "draw", "image", f"{name}_dim"), _array(each)[None])
        for name, each in draws.latents.items()
    }
    sampled = ("chain", "draw", "image")
    every = {
        "elbo": bound.elbo,
        "log_likelihood": bound.log_likelihood,
        **{f"kl_{name}": each for name, each in bound.kl.items()},
        **quality,
    }
    groups: dict[str, xr.Dataset] = {
        "posterior": xr.Dataset(posterior),
        "sample_stats": xr.Dataset({"log_weight": (sampled, _array(draws.log_weight)[None])}),
        "log_likelihood": xr.Dataset({"x": (sampled, _array(draws.log_likelihood)[None])}),
        "observed_data": xr.Dataset({"x": (("image", "channel", "height", "width"), _array(x))}),
    }
    groups = {
        name: group.assign_coords(
            {
                dim: some.numpy() if dim == "image" else np.arange(n)
                for dim, n in group.sizes.items()
            }
        )
        for name, group in groups.items()
    }
    groups["noise"] = xr.Dataset(
        {"log_likelihood": (("scale", "image"), _array(noise.log_likelihood))},
        coords={"scale": list(noise.scales), "image": heldout.numpy()},
    )
    groups["images"] = xr.Dataset(
        {name: ("image", _array(each)) for name, each in every.items()},
        coords={"image": heldout.numpy()},
    )
    return DataTree.from_dict(groups)


def _array(values: Tensor) -> NDArray[np.floating]:
    array: NDArray[np.floating] = values.cpu().numpy()
    return array
