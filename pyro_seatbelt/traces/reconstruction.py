"""What a pair makes of images."""

from collections.abc import Sequence

from torch import Tensor

from pyro_seatbelt.errors import InputError
from pyro_seatbelt.traces.at_mean import at_mean
from pyro_seatbelt.traces.evaluation_mode import evaluation_mode
from pyro_seatbelt.traces.programs import Program, trace_pair
from pyro_seatbelt.traces.sites import sample_sites


def reconstruct(
    model: Program,
    guide: Program,
    x: Tensor,
    *context: Tensor,
    site: str | None = None,
    seed: int | None = None,
) -> Tensor:
    r"""The mean image of :math:`p(x \mid z)` with every layer at its posterior mean, or at a draw.

    Args:
        model: Any Pyro model that observes images.
        guide: Its guide.
        x: Pixels in [0, 1], shape `(B, *image)`.
        context: Further arguments of both, a row for each image.
        site: Name of the observed site; by default the first with as many elements as the images.
        seed: Seeds a draw of every layer from its posterior, a draw of its own for each image; the
            posterior means by default.

    Returns:
        Means of the likelihood, shape `(B, *image)`.

    Raises:
        InputError: When the model observes no such site.
        NotImplementedError: When a distribution has no mean.

    Example:
        >>> import torch
        >>> from pyro_seatbelt import presets
        >>> family = presets.build("vae", network="mlp", image_shape=(1, 8, 8), num_data=100)
        >>> reconstruct(family.model, family.guide, torch.rand(5, 1, 8, 8)).shape
        torch.Size([5, 1, 8, 8])
    """
    with evaluation_mode(model, guide, seed=seed):
        program = at_mean(guide) if seed is None else guide
        return _observed_mean(model, program, x, context, site)


def mean_image(
    model: Program, guide: Program, x: Tensor, *context: Tensor, site: str | None = None
) -> Tensor:
    """What :func:`reconstruct` returns, differentiable, with networks in the mode they are in.

    Args:
        model: As there.
        guide: As there.
        x: As there.
        context: As there.
        site: As there.

    Raises:
        InputError: As there.
        NotImplementedError: As there.
    """
    return _observed_mean(model, at_mean(guide), x, context, site)


def _observed_mean(
    model: Program, guide: Program, x: Tensor, context: Sequence[Tensor], site: str | None
) -> Tensor:
    trace = trace_pair(model, guide, x, *context).model
    for name, node in sample_sites(trace).items():
        if node["is_observed"] and node["value"].numel() == x.numel() and site in (None, name):
            mean: Tensor = node["fn"].mean
            return mean.expand(node["value"].shape).reshape(x.shape)
    called = "" if site is None else f" called '{site}'"
    raise InputError(
        f"the model observes no site{called} with the {x[0].numel()} elements of an image, so "
        "there is no reconstruction: give its likelihood site obs=x"
    )
