"""Counting the latent dimensions that say something of the image.

References:
    | Importance Weighted Autoencoders (Burda et al., 2015), Section 5.2
    | https://arxiv.org/abs/1509.00519
"""

from torch import Tensor

from pyro_seatbelt.traces.posteriors import posterior_means
from pyro_seatbelt.traces.programs import Program

ACTIVE_VARIANCE = 0.01


def num_active_units(means: Tensor) -> int:
    """Counts the dimensions whose posterior mean varies over images.

    Args:
        means: Posterior means, shape :math:`(n, D)`.

    Returns:
        How many dimensions have a variance above 0.01.

    Example:
        >>> import torch
        >>> num_active_units(torch.tensor([[0.0, 1.0], [0.0, -1.0]]))
        1
    """
    return int((means.var(0, correction=0) > ACTIVE_VARIANCE).sum())


def active_units(guide: Program, x: Tensor) -> dict[str, int]:
    """Counts the active units of every layer on a batch of images.

    Layers below the top have learned priors, hence no fixed scale: read their
    counts beside their KL. A small batch makes for a rough count.

    Args:
        guide: A guide whose latent sites have means.
        x: Pixels in [0, 1], shape :math:`(B, C, H, W)`.

    Returns:
        The counts by site.

    Example:
        >>> import torch
        >>> from pyro_seatbelt import presets
        >>> family = presets.build("vae", network="mlp", image_shape=(1, 8, 8), num_data=100)
        >>> list(active_units(family.guide, torch.rand(16, 1, 8, 8)))
        ['z1']
    """
    return {name: num_active_units(means) for name, means in posterior_means(guide, x).items()}
