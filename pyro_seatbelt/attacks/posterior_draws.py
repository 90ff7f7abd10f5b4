"""The posteriors of attacked images as ArviZ has them."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pyro_seatbelt.attacks.latent_draws import LatentDraws
from pyro_seatbelt.attacks.modes import Layers
from pyro_seatbelt.attacks.pair import read_pair
from pyro_seatbelt.errors import InputError
from pyro_seatbelt.lazy import needed
from pyro_seatbelt.traces.evaluation_mode import evaluation_mode
from pyro_seatbelt.traces.plates import rows_first
from pyro_seatbelt.traces.programs import Program
from pyro_seatbelt.traces.sites import sample_sites

if TYPE_CHECKING:
    from xarray import DataTree

_ROWS = 256
_BINS = 30  # over the range of both of two distributions


def posterior_draws(
    guide: Program,
    images: Mapping[str, Tensor],
    *,
    model: Program | None = None,
    layers: Layers = "all",
    num_draws: int = 200,
    seed: int = 0,
    pairs: Sequence[int] | None = None,
) -> "DataTree":
    r"""Draws from the posteriors of some images, usually x, x + d and the target.

    Args:
        guide: The guide.
        images: Batches of images by what they are, each of shape `(B, *image)`.
        model: The model, which tells the order of the layers.
        layers: Which sites to keep.
        num_draws: Number of draws for each image, independent of each other.
        seed: Seeds them.
        pairs: Numbers of the pairs, 0 to B - 1 by default.

    Returns:
        A tree whose group `posterior` has a variable for each site, with the dimensions
        `chain` (one), `draw`, `image` (the names given), `pair`, and the site's own. ArviZ's
        plots accept it, and ``.to_netcdf(path, engine="h5netcdf")`` keeps it.

    Raises:
        InputError: When the images differ in shape or the guide cannot be read.
        ModuleNotFoundError: When `arviz-base` (extra `cli`) is not installed.

    Example:
        >>> import pyro, pyro.distributions as dist
        >>> def guide(x):
        ...     with pyro.plate("data", len(x)):
        ...         pyro.sample("z", dist.Normal(x, 1.0).to_event(1))
        >>> images = {"x": torch.zeros(1, 3), "target": torch.ones(1, 3)}
        >>> tree = posterior_draws(guide, images, num_draws=50)
        >>> dict(tree["posterior"]["z"].sizes)
        {'chain': 1, 'draw': 50, 'image': 2, 'pair': 1, 'z_dim': 3}
    """
    shapes = {tuple(batch.shape) for batch in images.values()}
    if len(shapes) != 1:
        raise InputError(f"expected batches of images of one shape, got {sorted(shapes)}")
    num_pairs = next(iter(shapes))[0]
    x = torch.cat(list(images.values()))
    draws: dict[str, list[Tensor]] = {}
    with evaluation_mode(model, guide):
        pair = read_pair(model, guide, x, layers)
        everyone = torch.arange(len(x), device=x.device)
        frozen = LatentDraws.frozen(range(len(x)), num_draws, seed=seed)
        for some in everyone.split(max(1, _ROWS // num_draws)):
            trace = sample_sites(pair.trace_guide(frozen.repeat(x[some]), frozen, some))
            for site in pair.layers:
                rows = rows_first(trace[site]["value"], pair.axis(trace[site]))
                draws.setdefault(site, []).append(rows.view(len(some), num_draws, -1).cpu())
    posterior = {site: _arrange(torch.cat(parts), num_pairs) for site, parts in draws.items()}
    with needed("posterior_draws"):
        from arviz_base import from_dict  # noqa: PLC0415 - an extra
    return from_dict(
        {"posterior": posterior},
        coords={
            "image": list(images),
            "pair": list(range(num_pairs) if pairs is None else pairs),
            **{f"{site}_dim": list(range(array.shape[-1])) for site, array in posterior.items()},
        },
        dims={site: ["image", "pair", f"{site}_dim"] for site in posterior},
    )


def overlap(one: NDArray[np.floating], other: NDArray[np.floating]) -> float:
    r"""Estimates how much two factorised distributions overlap, from draws.

    The mean over dimensions of :math:`\int \min(p, q)`, from histograms: 1 for equal
    distributions, 0 for disjoint ones. Histograms of few draws differ by chance, so it is biased
    downwards near 1.

    Args:
        one: Draws, shape `(n, D)`.
        other: Draws, shape `(m, D)`.

    Example:
        >>> draws = np.random.default_rng(0).normal(size=(500, 2))
        >>> overlap(draws, draws), overlap(draws, draws + 100)
        (1.0, 0.0)
    """
    shares = []
    for p, q in zip(one.T, other.T, strict=True):
        edges = np.histogram_bin_edges(np.concatenate([p, q]), _BINS)
        counts = [np.histogram(each, edges)[0] / len(each) for each in (p, q)]
        shares.append(np.minimum(*counts).sum())
    return float(np.mean(shares))


def _arrange(rows: Tensor, num_pairs: int) -> NDArray[np.floating]:
    """From `(image * pair, draw, D)` to `(chain, draw, image, pair, D)`."""
    split = rows.view(-1, num_pairs, *rows.shape[1:])
    arranged: NDArray[np.floating] = split.permute(2, 0, 1, 3)[None].numpy()
    return arranged
