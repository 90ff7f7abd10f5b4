"""A small sweep from Python: two models of digits, attacked and compared."""

from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

from pyro_seatbelt.sweeps import Grid, SweepOptions, attack_table, run_jobs, run_table


def main(steps: int = 400, images: int = 100, out: Path = Path("digits")) -> None:
    """Trains, attacks and evaluates the grid; the same call again goes on where it stopped."""
    out.mkdir(exist_ok=True)
    pixels = (load_digits().images * 255 / 16).astype(np.uint8)[:500, None]
    np.save(out / "digits.npy", pixels.repeat(8, axis=2).repeat(8, axis=3))  # 64x64
    grid = Grid(
        train={
            "dataset": "folder",
            "data_dir": out / "digits.npy",
            "network": "mlp",
            "features": 64,
            "latent_dim": 8,
            "steps": steps,
            "batch_size": 64,
        },
        grid={"model": ["vae", "seatbelt"], "layers": [2], "beta": [6.0]},
        attack=[
            {
                "modes": ["latent"],
                "pairs": 2,
                "weights": [0.1, 1.0],
                "max_iterations": min(50, steps),
                "figures": False,
            }
        ],
        evaluate={"images": images, "iwae_samples": 16, "figures": False},
    )
    result = run_jobs(grid.jobs(), out / "sweep", SweepOptions(workers=1))
    print(run_table(result.folder)[["model", "elbo", "mse"]].to_string(index=False))
    attacks = attack_table(result.folder)
    print(attacks.groupby("model")[["norm", "covered"]].mean().to_string())


if __name__ == "__main__":
    main()
