"""What happens to an image as one latent dimension moves."""

from collections.abc import Sequence
from typing import Any

import torch
from pyro import poutine
from torch import Tensor

from pyro_seatbelt.traces.at_mean import at_mean
from pyro_seatbelt.traces.evaluation_mode import evaluation_mode
from pyro_seatbelt.traces.posteriors import posterior_means
from pyro_seatbelt.traces.programs import Program
from pyro_seatbelt.traces.sites import sample_sites


def traverse(
    model: Program,
    guide: Program,
    x: Tensor,
    *context: Tensor,
    latent: str,
    values: Sequence[float],
    dimensions: Sequence[int] | None = None,
    site: str = "x",
) -> Tensor:
    r"""Moves every dimension of a layer through its prior, one at a time.

    Around the posterior means of one image: layers that the model samples before the traversed
    one (those above it) stay at their posterior mean, its other dimensions too, and layers
    after it (those below) follow at the mean of :math:`p(z_i \mid z_{i+1})`, as the model
    propagates the change. Values count standard deviations of the layer's own prior from its
    mean: at the top layer they are the values of :math:`z_L` themselves, further down those of
    :math:`p(z_i \mid z_{i+1})`.

    Args:
        model: Any Pyro model that observes images at `site`.
        guide: Its guide.
        x: One image, pixels in [0, 1], shape :math:`(1, C, H, W)`.
        context: Further arguments of both, one row each.
        latent: The layer.
        values: Where a dimension is put, in standard deviations of the prior.
        dimensions: Which dimensions; all of them by default.
        site: Name of the observed site.

    Returns:
        Means of the likelihood, shape `(dimensions, values, C, H, W)`.

    Raises:
        ValueError: When there is not one image, or no such layer.

    Example:
        >>> from pyro_seatbelt import presets
        >>> family = presets.build("vae", latent_dim=3, network="mlp", image_shape=(1, 8, 8),
        ...                        num_data=10)
        >>> x = torch.rand(1, 1, 8, 8)
        >>> traverse(family.model, family.guide, x, latent="z1", values=[-3, 0, 3]).shape
        torch.Size([3, 3, 1, 8, 8])
    """
    if len(x) != 1:
        raise ValueError(f"expected one image, got {len(x)}")
    means = posterior_means(guide, x, *context)
    if latent not in means:
        raise ValueError(f"no latent site '{latent}': choose from {', '.join(means)}")
    with evaluation_mode(model, guide):
        trace = poutine.trace(poutine.condition(model, data=means)).get_trace(x, *context)
        order = [name for name in sample_sites(trace) if name in means]
        above = order[: order.index(latent)]
        prior: Any = trace.nodes[latent]["fn"]
        moved = torch.arange(means[latent].shape[1]) if dimensions is None else dimensions
        rows = []
        for dimension in torch.as_tensor(moved).tolist():
            z = means[latent].repeat(len(values), 1)
            shift = torch.as_tensor(values, dtype=z.dtype, device=z.device)
            z[:, dimension] = prior.mean[0, dimension] + shift * prior.stddev[0, dimension]
            data = {name: means[name].expand(len(values), -1) for name in above}
            program = at_mean(poutine.condition(model, data={**data, latent: z}))
            batch = [each.expand(len(values), *each.shape[1:]) for each in (x, *context)]
            node: Any = poutine.trace(program).get_trace(*batch).nodes[site]
            rows.append(node["fn"].mean)
    return torch.stack(rows)
