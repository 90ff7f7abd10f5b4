"""Small effect handlers for amortised posteriors."""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
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
from torch.utils._python_dispatch import TorchDispatchMode


class AtMeanMessenger(Messenger):
    """Gives every latent site the mean of its distribution instead of a draw."""

    def _pyro_sample(self, msg: Any) -> None:
        if msg["done"] or msg["is_observed"] or site_is_subsample(msg):
            return
        try:
            msg["value"] = msg["fn"].mean
        except (AttributeError, NotImplementedError) as error:
            raise NotImplementedError(
                f"at_mean: the distribution of site '{msg['name']}' has no mean; "
                "hide the site with poutine.block or draw it"
            ) from error
        msg["done"] = True


def at_mean(fn: Callable[..., Any]) -> Callable[..., Any]:
    """Runs a program with every latent site at its mean.

    In a hierarchy the means are propagated: layer :math:`i + 1` is conditioned
    on the mean of layer :math:`i`. Observed sites and sites replayed from
    another trace keep their values.

    Args:
        fn: A model or a guide.

    Returns:
        The same program without randomness.

    Raises:
        NotImplementedError: When a latent site's distribution has no mean.

    Example:
        >>> import pyro, pyro.distributions as dist
        >>> at_mean(lambda: pyro.sample("z", dist.Normal(3.0, 1.0)))()
        tensor(3.)
    """
    wrapped: Callable[..., Any] = AtMeanMessenger()(fn)
    return wrapped


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
        with _RowNoise(name, axis, sources):
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
        fn: Any = msg["fn"]
        axis = None
        for frame in msg["cond_indep_stack"]:
            if frame.name == self.plate and frame.dim is not None:
                axis = len(fn.batch_shape) + frame.dim
        msg["value"] = self.noise.draw(str(msg["name"]), fn, axis=axis, rows=self.rows)
        msg["done"] = True


def frozen_noise(
    fn: Callable[..., Any],
    noise: FrozenNoise,
    rows: Sequence[int] | Tensor,
    *,
    plate: str = "data",
) -> Callable[..., Any]:
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


class _RowNoise(TorchDispatchMode):
    """Makes every random operator fill each row from a generator of the row's own."""

    def __init__(self, name: str, axis: int | None, sources: Sequence[int]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.name = name
        self.axis = axis
        self.sources = sources
        self.calls = 0

    def __torch_dispatch__(
        self,
        func: Any,
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        kwargs = dict(kwargs or {})
        if torch.Tag.nondeterministic_seeded not in func.tags:
            return func(*args, **kwargs)
        if not any(argument.name == "generator" for argument in func._schema.arguments):  # noqa: SLF001
            func = func.overloadpacket.generator
        in_place = func._schema.is_mutable  # noqa: SLF001
        device = next((a.device for a in args if isinstance(a, Tensor)), kwargs.get("device"))
        self.calls += 1
        filled = []
        for row, source in enumerate(self.sources):
            generator = torch.Generator(device or "cpu").manual_seed(source + self.calls)
            own = [self._row(argument, row) for argument in args]
            filled.append(func(*own, **{**kwargs, "generator": generator}))
        if self.axis is not None and not any(self._has_rows(argument) for argument in args):
            raise NotImplementedError(
                f"site '{self.name}': its sampler draws noise without a dimension for the rows of "
                "the plate, which cannot be frozen row by row"
            )
        if in_place:
            return args[0]
        return filled[0] if self.axis is None else torch.stack(filled, self.axis)

    def _has_rows(self, argument: Any) -> bool:
        if self.axis is None:
            return False
        shape = argument.shape if isinstance(argument, Tensor) else argument
        if not isinstance(shape, Sequence):
            return False
        return len(shape) > self.axis and shape[self.axis] == len(self.sources)

    def _row(self, argument: Any, row: int) -> Any:
        if not self._has_rows(argument):
            return argument
        if isinstance(argument, Tensor):
            return argument.select(self.axis or 0, row)
        return [size for dim, size in enumerate(argument) if dim != self.axis]


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
