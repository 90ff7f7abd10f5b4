"""A VAE of one's own on digits: trained by the TC-decomposed ELBO, then attacked."""

import pyro
import pyro.distributions as dist
import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn

from pyro_seatbelt import Attack, LatentKL, TraceTC_ELBO
from pyro_seatbelt.evaluation import reconstruct


class VAE(nn.Module):
    """Networks, and the two programs that use them."""

    def __init__(self, num_data: int) -> None:
        super().__init__()
        self.num_data = num_data
        self.encoder = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 16))
        self.decoder = nn.Sequential(nn.Linear(8, 128), nn.ReLU(), nn.Linear(128, 64))

    def model(self, x: Tensor) -> None:
        """p(z) p(x given z)."""
        pyro.module("decoder", self.decoder)
        with pyro.plate("data", self.num_data, subsample=x):
            z = pyro.sample("z", dist.Normal(x.new_zeros(8), 1.0).to_event(1))
            pyro.sample("x", dist.Normal(self.decoder(z).sigmoid(), 0.1).to_event(1), obs=x)

    def guide(self, x: Tensor) -> None:
        """q(z given x)."""
        pyro.module("encoder", self.encoder)
        with pyro.plate("data", self.num_data, subsample=x):
            loc, log_scale = self.encoder(x).chunk(2, -1)
            pyro.sample("z", dist.Normal(loc, log_scale.exp()).to_event(1))


def main(steps: int = 1000) -> None:
    """Trains, attacks ten pairs of digits and says what came of it."""
    pyro.set_rng_seed(0)
    digits = torch.tensor(load_digits().data, dtype=torch.float32) / 16
    vae = VAE(len(digits))
    elbo = TraceTC_ELBO("z", beta=4.0)
    svi = pyro.infer.SVI(vae.model, vae.guide, pyro.optim.Adam({"lr": 1e-3}), elbo)
    for _ in range(steps):
        svi.step(digits[torch.randint(len(digits), (128,))])

    x, target = digits[:10], digits[10:20]
    error = (reconstruct(vae.model, vae.guide, x) - x).square().mean()
    print(f"squared error of reconstructions {error:.4f}")
    result = Attack(LatentKL(), weights=[0.1, 1.0, 10.0])(vae.model, vae.guide, x, target)
    for weight in (0.1, 1.0, 10.0):
        own = result.weight == weight
        successful = int(result.success(covered=0.5)[own].sum())
        print(
            f"lambda {weight}: {successful} of 10 reconstructions go half of the way, "
            f"|d| {result.norm[own].mean():.2f} of {(target - x).norm(dim=1).mean():.2f}"
        )


if __name__ == "__main__":
    main()
