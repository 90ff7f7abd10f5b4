"""The autoencoder of a latent diffusion model, attacked: `autoencoder_kl.py [CHECKPOINT]`.

CHECKPOINT is a folder with `config.json` and safetensors. Without one a tiny autoencoder is
trained on drawn shapes first.
"""

import sys
from pathlib import Path

import torch
from torch import Tensor

from pyro_seatbelt import Attack, LatentKL, from_autoencoder_kl
from pyro_seatbelt.attacks import LBFGSB
from pyro_seatbelt.evaluation import reconstruct
from pyro_seatbelt.plots import image_rows
from pyro_seatbelt.plots.lines import Line, line_chart

WEIGHTS = [0.0, *torch.logspace(-1, 4, 11).tolist()]


def shapes(num: int) -> Tensor:
    """Discs and squares of some colour on another, 32x32."""
    place, size = torch.rand(2, num, 1, 1) * 16 + 8, torch.rand(num, 1, 1) * 5 + 4
    row, column = torch.meshgrid(torch.arange(32.0), torch.arange(32.0), indexing="ij")
    far = torch.stack([(row - place[0]).abs(), (column - place[1]).abs()])
    disc = torch.rand(num, 1, 1) < 0.5
    inside = torch.where(disc, far.norm(dim=0), far.amax(0)) < size
    colour, ground = torch.rand(2, num, 3, 1, 1)
    return torch.where(inside[:, None], colour, ground)


def train(steps: int) -> torch.nn.Module:
    """Trains a tiny autoencoder."""
    from diffusers import AutoencoderKL

    down, up = ("DownEncoderBlock2D",) * 3, ("UpDecoderBlock2D",) * 3
    widths = {"block_out_channels": (16, 16, 16), "norm_num_groups": 4, "latent_channels": 4}
    vae = AutoencoderKL(**widths, down_block_types=down, up_block_types=up, sample_size=32)
    optimizer = torch.optim.Adam(vae.parameters(), lr=2e-3)
    for _ in range(steps):
        x = 2 * shapes(16) - 1
        posterior = vae.encode(x).latent_dist
        error = (vae.decode(posterior.sample()).sample - x).square().sum() / 0.02
        loss = error + posterior.kl().sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return vae


def main(steps: int = 300, checkpoint: str | None = None, out: Path = Path()) -> None:
    """Attacks one image to look like another, and draws the curve and the pictures."""
    torch.manual_seed(0)
    x, target = shapes(2).split(1)
    model, guide = from_autoencoder_kl(checkpoint or train(steps))
    attack = Attack(LatentKL(), LBFGSB(max_iterations=max(5, steps // 5)), WEIGHTS, rows=16)
    result = attack(model, guide, x, target)
    assert result.covered is not None
    relative = result.norm / (target - x).norm()
    least = relative[result.success(covered=0.5)].min()
    print(f"of the penalties tried, the least |d| that goes half of the way: {least:.2f} |x_t - x|")
    order = relative.argsort()
    curve = {"x": relative[order].tolist(), "y": result.covered[order].tolist()}
    line = Line(name="latent attack", **curve)
    labels = {"xlabel": "|d| / |target - input|", "ylabel": "share of the way covered"}
    line_chart([line], **labels).savefig(out / "autoencoder_kl_curve.png", dpi=150)
    best = int(torch.where(result.success(covered=0.5), relative, torch.inf).argmin())
    shown = torch.cat([x, result.adversarial[[best]], target])
    rows = {"images": shown, "reconstructions": reconstruct(model, guide, shown).clamp(0, 1)}
    figure = image_rows(
        {name: each.numpy() for name, each in rows.items()}, columns=["input", "attack", "target"]
    )
    figure.savefig(out / "autoencoder_kl.png", dpi=150)


if __name__ == "__main__":
    main(checkpoint=sys.argv[1] if len(sys.argv) > 1 else None)
