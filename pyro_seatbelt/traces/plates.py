"""The plate over images: which it is, and which dimension of a site it takes."""

from typing import Any, NamedTuple

from pyro.poutine import Trace
from torch import Tensor

from pyro_seatbelt.errors import InputError
from pyro_seatbelt.traces.sites import Site, sample_sites

_PARTICLES = "num_particles_vectorized"  # as Pyro's ELBO calls it


class DataPlate(NamedTuple):
    """The plate over images, as a site sees it.

    Attributes:
        dim: The negative dimension of the batch shape that it occupies.
        axis: The same dimension counted from the left, which is also that of a value.
        size: M, how many images are there.
        num_data: N, the size of the data set that they stand for.
    """

    dim: int
    axis: int
    size: int
    num_data: int


def find_plate(site: Site, *names: str) -> DataPlate | None:
    """Finds the plate over images at a site.

    Args:
        site: A sample site.
        names: What the plate may be called.

    Returns:
        The plate; None when the site is not inside it, or it is sequential.
    """
    for frame in site["cond_indep_stack"]:
        if frame.name in names and frame.vectorized:
            axis = len(site["fn"].batch_shape) + frame.dim
            return DataPlate(frame.dim, axis, frame.size, frame.full_size or frame.size)
    return None


def data_plate(site: Site, *names: str | None) -> DataPlate:
    """Finds the plate over images at a site that must be inside it (see :func:`find_plate`).

    Args:
        site: A sample site.
        names: What the plate may be called; None is the one around the site
            (:func:`plate_around`).

    Raises:
        InputError: When the site is not inside that plate, or the plate is sequential.
    """
    called = [plate_around(site) if name is None else name for name in names]
    plate = find_plate(site, *called)
    if plate is not None:
        return plate
    plates = ", ".join(f"'{f.name}'" for f in site["cond_indep_stack"] if f.vectorized) or "none"
    raise InputError(
        f"site '{site['name']}' is not inside a vectorised plate '{called[0]}' (its plates: "
        f"{plates}), so it has no value per image: sample it inside "
        f"pyro.plate('{called[0]}', num_data, subsample=x), or give the plate's own name as plate="
    )


def plate_around(site: Site) -> str:
    """Finds the name of the plate over images at a site that is inside one vectorised plate.

    Pyro's plate over particles does not count. Among several it is the one called `data`.

    Args:
        site: A sample site.

    Raises:
        InputError: When there is no plate, or none of several is called `data`.
    """
    names = [frame.name for frame in plate_stack(site) if frame.name != _PARTICLES]
    if len(names) == 1:
        return str(names[0])
    if names and "data" not in names:
        among = ", ".join(f"'{name}'" for name in names)
        raise InputError(
            f"site '{site['name']}' is inside several vectorised plates ({among}): say which of "
            "them is over images with plate="
        )
    return "data"  # where there is none data_plate says so


def batch_plate(kind: str, two: Trace, three: Trace) -> str:
    """Finds the plate over images by its size.

    Args:
        kind: Which program it is, for the error.
        two: Its trace on two images.
        three: Its trace on three.

    Returns:
        The name of the one vectorised plate whose size follows.

    Raises:
        InputError: When there is not exactly one.
    """
    sizes: list[dict[str, int]] = [
        {
            frame.name: frame.size
            for site in sample_sites(trace).values()
            for frame in site["cond_indep_stack"]
            if frame.vectorized
        }
        for trace in (two, three)
    ]
    names = [name for name, size in sizes[1].items() if size == 3 and sizes[0].get(name) == 2]
    if len(names) != 1:
        found = ", ".join(f"'{name}'" for name in (names or sizes[1])) or "none"
        raise InputError(
            f"expected one vectorised plate of the {kind} whose size is the number of images, "
            f"found {len(names)} (plates: {found}): sample the sites inside "
            "pyro.plate('data', num_data, subsample=x)"
        )
    return names[0]


def plate_stack(site: Site) -> tuple[Any, ...]:
    """The vectorised plates that a site is inside, as Pyro's frames."""
    return tuple(frame for frame in site["cond_indep_stack"] if frame.vectorized)


def plate_nesting(*traces: Trace) -> int:
    """How many dimensions the plates of some traces take; 0 without plates."""
    return max(
        (
            -int(frame.dim)
            for trace in traces
            for site in sample_sites(trace).values()
            for frame in site["cond_indep_stack"]
            if frame.vectorized
        ),
        default=0,
    )


def rows_first(tensor: Tensor, axis: int) -> Tensor:
    """Brings a dimension to the front and flattens the others: `(n, M)`.

    Example:
        >>> import torch
        >>> rows_first(torch.zeros(2, 5, 3), 1).shape, rows_first(torch.zeros(5), 0).shape
        (torch.Size([5, 6]), torch.Size([5, 1]))
    """
    return tensor.movedim(axis, 0).flatten(1) if tensor.ndim > 1 else tensor[:, None]


def draws_first(tensor: Tensor, draws: int | None, axis: int) -> Tensor:
    """Brings draws and images to the front and flattens the others: `(K, B, M)`.

    Args:
        tensor: Values or log-densities of a site.
        draws: The dimension of the draws; None for one draw without a dimension.
        axis: The dimension of the images.
    """
    if draws is None:
        return rows_first(tensor, axis)[None]
    moved = tensor.movedim((draws, axis), (0, 1))
    return moved.flatten(2) if moved.ndim > 2 else moved[..., None]
