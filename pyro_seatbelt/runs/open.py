"""Opening runs."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import nn

from pyro_seatbelt import presets
from pyro_seatbelt.attacks.modes import Mode
from pyro_seatbelt.defences import RefinedGuide, SmoothedEncoder
from pyro_seatbelt.errors import InputError
from pyro_seatbelt.guides import BottomUp, TopDown
from pyro_seatbelt.models import Hierarchy
from pyro_seatbelt.models.lipschitz import fix_weights
from pyro_seatbelt.objectives import TraceTC_ELBO
from pyro_seatbelt.runs import estimator, hub
from pyro_seatbelt.runs.export import Exported, export_onnx
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
        objective: The objective, with the weights of what it learns beside the pair.
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

    def transform(self, images: ArrayLike) -> NDArray[np.float32]:
        """Gives the posterior means of images, as scikit-learn's transformers do.

        Args:
            images: Pixels in [0, 1], or from 0 to 255 as uint8: shape `(n, C, H, W)`,
                `(n, C * H * W)` or, of one channel, `(n, H, W)`.

        Returns:
            The means of all layers side by side, the lowest first, shape `(n, D)`.

        Raises:
            InputError: When the images are of another shape, or not in the range.
        """
        names = self.model.latents
        return estimator.transform(self.guide, images, self.record.image_shape, names)

    def inverse_transform(self, latents: ArrayLike) -> NDArray[np.float32]:
        """Gives the mean images of latents; of ``run.transform(images)`` reconstructions.

        Args:
            latents: All layers side by side, the lowest first, shape `(n, D)`.

        Returns:
            Pixels, shape `(n, C, H, W)`.

        Raises:
            InputError: When they are no finite numbers, or too many or few.
        """
        return estimator.inverse_transform(self.model, latents, self.record.image_shape)

    def score(
        self, images: ArrayLike, y: object = None, *, num_draws: int = 1, seed: int = 0
    ) -> float:
        """Estimates the ELBO of images at weights 1, in nats per image: the larger, the better.

        The estimate is unbiased for the ELBO, which is a lower bound of the log-likelihood. Of a
        run with a chain behind its guide it is that of the guide alone.

        Args:
            images: As :meth:`transform` has them; of images that training has not seen it is the
                held-out ELBO.
            y: Not used.
            num_draws: Draws of the latents for each image.
            seed: Seeds the draws.

        Raises:
            InputError: As :meth:`transform` says, or without a draw.
        """
        del y
        shape, pair = self.record.image_shape, (self.model, self.posterior)
        return estimator.score(*pair, images, shape, num_draws=num_draws, seed=seed)

    def export_onnx(self, folder: Path | str) -> Exported:
        """Writes encoder and decoder as ONNX graphs (extra `onnx`).

        Args:
            folder: Where `encoder.onnx` and `decoder.onnx` go; it is made if it is not there.

        Returns:
            The two files, and what goes in and comes out.

        Raises:
            InputError: When the run has a defence at inference, or the disk does not take them.
            ModuleNotFoundError: When what torch exports with is not installed.
        """
        if self.config.smoothing or self.config.mcmc_steps:
            raise InputError(
                f"{self.folder}: a defence at inference draws, and has no graph: export the run "
                "that it was put around"
            )
        return export_onnx(self.model, self.posterior, self.record.image_shape, Path(folder))

    def push_to_hub(self, name: str, *, private: bool = False) -> str:
        """Puts the run on the Hugging Face Hub: its weights, its config and its record.

        Weights are safetensors; the optimiser's state, metrics, figures and attacks stay here. The
        config and the record go up as they are, a `data_dir` of yours included. You are who you
        have logged in as with `hf auth login`.

        Args:
            name: `owner/name` of the repository, which is made if it is not there.
            private: Whether a new repository is private.

        Returns:
            The address that :func:`load_run` takes.

        Raises:
            InputError: When the name is none, or the hub does not take it.
            ModuleNotFoundError: When `huggingface_hub` (extra `hub`) is not installed.
        """
        return hub.push_run(self.folder, self.config, self.step, name, private=private)


def load_run(
    folder: Path | str, *, step: int | None = None, device: torch.device | str = "cpu"
) -> Run:
    """Rebuilds a trained pair from its folder alone.

    Args:
        folder: The folder of a run, or ``hf://owner/name`` or ``hf://owner/name@revision`` for one
            on the Hugging Face Hub (extra `hub`). That is downloaded once for each revision, and
            nothing in it is believed without its manifest.
        step: Step of the checkpoint to take, by default the newest.
        device: Where the pair is put.

    Returns:
        The pair with its weights, its objective and what is known of the run.

    Raises:
        InputError: If this is no run, it has no such checkpoint, or a file is damaged.
    """
    if isinstance(folder, str) and folder.startswith(hub.SCHEME):
        folder = hub.fetch_run(folder)
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
    networks = getattr(family.objective, "networks", {})
    modules: dict[str, nn.Module] = {"model": family.model, "guide": family.guide, **networks}
    checkpoint.restore(modules)
    for module in modules.values():
        fix_weights(module)
        module.to(device).eval()
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
