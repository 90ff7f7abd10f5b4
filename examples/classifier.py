"""A classifier on the latents of digits, attacked through the encoder."""

import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from pyro_seatbelt import TraceTC_ELBO, from_modules
from pyro_seatbelt.attacks import PGD, Attack, Ball, Classifier
from pyro_seatbelt.traces.posteriors import posterior_means


def main(steps: int = 1000) -> None:
    """Trains a VAE, then a classifier on its latents, and measures accuracy under attack."""
    torch.manual_seed(0)
    digits = load_digits()
    images = torch.tensor(digits.data, dtype=torch.float32) / 16
    labels = torch.tensor(digits.target)
    encoder = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 32))
    decoder = nn.Sequential(nn.Linear(16, 128), nn.ReLU(), nn.Linear(128, 64), nn.Sigmoid())
    model, guide = from_modules(
        lambda x: encoder(x).chunk(2, -1), decoder, spread="log_scale", num_data=1500
    )
    loss = TraceTC_ELBO("z", beta=2.0)(model, guide)
    optimizer = torch.optim.Adam(loss.parameters(), lr=1e-3)
    for _ in range(steps):
        optimizer.zero_grad()
        (loss(images[torch.randint(1500, (128,))]) / 1500).backward()
        optimizer.step()

    def latents(x: Tensor) -> Tensor:
        return posterior_means(guide, x)["z"]

    classify = nn.Sequential(nn.Linear(16, 64), nn.ReLU(), nn.Linear(64, 10))
    optimizer = torch.optim.Adam(classify.parameters(), lr=1e-2)
    z = latents(images[:1500])
    for _ in range(steps):
        optimizer.zero_grad()
        cross_entropy(classify(z), labels[:1500]).backward()
        optimizer.step()

    x, own = images[1500:1600], labels[1500:1600]

    def accuracy(pictures: Tensor) -> float:
        return (classify(latents(pictures)).argmax(1) == own).float().mean().item()

    print(f"accuracy on held-out digits {accuracy(x):.2f}")
    objective = Classifier(classify, loss="margin")
    for radius in (0.02, 0.05, 0.1):
        ball = Ball("linf", radius)
        attack = Attack(objective, PGD(), weights=[0.0], ball=ball, noise="mean")
        result = attack(model, guide, x)
        noise = radius * (2 * torch.rand_like(x).round() - 1)
        changed = result.success(distance=0.0).float().mean()
        print(
            f"pixels within {radius}: accuracy {accuracy(result.adversarial):.2f} under attack, "
            f"{accuracy((x + noise).clamp(0, 1)):.2f} under noise; {changed:.0%} of labels changed"
        )


if __name__ == "__main__":
    main()
