"""The aggregate posterior, forward and backward, beside all pairs in one tensor.

    python -m benchmarks.aggregate --batch-size 1024

The rival holds an M x M x D tensor of log-densities and lets autograd go back
through it, as published code does.
"""

import argparse
import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.distributions import Normal

from benchmarks.paired import in_turns, table
from pyro_seatbelt.objectives.aggregate import aggregate_log_density
from pyro_seatbelt.objectives.gaussian_aggregate import gaussian_aggregate_sums

Sums = Callable[[Tensor, Tensor, Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]


def plain_sums(
    z: Tensor, loc: Tensor, scale: Tensor, log_weights: Tensor, rows: Tensor
) -> tuple[Tensor, Tensor]:
    """The same sums from every pair at once."""
    density = aggregate_log_density(Normal(loc, scale).log_prob(z[:, None]), log_weights)
    return (rows * density.joint).sum(), (rows[..., None] * density.marginal).sum((0, 1))


def main() -> None:
    """Parses the command line and prints the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--batch-size", type=int, default=1024)
    parser.add_argument("--latent-dim", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    shape = (options.batch_size, 1, options.latent_dim)
    loc = torch.randn(shape)
    scale = 0.1 + torch.rand(shape)
    z = loc + scale * torch.randn(shape)
    inputs = [t.requires_grad_() for t in (z, loc, scale)]
    log_weights = torch.tensor(-math.log(options.batch_size * 86366))
    rows = torch.ones(shape[:2])

    def run(sums: Sums) -> Callable[[], object]:
        def forward_and_backward() -> object:
            joint, marginal = sums(*inputs, log_weights, rows)
            return torch.autograd.grad(5 * joint - 4 * marginal.sum(), inputs)

        return forward_and_backward

    rivals = {"all pairs in one tensor": run(plain_sums), "ours": run(gaussian_aggregate_sums)}
    seconds = in_turns(rivals, rounds=options.rounds)
    print(
        f"torch {torch.__version__}, {options.threads} threads, M = {options.batch_size}, "
        f"D = {options.latent_dim}, {options.rounds} rounds in turns"
    )
    print(table(seconds, base="all pairs in one tensor"))


if __name__ == "__main__":
    main()
