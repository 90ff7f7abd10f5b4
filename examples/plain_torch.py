"""A VAE of plain torch modules on normalised images, trained by its own loop, then attacked."""

import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn.functional import mse_loss

from pyro_seatbelt import Attack, LatentKL, from_modules
from pyro_seatbelt.attacks import MinimumNorm

MEAN, STD, SCALE = 0.305, 0.376, 0.3


class Encoder(nn.Module):
    """Images to the mean and the log-variance of their latents."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(1, 16, 3, 2, 1), nn.ReLU(), nn.Conv2d(16, 32, 3, 2, 1), nn.ReLU()
        )
        self.loc, self.log_variance = nn.Linear(128, 8), nn.Linear(128, 8)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Encodes."""
        hidden = self.layers(x).flatten(1)
        return self.loc(hidden), self.log_variance(hidden)


def main(steps: int = 1000) -> None:
    """Trains, attacks ten pairs of digits and says what came of it."""
    torch.manual_seed(0)
    pixels = torch.tensor(load_digits().images, dtype=torch.float32)[:, None] / 16
    images = (pixels - MEAN) / STD
    encoder = Encoder()
    decoder = nn.Sequential(
        nn.Linear(8, 128), nn.ReLU(), nn.Linear(128, 64), nn.Unflatten(1, (1, 8, 8))
    )
    optimizer = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=1e-3)
    for _ in range(steps):
        x = images[torch.randint(len(images), (128,))]
        loc, log_variance = encoder(x)
        z = loc + (log_variance / 2).exp() * torch.randn_like(loc)
        kl = 0.5 * (loc.square() + log_variance.exp() - 1 - log_variance).sum()
        loss = mse_loss(decoder(z), x, reduction="sum") / (2 * SCALE**2) + kl
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    model, guide = from_modules(encoder, decoder, spread="log_variance", likelihood=SCALE)
    limits = ([-MEAN / STD], [(1 - MEAN) / STD])  # of each channel: there is one
    x, target = images[:10], images[10:20]
    result = Attack(LatentKL(), weights=[0.0, 1.0], limits=limits)(model, guide, x, target)
    successful = result.success(covered=0.9).view(10, 2)
    print(f"{int(successful[:, 0].sum())} of 10 go 90 % of the way with any distortion,")
    print(f"{int(successful[:, 1].sum())} where |d| costs 1 nat a unit")
    least = MinimumNorm(limits=limits)(model, guide, x, target).relative
    print(f"half of the way takes {least.nanmedian():.2f} of |target - x|")


if __name__ == "__main__":
    main()
