"""How large the weights of a network are.

References:
    | Disentangling Improves VAEs' Robustness to Adversarial Attacks (Willetts et al.), Table 1
"""

import math

from torch import nn


def weight_norm(*modules: nn.Module) -> float:
    """Computes the L2 norm of all weights of some modules together.

    Weights are parameters of two dimensions or more: matrices and convolution kernels. Biases
    and the gains of normalisation layers are vectors and are left out. A tensor that is used
    twice counts once.

    Args:
        modules: Networks, or parts of one.

    Returns:
        The square root of the sum of squares, accumulated in float64.

    Raises:
        ValueError: When there are no weights.

    Example:
        >>> import torch
        >>> layer = nn.Linear(3, 3)
        >>> torch.nn.init.eye_(layer.weight)
        Parameter containing:
        tensor([[1., 0., 0.],
                [0., 1., 0.],
                [0., 0., 1.]], requires_grad=True)
        >>> round(weight_norm(nn.Sequential(layer, nn.BatchNorm1d(3))), 6)
        1.732051
    """
    weights = {
        id(parameter): parameter.detach().cpu().double()
        for module in modules
        for parameter in module.parameters()
        if parameter.ndim >= 2
    }
    if not weights:
        raise ValueError("expected modules with weights, got none")
    return math.sqrt(sum(weight.square().sum().item() for weight in weights.values()))
