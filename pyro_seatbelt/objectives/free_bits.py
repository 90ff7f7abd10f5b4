r"""Free bits: a floor under the KL of every latent dimension.

References:
    | Improving Variational Inference with Inverse Autoregressive Flow (Kingma et al., 2016), Eq 15
    | https://arxiv.org/abs/1606.04934
"""

from torch import Tensor


def shortfall(kl: Tensor, floor: float, num_images: Tensor) -> Tensor:
    r"""What a floor adds to a loss that already holds the KL.

    The floor is under the mean over the minibatch, per dimension:
    :math:`\mathrm{KL}_d + \max(0, \mathrm{floor} - \mathrm{KL}_d) = \max(\mathrm{floor},
    \mathrm{KL}_d)`. A dimension below its floor therefore has no KL gradient.

    Args:
        kl: KL per dimension, summed over images, shape :math:`(D,)`, in nats.
        floor: Nats per image and dimension that cost nothing.
        num_images: How many images the sum stands for, a scalar.

    Returns:
        The missing nats, summed over dimensions and images.

    Example:
        >>> import torch
        >>> shortfall(torch.tensor([1.0, 8.0]), 0.5, torch.tensor(4.0))
        tensor(1.)
    """
    return (floor * num_images - kl).clamp_min(0).sum()
