"""Two small trained runs in `runs/`, so that `seatbelt attack` has something to attack at once."""

from pathlib import Path

from pyro_seatbelt.runs import train_run
from pyro_seatbelt.training import TrainConfig


def main(steps: int = 300, ids: int = 20, out: Path = Path("runs")) -> None:
    """Trains a VAE and a Seatbelt-VAE on a few drawn chairs: a minute on two cores."""
    for model, layers in (("vae", 1), ("seatbelt", 2)):
        config = TrainConfig(
            model=model,
            layers=layers,
            ids=ids,
            network="mlp",
            features=128,
            steps=steps,
            batch_size=32,
            eval_images=64,
        )
        print(train_run(config, out=out / f"small-{model}").folder)
    print("now: seatbelt attack runs/small-vae --pairs 2 --lambdas 8, then seatbelt report")


if __name__ == "__main__":
    main()
