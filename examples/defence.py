"""A defence in training, and what it buys: the same networks with and without a smooth encoder."""

import torch
from pyro.infer import Trace_ELBO
from sklearn.datasets import load_digits
from torch import nn

from pyro_seatbelt import from_modules
from pyro_seatbelt.adapters import ModuleGuide, ModuleModel
from pyro_seatbelt.attacks import MinimumNorm
from pyro_seatbelt.defences import PosteriorAttack, SmoothEncoder
from pyro_seatbelt.evaluation import reconstruct


def train(images: torch.Tensor, weight: float, steps: int) -> tuple[ModuleModel, ModuleGuide]:
    """Trains a VAE whose posteriors of attacked and clean images are held together."""
    torch.manual_seed(0)
    encoder = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 16))
    decoder = nn.Sequential(nn.Linear(8, 128), nn.ReLU(), nn.Linear(128, 64), nn.Sigmoid())
    model, guide = from_modules(
        lambda x: encoder(x).chunk(2, -1), decoder, spread="log_scale", num_data=len(images)
    )
    objective = Trace_ELBO()
    if weight:
        objective = SmoothEncoder(objective, weight, PosteriorAttack(radius=1.0))
    loss = objective(model, guide)
    optimizer = torch.optim.Adam(loss.parameters(), lr=1e-3)
    for _ in range(steps):
        optimizer.zero_grad()
        (loss(images[torch.randint(len(images), (128,))]) / len(images)).backward()
        optimizer.step()
    return model, guide


def main(steps: int = 600) -> None:
    """Compares how much distortion moves a reconstruction half of the way to another digit's."""
    digits = torch.tensor(load_digits().data, dtype=torch.float32) / 16
    training, x, target = digits[:1700], digits[1700:1720], digits[1720:1740]
    for weight in (0.0, 10.0):
        model, guide = train(training, weight, steps)
        error = (reconstruct(model, guide, x) - x).square().mean()
        least = MinimumNorm()(model, guide, x, target)
        print(
            f"smoothness {weight:4}: half of the way takes {least.relative.nanmedian():.3f} of "
            f"|target - x| (mixing the images {least.blend.nanmedian():.3f}), "
            f"squared error {error:.4f}"
        )


if __name__ == "__main__":
    main()
