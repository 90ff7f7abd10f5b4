"""Noise that stays the same from call to call, and row by row."""

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any

import torch
from pyro.distributions.torch_distribution import MaskedDistribution
from pyro.poutine.messenger import Messenger
from pyro.poutine.util import site_is_subsample
from torch import Tensor
from torch.distributions import (
    Cauchy,
    Distribution,
    Independent,
    Laplace,
    Normal,
    TransformedDistribution,
)

from pyro_seatbelt.traces.plates import find_plate
from pyro_seatbelt.traces.programs import Program
from pyro_seatbelt.traces.row_noise import RowNoise

_LOCATION_SCALE: tuple[type[Distribution], ...] = (Normal, Laplace, Cauchy)


class FrozenNoise:
    r"""The randomness behind a guide's draws, fixed for each row of a data set.

    A row keeps its noise whichever rows share a batch with it, and the same row and
    parameters give the same draw to the last bit. Normal, Laplace and Cauchy sites (and
    transforms of them) are :math:`\mu + \sigma \varepsilon` with an
    :math:`\varepsilon` that is drawn once, in float64, from the seed, the row's key and
    the site's name. Any other distribution draws again at each call, row by row, from
    generators that start anew each time; that is slower, and a sampler that rejects (Gamma,
    Beta) may jump as its parameters move.

    Args:
        keys: An integer for each row; rows with equal keys share their noise.
        seed: Another seed, other noise.

    Example:
        >>> noise = FrozenNoise([0, 1, 2])
        >>> fn = Normal(torch.zeros(2), torch.ones(2))
        >>> first = noise.draw("z", fn, axis=0, rows=[0, 2])
        >>> second = noise.draw("z", fn, axis=0, rows=[2, 1])
        >>> bool(first[1] == second[0])
        True
    """

    def __init__(self, keys: Iterable[int], *, seed: int = 0) -> None:
        self.keys = [int(key) for key in keys]
        self.seed = seed
        self._tables: dict[tuple[Any, ...], Tensor] = {}

    def draw(
        self, name: str, fn: Distribution, *, axis: int | None, rows: Sequence[int] | Tensor
    ) -> Tensor:
        """Draws from a distribution with the noise of some rows.

        Args:
            name: Name of the site: each has noise of its own.
            fn: The distribution.
            axis: The dimension of a draw that runs over the rows, counted from the left;
                None for a site that all rows share.
            rows: Indices into the keys, one for each row of the draw.

        Returns:
            A draw, differentiable wherever `fn.rsample` is.

        Raises:
            NotImplementedError: When the sampler draws noise that has no dimension for the rows.
        """
        if isinstance(fn, Independent | MaskedDistribution):
            return self.draw(name, fn.base_dist, axis=axis, rows=rows)
        if isinstance(fn, TransformedDistribution):
            value = self.draw(name, fn.base_dist, axis=axis, rows=rows)
            for transform in fn.transforms:
                value = transform(value)
            return value
        for family in _LOCATION_SCALE:
            if isinstance(fn, family):
                parameters: Any = fn
                loc: Tensor = parameters.loc
                scaled: Tensor = parameters.scale * self._standard(name, family, loc, axis, rows)
                return loc + scaled
        indices = rows.tolist() if isinstance(rows, Tensor) else rows
        keys = ["shared"] if axis is None else [self.keys[row] for row in indices]
        sources = [noise_seed(self.seed, key, name) for key in keys]
        with RowNoise(name, axis, sources):
            return fn.rsample() if fn.has_rsample else fn.sample()

    def _standard(
        self,
        name: str,
        family: type[Distribution],
        like: Tensor,
        axis: int | None,
        rows: Sequence[int] | Tensor,
    ) -> Tensor:
        shape = tuple(size for dim, size in enumerate(like.shape) if dim != axis)
        entry = (name, family, shape, axis is None, like.dtype, like.device)
        if entry not in self._tables:
            keys = ["shared"] if axis is None else self.keys
            uniform = torch.stack(
                [
                    torch.rand(
                        shape, generator=_generator(self.seed, key, name), dtype=torch.float64
                    )
                    for key in keys
                ]
            ).clamp(min=torch.finfo(torch.float64).tiny)
            zero, one = torch.tensor([0.0, 1.0], dtype=torch.float64)
            self._tables[entry] = family(zero, one).icdf(uniform).to(like)
        table = self._tables[entry]
        if axis is None:
            return table[0]
        return table[torch.as_tensor(rows, device=table.device)].movedim(0, axis)


class FrozenNoiseMessenger(Messenger):
    """Draws every latent site from :class:`FrozenNoise`."""

    def __init__(self, noise: FrozenNoise, rows: Sequence[int] | Tensor, plate: str) -> None:
        super().__init__()
        self.noise = noise
        self.rows = rows
        self.plate = plate

    def _pyro_sample(self, msg: Any) -> None:
        if msg["done"] or msg["is_observed"] or site_is_subsample(msg):
            return
        plate = find_plate(msg, self.plate)
        axis = None if plate is None else plate.axis
        msg["value"] = self.noise.draw(str(msg["name"]), msg["fn"], axis=axis, rows=self.rows)
        msg["done"] = True

    def _pyro_inner_draw(self, msg: Any) -> None:
        if not msg["done"]:
            fn, axis, _ = msg["args"]
            msg["value"] = self.noise.draw(str(msg["name"]), fn, axis=axis, rows=self.rows)
            msg["done"] = True


def frozen_noise(
    fn: Program,
    noise: FrozenNoise,
    rows: Sequence[int] | Tensor,
    *,
    plate: str = "data",
) -> Program:
    """Runs a program with noise that stays the same from call to call.

    The program becomes a deterministic function of its input that is still a draw: what a
    line search needs. Observed and replayed sites keep their values, and torch's global
    generator is not touched.

    Args:
        fn: A model or a guide.
        noise: The noise.
        rows: Which row of the noise each element of the plate uses.
        plate: Name of the plate that runs over the rows.

    Returns:
        The same program, deterministic.

    Example:
        >>> import pyro, pyro.distributions as dist
        >>> def guide(x):
        ...     with pyro.plate("data", len(x)):
        ...         return pyro.sample("z", dist.Normal(x, 1.0))
        >>> frozen = frozen_noise(guide, FrozenNoise(range(9)), [4, 7])
        >>> x = torch.zeros(2)
        >>> torch.equal(frozen(x), frozen(x))
        True
    """
    return FrozenNoiseMessenger(noise, rows, plate)(fn)


def noise_seed(seed: int, key: int | str, name: str) -> int:
    """A generator's seed for one purpose of one row, unrelated to those of its neighbours.

    Example:
        >>> noise_seed(0, 1, "z1") == noise_seed(0, 2, "z1")
        False
    """
    digest = hashlib.blake2b(f"{seed}/{key}/{name}".encode(), digest_size=7).digest()
    return int.from_bytes(digest)


def _generator(seed: int, key: int | str, name: str) -> torch.Generator:
    return torch.Generator().manual_seed(noise_seed(seed, key, name))
