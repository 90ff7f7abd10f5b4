"""Small models and guides that attacks are tried on."""

from collections.abc import Callable

import pyro
import pyro.distributions as dist
import torch
from pyro.nn import PyroModule
from torch import Tensor, nn
from torch.nn.functional import softplus

IMAGE = (1, 4, 4)
PIXELS = 16


def linear(rows: int, columns: int, seed: int, scale: float = 1.0) -> nn.Linear:
    layer = nn.Linear(columns, rows)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        layer.weight.copy_(scale * torch.randn(rows, columns, generator=generator) / columns**0.5)
        layer.bias.copy_(0.1 * torch.randn(rows, generator=generator))
    return layer


class ChainModel(PyroModule):
    """zL -> ... -> z1, and an image from all of them."""

    def __init__(self, layers: int = 2, dim: int = 3, plate: str = "data") -> None:
        super().__init__()
        self.layers, self.dim, self.plate = layers, dim, plate
        self.ups = nn.ModuleList(linear(dim, dim, 10 + i) for i in range(layers - 1))
        self.decoder = linear(PIXELS, dim * layers, 20, 2.0)

    def forward(self, x: Tensor) -> None:
        with pyro.plate(self.plate, 1000, subsample=x):
            loc = x.new_zeros(len(x), self.dim)
            z = [pyro.sample(f"z{self.layers}", dist.Normal(loc, 1.0).to_event(1))]
            for i in range(self.layers - 1, 0, -1):
                fn = dist.Normal(self.ups[i - 1](z[-1]), 0.7).to_event(1)
                z.append(pyro.sample(f"z{i}", fn))
            image = self.decoder(torch.cat(z, -1)).view(-1, *IMAGE)
            pyro.sample("x", dist.Normal(image.sigmoid(), 0.3).to_event(3), obs=x)


class ChainGuide(PyroModule):
    """x -> z1 -> ... -> zL, of any family with a location and a scale."""

    def __init__(
        self,
        layers: int = 2,
        dim: int = 3,
        plate: str = "data",
        family: Callable[..., dist.TorchDistribution] = dist.Normal,
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        self.layers, self.dim, self.plate, self.family = layers, dim, plate, family
        self.encoder = nn.Sequential(
            nn.Flatten(), linear(12, PIXELS, 1, 2.0), nn.Tanh(), nn.Dropout(dropout)
        )
        self.heads = nn.ModuleList(
            linear(2 * dim, 12 if i == 0 else dim, 2 + i, 2.0) for i in range(layers)
        )

    def forward(self, x: Tensor) -> None:
        with pyro.plate(self.plate, 1000, subsample=x):
            parent = self.encoder(x)
            for i, head in enumerate(self.heads, start=1):
                loc, scale = head(parent).chunk(2, -1)
                fn = self.family(loc, softplus(scale) + 0.1).to_event(1)
                parent = pyro.sample(f"z{i}", fn)


class TutorialVAE(nn.Module):
    """As in Pyro's tutorial: bound methods, `pyro.module`, a plate of the batch's own size."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Sequential(linear(20, PIXELS, 30, 2.0), nn.Softplus())
        self.loc, self.log_scale = linear(3, 20, 31), linear(3, 20, 32)
        self.decoder = nn.Sequential(linear(20, 3, 33), nn.Softplus(), linear(PIXELS, 20, 34))

    def model(self, x: Tensor) -> Tensor:
        pyro.module("decoder", self.decoder)
        with pyro.plate("data", x.shape[0]):
            z_loc = torch.zeros(x.shape[0], 3, dtype=x.dtype)
            z = pyro.sample("latent", dist.Normal(z_loc, torch.ones_like(z_loc)).to_event(1))
            loc = self.decoder(z).sigmoid()
            pyro.sample(
                "obs",
                dist.Bernoulli(loc, validate_args=False).to_event(1),
                obs=x.reshape(-1, PIXELS),
            )
            return loc

    def guide(self, x: Tensor) -> None:
        pyro.module("encoder", self.encoder)
        with pyro.plate("data", x.shape[0]):
            hidden = self.encoder(x.reshape(-1, PIXELS))
            fn = dist.Normal(self.loc(hidden), self.log_scale(hidden).exp())
            pyro.sample("latent", fn.to_event(1))


def images(num: int, seed: int) -> Tensor:
    """Random images with some pixels at the ends of the range."""
    draw = torch.rand(num, *IMAGE, generator=torch.Generator().manual_seed(seed))
    return (1.6 * draw - 0.3).clamp(0, 1)
