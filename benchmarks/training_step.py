"""A training step of a beta-TCVAE, beside the published loss in the default layout.

    python -m benchmarks.training_step --batch-size 256

The rival is the loss of Chen et al. (2018) written as they publish it (all
pairs in one tensor, weighted sampling) in plain torch, with the same networks
in the default memory layout, under the same fused Adam. In between stand our
objective in the default layout, and ours as it is trained: channels-last.
"""

import argparse
import math

import pyro
import torch
from torch import Tensor
from torch.nn import functional

from benchmarks.paired import in_turns, table
from pyro_seatbelt import presets

NUM_DATA = 86366
LATENT_DIM = 10
BETA = 6.0


def published_loss(family: presets.Family, x: Tensor) -> Tensor:
    """The loss of Chen et al., a mean over images, with every pair in one tensor."""
    features = family.guide.encoder(x)
    posterior = family.guide.conditionals[0](features).base_dist
    z = posterior.rsample()
    logits = family.model.decoder(z)
    log_likelihood = -functional.binary_cross_entropy_with_logits(logits, x, reduction="none").sum(
        (1, 2, 3)
    )
    log_q = posterior.log_prob(z).sum(1)
    log_p = torch.distributions.Normal(torch.zeros_like(z), 1.0).log_prob(z).sum(1)
    u = (z[:, None] - posterior.loc) / posterior.scale
    pairs = -0.5 * (u**2 + math.log(2 * math.pi)) - posterior.scale.log()  # (M, M, D)
    log_nm = math.log(NUM_DATA * len(x))
    log_qz = pairs.sum(2).logsumexp(1) - log_nm
    log_product = (pairs.logsumexp(1) - log_nm).sum(1)
    parts = log_likelihood - (log_q - log_qz) - BETA * (log_qz - log_product)
    return -(parts - (log_product - log_p)).mean()


def step_of(*, ours: bool, channels_last: bool, x: Tensor):  # noqa: ANN201
    """A closure that takes one training step."""
    torch.manual_seed(0)
    family = presets.build("beta-tcvae", latent_dim=LATENT_DIM, beta=BETA, num_data=NUM_DATA)
    if not channels_last:
        for module in (family.model, family.guide):
            module.to(memory_format=torch.contiguous_format)
        # the networks ask for channels-last inputs; one channel has no layout of its own
    loss_module = family.objective(family.model, family.guide)
    optimizer = torch.optim.Adam(loss_module.parameters(), lr=1e-3, fused=True)

    def step() -> float:
        loss = loss_module(x) / NUM_DATA if ours else published_loss(family, x)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def main() -> None:
    """Parses the command line and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batch-size", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    pyro.settings.set(module_local_params=True)
    pyro.enable_validation(False)
    x = torch.rand(options.batch_size, 1, 64, 64)
    seconds = in_turns(
        {
            "published loss, default layout": step_of(ours=False, channels_last=False, x=x),
            "ours, default layout": step_of(ours=True, channels_last=False, x=x),
            "ours": step_of(ours=True, channels_last=True, x=x),
        },
        rounds=options.rounds,
    )
    print(
        f"torch {torch.__version__}, {options.threads} threads, batch {options.batch_size}, "
        f"{options.rounds} rounds in turns"
    )
    print(table(seconds, base="published loss, default layout"))


if __name__ == "__main__":
    main()
