"""Opening runs."""

from pathlib import Path
from typing import NamedTuple

import torch

from pyro_seatbelt import presets
from pyro_seatbelt.attacks.modes import Mode
from pyro_seatbelt.defences import RefinedGuide, SmoothedEncoder
from pyro_seatbelt.errors import InputError
from pyro_seatbelt.guides import BottomUp, TopDown
from pyro_seatbelt.models import Hierarchy
from pyro_seatbelt.models.lipschitz import fix_weights
from pyro_seatbelt.objectives import TraceTC_ELBO
from pyro_seatbelt.runs.folder import RunFolder, RunRecord
from pyro_seatbelt.training.checkpoint import load_checkpoint
from pyro_seatbelt.training.config import TrainConfig
from pyro_seatbelt.training.layout import checkpoints, step_of


class Run(NamedTuple):
    """A trained pair, rebuilt from its folder.

    Attributes:
        folder: The folder.
        config: What it was trained with.
        record: What else is known: the data's fingerprint, the images' shape, when it ran.
        model: The model, in evaluation mode.
        guide: The guide, in evaluation mode, with the defences at inference that the config asks
            for.
        objective: The objective.
        step: How many steps it has been trained for.
    """

    folder: Path
    config: TrainConfig
    record: RunRecord
    model: Hierarchy
    guide: BottomUp | TopDown | RefinedGuide
    objective: TraceTC_ELBO
    step: int

    @property
    def posterior(self) -> BottomUp | TopDown:
        """The guide whose draws have a density, for bounds: without a chain behind it."""
        plain = self.guide.plain if isinstance(self.guide, RefinedGuide) else self.guide
        assert isinstance(plain, BottomUp | TopDown)
        return plain

    def guide_for(self, mode: Mode) -> BottomUp | TopDown | RefinedGuide:
        """The guide that an attack reads.

        A divergence of posteriors is one of q: no chain moves it, and none need run.

        Args:
            mode: What the attack moves towards its target.
        """
        return self.guide if mode == "output" else self.posterior


def load_run(
    folder: Path | str, *, step: int | None = None, device: torch.device | str = "cpu"
) -> Run:
    """Rebuilds a trained pair from its folder alone.

    Args:
        folder: The folder of a run.
        step: Step of the checkpoint to take, by default the newest.
        device: Where the pair is put.

    Returns:
        The pair with its weights, its objective and what is known of the run.

    Raises:
        InputError: If this is no run, it has no such checkpoint, or a file is damaged.
    """
    run = RunFolder(Path(folder))
    config, record = run.read_config(), run.read_record()
    saved = checkpoints(run.checkpoints)
    if step is not None:
        saved = [path for path in saved if step_of(path) == step]
    if not saved:
        wanted = "no checkpoint yet" if step is None else f"no checkpoint of step {step}"
        raise InputError(f"{run.path}: the run has {wanted}")
    checkpoint = load_checkpoint(saved[-1], optimizer=False)
    family = presets.from_config(config, record.image_shape, record.num_train)
    broken = [name for name, each in checkpoint.weights.items() if not each.isfinite().all()]
    if broken:
        raise InputError(
            f"{checkpoint.path}: the weights {broken[0]} are not finite: train the run again"
        )
    checkpoint.restore({"model": family.model, "guide": family.guide})
    fix_weights(family.model)
    fix_weights(family.guide)
    family.model.to(device).eval()
    family.guide.to(device).eval()
    guide = _defended(family, config)
    return Run(run.path, config, record, family.model, guide, family.objective, checkpoint.step)


def _defended(family: presets.Family, config: TrainConfig) -> BottomUp | TopDown | RefinedGuide:
    """Puts the defences at inference around a guide that has its weights."""
    guide = family.guide
    if config.smoothing:
        encoder = SmoothedEncoder(guide.encoder, config.smoothing, config.smoothing_draws)
        guide.encoder = encoder.eval()
    if not config.mcmc_steps:
        return guide
    return RefinedGuide(
        guide, family.model, config.mcmc_steps, step_size=config.mcmc_step_size
    ).eval()


def load_idle_run(folder: Path, *, device: torch.device | str = "cpu") -> Run:
    """Rebuilds a trained pair that nobody is training any more.

    Args:
        folder: The folder of a run.
        device: Where the pair is put.

    Raises:
        InputError: If it is still being trained, or as :func:`load_run` says.
    """
    run = RunFolder(folder)
    run.read_config()  # says so if this is no run
    if run.status(run.read_record()) == "running":
        raise InputError(f"{folder}: the run is still being trained: wait for it, or stop it")
    return load_run(folder, device=device)
