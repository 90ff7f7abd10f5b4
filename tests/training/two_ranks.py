"""Trains small pairs, in one process or, as a program, as one of two."""

import faulthandler
import sys
from pathlib import Path

import torch
from lightning_fabric import Fabric
from lightning_fabric.strategies import DDPStrategy
from safetensors.torch import save_file

from pyro_seatbelt import presets
from pyro_seatbelt.data import ResidentImages
from pyro_seatbelt.errors import InputError
from pyro_seatbelt.training import LinearWarmup, TrainConfig, TrainingDiverged, fit
from pyro_seatbelt.training.checkpoint import load_checkpoint

FAMILIES = {
    "float32": {},
    "float64": {"estimator": "mss", "free_bits": 0.05, "num_particles": 2},
    "normalised": {"network": "conv", "features": 4},
}


def fabric(precision, size):
    """A Fabric of one process, or of two that somebody has started."""
    options = {"strategy": DDPStrategy()} if size > 1 else {}
    made = Fabric(accelerator="cpu", devices=size, precision=precision, **options)
    made.launch()
    return made


def train(name, folder, size, *, resume=None, callbacks=(), **options):
    """Trains a pair, and keeps what came of it."""
    side = 64 if name == "normalised" else 8
    images = torch.randint(256, (32, 1, side, side), generator=torch.Generator().manual_seed(1))
    torch.manual_seed(0)
    family = presets.build(
        "seatbelt", layers=2, hidden=8, image_shape=(1, side, side), num_data=32, latent_dim=3,
        **{"network": "mlp", "features": 8, **FAMILIES[name]},
    )  # fmt: skip
    config = TrainConfig(
        **{"steps": 6, "batch_size": 8, "device": "cpu", "log_every": 2, "checkpoint_every": 3,
           "clip_norm": 2.0, "seed": 3, **options},
    )  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    outcome = fit(
        *family,
        ResidentImages(images.to(torch.uint8)),
        torch.arange(32),
        config,
        folder=folder,
        resume=resume,
        evaluate=lambda: {"elbo": -1.0},
        schedule=LinearWarmup(family.objective, 4),
        callbacks=callbacks,
        fabric=fabric("64-true" if name == "float64" else "32-true", size),
    )
    weights = {
        f"{prefix}.{key}": value.contiguous()
        for prefix, module in (("m", family.model), ("g", family.guide))
        for key, value in module.state_dict().items()
    }
    return outcome, weights


def main(root, size=2):
    first = fabric("32-true", size)
    rank = first.global_rank
    for name in FAMILIES:
        _, weights = train(name, root / name, size)
        save_file(weights, root / f"{name}-{rank}.safetensors")
    checkpoint = load_checkpoint(root / "float32" / "checkpoints" / "step-00000003")
    first.barrier()
    _, weights = train("float32", root / "again", size, resume=checkpoint)
    save_file(weights, root / f"again-{rank}.safetensors")
    early = {"steps": 20, "eval_every": 2, "patience": 2}
    outcome, _ = train("float32", root / "early", size, **early)
    said = [f"stopped at {outcome.step}, interrupted {outcome.interrupted}"]
    first.barrier()
    checkpoint = load_checkpoint(root / "early" / "checkpoints" / "step-00000006")
    first.barrier()
    train("float32", root / "early", size, resume=checkpoint, **early)
    outcome, _ = train(
        "float32", root / "called", size, steps=20, callbacks=[lambda step, *_: step == 1]
    )
    called = f"stopped at {outcome.step}, interrupted {outcome.interrupted}"
    for options in ({"batch_size": 9}, {"learning_rate": 1e30}):
        try:
            train("float32", root / "broken", size, **options)
        except (InputError, TrainingDiverged) as error:
            said.append(str(error))
    said.append(called)
    (root / f"said-{rank}.txt").write_text("\n".join(said))


if __name__ == "__main__":
    faulthandler.dump_traceback_later(400, exit=True)
    main(Path(sys.argv[1]))
