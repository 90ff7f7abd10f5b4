"""An attack on two images before the attack: what would fail in its middle fails here."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from pyro_seatbelt.attacks.latent_draws import LatentDraws
from pyro_seatbelt.attacks.pair import Pair
from pyro_seatbelt.attacks.problems import PenalisedDistance
from pyro_seatbelt.attacks.result import log_likelihoods
from pyro_seatbelt.attacks.search_mode import search_mode
from pyro_seatbelt.errors import InputError
from pyro_seatbelt.traces.generators import kept_generators
from pyro_seatbelt.traces.plates import rows_first
from pyro_seatbelt.traces.sites import sample_sites

# far above what the rounding of a batch of another size does, far below what dropout does
_ROUNDING = 0.01


def rehearse(
    pair: Pair, x: Tensor, other: Tensor, distance: Callable[[], PenalisedDistance]
) -> None:
    """Does once, on two images, all that an attack does.

    Torch's generators stand where they stood.

    Args:
        pair: The model and the guide.
        x: An input, shape `(1, *image)`.
        other: Another image, of the same shape.
        distance: Makes what the attack minimises, for a problem or two.

    Raises:
        InputError: When the programs fail, or the posterior of an image is not the same function
            of the image and the noise at each call, whoever shares its batch.
    """
    with kept_generators(x.device), search_mode(pair.model, pair.guide), _refused():
        first = pair.of_rows(torch.zeros(2, dtype=torch.long, device=x.device))
        _check_posterior(first, x, other)
        function = distance()
        problems = function.problems
        function.distances(torch.zeros_like(problems.lower), problems.rows)
        if pair.model is not None:
            _check_model(pair.of_rows(torch.zeros(1, dtype=torch.long, device=x.device)), x)
            draws = LatentDraws.frozen(problems.numbers, 1, seed=0)
            own = pair.of_rows(problems.pair)
            log_likelihoods(own, pair.model, problems.x, problems, draws, rows=len(problems))


@contextmanager
def _refused() -> Iterator[None]:
    """Says in one line what the programs fail on."""
    try:
        yield
    except (InputError, torch.OutOfMemoryError):
        raise
    except (RuntimeError, ValueError, IndexError, TypeError, NotImplementedError) as error:
        first = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise InputError(f"the pair cannot be attacked and recorded: {first}") from error


def _check_posterior(pair: Pair, x: Tensor, other: Tensor) -> None:
    """Raises where draws of an image's posterior with the same noise differ."""
    both = torch.cat([x, other])
    first, second = (_draw(pair, both) for _ in range(2))
    among_itself = _draw(pair, torch.cat([x, x]))
    for site, value in first.items():
        if not _close(value, second[site]):
            raise InputError(
                f"site '{site}': the guide gives two answers to the same images with the same "
                "noise, as dropout in train mode and torch.rand do: put the modules that it uses "
                "into eval mode, and draw with pyro.sample"
            )
        if not _close(value[:1], among_itself[site][:1]):
            raise InputError(
                f"site '{site}': the posterior of an image depends on the images that share its "
                "batch, as with batch normalisation in train mode: put the modules that the guide "
                "uses into eval mode, and let no latent outside the plate read the images"
            )


def _check_model(pair: Pair, x: Tensor) -> None:
    """Raises where what the model makes of the same latents differs."""
    if not _close(pair.reconstruct(x), pair.reconstruct(x)):
        raise InputError(
            "the model gives two answers to the same latents, as dropout in train mode and "
            "torch.rand do: put the modules that it uses into eval mode"
        )


def _draw(pair: Pair, x: Tensor) -> dict[str, Tensor]:
    """Draws of the attacked layers, shape `(n, M)` each."""
    numbers = torch.arange(len(x), device=x.device)
    trace = pair.trace_guide(x, LatentDraws.frozen(range(len(x)), 1, seed=0), numbers)
    nodes = sample_sites(trace)
    return {
        site: rows_first(nodes[site]["value"], pair.axis(nodes[site])).detach()
        for site in pair.layers
        if pair.is_of_images(nodes[site]) and nodes[site]["fn"].has_rsample
    }


def _close(one: Tensor, other: Tensor) -> bool:
    """Whether two draws agree but for rounding."""
    tolerance = _ROUNDING * float(one.abs().nan_to_num(0.0, 0.0, 0.0).max())
    return torch.allclose(one, other, rtol=_ROUNDING, atol=tolerance, equal_nan=True)
