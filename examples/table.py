"""A table instead of images: which measurements of a wine an attacker would have to falsify."""

import torch
from sklearn.datasets import load_wine
from torch import nn

from pyro_seatbelt import Attack, LatentKL, TraceTC_ELBO, from_modules


def main(steps: int = 1000) -> None:
    """Trains on standardised columns, attacks wines of another grower, and names the columns."""
    torch.manual_seed(0)
    wine = load_wine()
    table = torch.tensor(wine.data, dtype=torch.float32)
    mean, std = table.mean(0), table.std(0)
    rows = (table - mean) / std
    encoder = nn.Sequential(nn.Linear(13, 64), nn.Tanh(), nn.Linear(64, 8))
    decoder = nn.Sequential(nn.Linear(4, 64), nn.Tanh(), nn.Linear(64, 13))
    model, guide = from_modules(
        lambda x: encoder(x).chunk(2, -1),
        decoder,
        spread="log_scale",
        likelihood=0.5,
        num_data=len(rows),
    )
    loss = TraceTC_ELBO("z", beta=2.0)(model, guide)
    optimizer = torch.optim.Adam(loss.parameters(), lr=3e-3)
    for _ in range(steps):
        optimizer.zero_grad()
        (loss(rows[torch.randint(len(rows), (64,))]) / len(rows)).backward()
        optimizer.step()

    # a column stays within what was measured, in its own units
    limits = (rows.amin(0).tolist(), rows.amax(0).tolist())
    kinds = torch.tensor(wine.target)
    x, target = rows[kinds == 0][:20], rows[kinds == 2][:20]
    result = Attack(LatentKL(), weights=[1.0], limits=limits)(model, guide, x, target)
    successful = result.success(covered=0.5)
    print(f"{int(successful.sum())} of 20 wines are reconstructed half as those of grower 3")
    moved = (result.distortion * std).mean(0)
    for column in result.distortion.abs().mean(0).argsort(descending=True)[:3]:
        print(f"{wine.feature_names[column]}: {moved[column]:+.2f} of {mean[column]:.2f}")


if __name__ == "__main__":
    main()
