"""What a training run is made of: one flat, checked, immutable record."""

from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self, get_args

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from pyro_seatbelt.documents import parse_json, parse_toml, read_bytes
from pyro_seatbelt.errors import InputError
from pyro_seatbelt.family import (
    PRESETS,
    DataRangeName,
    EstimatorName,
    GuideName,
    LearningRateScheduleName,
    LikelihoodName,
    LoggerName,
    NetworkName,
    OptimizerName,
    PrecisionName,
    PresetName,
    choose_guide,
    num_layers,
    settle,
)
from pyro_seatbelt.files import expanded
from pyro_seatbelt.formats import without_format
from pyro_seatbelt.options import Device, Expected, Flag, Group, Options

DEFAULT_STEPS = 20_000
"""How long a run is when neither steps nor epochs are given."""
DEFAULT_EVAL_IMAGES = 2048
"""How many held-out images an evaluation reads at most when nobody says how many."""


DEFAULT_LATENT_DIM = 10
DEFAULT_MOMENTUM = 0.9


def _words(value: Any) -> Any:
    """A list, also from a text such as `csv,wandb`."""
    return [word.strip() for word in value.split(",")] if isinstance(value, str) else value


def _lengths(value: Any) -> Any:
    """A list of whole numbers, also from a text such as `96,48,24`."""
    if not isinstance(value, str):
        return value
    return [int(word) if word.isdecimal() else word for word in _words(value)]


class Changeable:
    """Marks a field that may differ when a run is resumed: it does not change what a step does."""


_DATA = Group("Data")
_MODEL = Group("Model and guide")
_OBJECTIVE = Group("Objective")
_DEFENCE = Group("Defence")
_INFERENCE = Group("Inference")
_OPTIMISATION = Group("Optimisation")
_MACHINE = Group("Machine")
_RECORDS = Group("Records")


class TrainConfig(Options):
    """Everything that decides a training run, defaults included.

    Fields are documented by their descriptions, which are also the help texts
    of ``seatbelt train``. Saved as JSON beside the weights, a config read back
    is equal to the one that was saved.

    Raises:
        InputError: If a value is out of its bounds or a name is unknown: one line that names the
            field, what was expected and what came.

    Example:
        >>> config = TrainConfig(model="beta-tcvae", beta=4, epochs=10)
        >>> config.beta, config.steps
        (4.0, None)
        >>> TrainConfig(beta=-1)
        Traceback (most recent call last):
            ...
        pyro_seatbelt.errors.InputError: beta: expected >= 0, got -1
        >>> TrainConfig.merge({"epochs": 5, "beta": 2}, {"steps": 100}).epochs is None
        True
    """

    noun: ClassVar[str] = "setting of a run"
    exclusive: ClassVar[tuple[str, str]] = ("steps", "epochs")

    dataset: Annotated[
        str, _DATA, Field(min_length=1, description="Data set; `seatbelt data list` shows them.")
    ] = "synth-chairs"
    data_dir: Annotated[
        Path | None,
        _DATA,
        AfterValidator(lambda path: path and expanded(path).absolute()),
        Field(description="Your own images, for the data set `folder`: a folder, .npy or .npz."),
    ] = None
    ids: Annotated[int | None, _DATA, Field(ge=2, description="Use only so many identities.")] = (
        None
    )
    holdout: Annotated[
        float,
        _DATA,
        Field(gt=0, lt=1, description="Share of the identities that training never sees."),
    ] = 0.1

    model: Annotated[
        PresetName,
        _MODEL,
        Field(description="Member of the family."),
    ] = "seatbelt"
    layers: Annotated[
        int | None,
        _MODEL,
        Field(
            ge=1,
            le=1000,
            description="Latent layers L; without it, 1 for flat models, 4 for deep ones.",
        ),
    ] = None
    latent_dim: Annotated[int, _MODEL, Field(ge=1, description="Dimensions of a latent layer.")] = (
        DEFAULT_LATENT_DIM
    )
    latent_dims: Annotated[
        Annotated[tuple[Annotated[int, Field(ge=1)], ...], Field(min_length=1)] | None,
        _MODEL,
        BeforeValidator(_lengths),
        Flag("--latent-dims", metavar="N,N,...", text=True),
        Expected("latent_dims to be whole numbers >= 1, such as 96,48,24"),
        Field(
            description="Dimensions of every latent layer, lowest first, such as 96,48,24,12,6, "
            "instead of --latent-dim; there are as many layers.",
        ),
    ] = None
    network: Annotated[
        NetworkName, _MODEL, Field(description="Encoder and decoder of the images.")
    ] = "conv"
    hidden: Annotated[
        int, _MODEL, Field(ge=1, description="Width of the networks between latent layers.")
    ] = 256
    features: Annotated[
        int | None,
        _MODEL,
        Field(ge=1, description="Width of the image networks; without it, 512 (conv), 1200 (mlp)."),
    ] = None
    lipschitz: Annotated[
        float | None,
        _MODEL,
        Field(
            gt=0,
            description="How many times as fast as the image the reconstruction of lipschitz "
            "networks may move; 16 without it.",
        ),
    ] = None
    guide: Annotated[
        GuideName,
        _MODEL,
        Field(
            description="Direction of the amortised posterior; of ladder-vae and biva it is "
            "their own."
        ),
    ] = "bottom-up"
    likelihood: Annotated[
        LikelihoodName,
        _MODEL,
        Field(description="Distribution of a pixel given the latents."),
    ] = "bernoulli"
    likelihood_scale: Annotated[
        Annotated[float, Field(gt=0)] | Literal["learned"] | None,
        _MODEL,
        Expected("a number > 0 or 'learned'"),  # pydantic reports every member of a union
        Field(description="Scale of a gaussian or laplace pixel: a number, or `learned`."),
    ] = None
    data_range: Annotated[
        DataRangeName,
        _MODEL,
        Field(
            description="Values of a pixel as the encoder and a gaussian or laplace scale see it: "
            "[0, 1] (unit) or [-1, 1] (signed), where a scale of 0.1 is 0.05 in [0, 1]."
        ),
    ] = "unit"

    beta: Annotated[
        float | None,
        _OBJECTIVE,
        Field(ge=0, description="Weight of the total correlation; 6 where the model has one."),
    ] = None
    alpha: Annotated[
        float | None,
        _OBJECTIVE,
        Field(ge=0, description="Weight of the mutual information, instead of the model's own."),
    ] = None
    gamma: Annotated[
        float | None,
        _OBJECTIVE,
        Field(ge=0, description="Weight of the dimension-wise KL, instead of the model's own."),
    ] = None
    groups: Annotated[
        Annotated[tuple[Annotated[int, Field(ge=1)], ...], Field(min_length=1)] | None,
        _OBJECTIVE,
        BeforeValidator(_lengths),
        Flag("--groups", metavar="N,N,...", text=True),
        Expected("groups to be whole numbers >= 1, such as 4,6"),
        Field(
            description="Dimensions of every group of an hfvae, such as 4,6; two halves without it."
        ),
    ] = None
    within_beta: Annotated[
        float | None,
        _OBJECTIVE,
        Field(
            ge=0,
            description="Weight of the total correlation inside the groups of an hfvae; 1 without "
            "it. Beta is that between groups.",
        ),
    ] = None
    discriminator_width: Annotated[
        int | None,
        _OBJECTIVE,
        Field(ge=1, description="Width of the discriminator of a factor-vae; 1000 without it."),
    ] = None
    discriminator_rate: Annotated[
        float | None,
        _OBJECTIVE,
        Field(
            gt=0,
            description="Adam's step size for the discriminator of a factor-vae; 1e-4 without it.",
        ),
    ] = None
    estimator: Annotated[
        EstimatorName,
        _OBJECTIVE,
        Field(description="How a minibatch estimates the aggregate posterior in the loss."),
    ] = "mws"
    free_bits: Annotated[
        float,
        _OBJECTIVE,
        Field(ge=0, description="Floor under the KL of every latent dimension, in nats."),
    ] = 0.0
    analytic_entropy: Annotated[
        bool, _OBJECTIVE, Field(description="Use the closed-form entropy of the guide.")
    ] = False
    num_particles: Annotated[
        int, _OBJECTIVE, Field(ge=1, description="Draws of the latents for each image.")
    ] = 1

    input_noise: Annotated[
        float,
        _DEFENCE,
        Field(ge=0, description="Scale of noise on what the guide sees, in pixels from 0 to 1."),
    ] = 0.0
    adversarial_radius: Annotated[
        float,
        _DEFENCE,
        Field(
            ge=0,
            description="L2 norm of the attacks on what the guide sees, in pixels from 0 to 1.",
        ),
    ] = 0.0
    smooth_weight: Annotated[
        float,
        _DEFENCE,
        Field(ge=0, description="Weight of the coupling of attacked and clean posteriors."),
    ] = 0.0
    smooth_radius: Annotated[
        float,
        _DEFENCE,
        Field(ge=0, description="L2 norm of the attacks of that coupling, in pixels from 0 to 1."),
    ] = 0.0
    attack_steps: Annotated[
        int, _DEFENCE, Field(ge=1, description="Gradient steps of each attack while training.")
    ] = 3
    smoothing: Annotated[
        float,
        _INFERENCE,
        Field(
            ge=0,
            description="Scale of the noise, in pixels from 0 to 1, over which the encoder is "
            "averaged when the run is opened. Training and its held-out numbers are without.",
        ),
    ] = 0.0
    smoothing_draws: Annotated[
        int, _INFERENCE, Field(ge=1, le=1000, description="Draws of that noise for each image.")
    ] = 8
    mcmc_steps: Annotated[
        int,
        _INFERENCE,
        Field(
            ge=0,
            le=1000,
            description="Hamiltonian steps after the guide's draws when the run is opened. "
            "Training and its held-out numbers are without.",
        ),
    ] = 0
    mcmc_step_size: Annotated[
        float,
        _INFERENCE,
        Field(gt=0, description="Size of such a step, in posterior standard deviations."),
    ] = 0.25

    steps: Annotated[
        int | None,
        _OPTIMISATION,
        Changeable,
        Field(ge=1, description=f"Gradient steps; {DEFAULT_STEPS} unless epochs are given."),
    ] = None
    epochs: Annotated[
        int | None,
        _OPTIMISATION,
        Changeable,
        Field(ge=1, description="Passes over the data, instead of steps."),
    ] = None
    batch_size: Annotated[int, _OPTIMISATION, Field(ge=2, description="Images in a minibatch.")] = (
        128
    )
    optimizer: Annotated[
        OptimizerName, _OPTIMISATION, Field(description="Torch's optimiser of this name.")
    ] = "adam"
    learning_rate: Annotated[
        float, _OPTIMISATION, Field(gt=0, description="The optimiser's step size.")
    ] = 1e-3
    weight_decay: Annotated[
        float | None,
        _OPTIMISATION,
        Field(ge=0, description="Weight decay; without it torch's own, 0.01 of adamw, else 0."),
    ] = None
    momentum: Annotated[float, _OPTIMISATION, Field(ge=0, lt=1, description="Momentum of sgd.")] = (
        DEFAULT_MOMENTUM
    )
    learning_rate_schedule: Annotated[
        LearningRateScheduleName,
        _OPTIMISATION,
        Field(
            description="Whether the step size stays, or falls towards 0 along half a cosine: over "
            "all steps, which cannot change then when the run is resumed, or again and again."
        ),
    ] = "constant"
    restart_steps: Annotated[
        int | None,
        _OPTIMISATION,
        Field(ge=1, description="Steps until cosine-restarts begins anew."),
    ] = None
    restart_factor: Annotated[
        int,
        _OPTIMISATION,
        Field(ge=1, description="How many times as long each such period is as the one before."),
    ] = 1
    patience: Annotated[
        int | None,
        _OPTIMISATION,
        Changeable,
        Field(
            ge=1,
            description="Stop when the held-out ELBO has not improved for so many evaluations.",
        ),
    ] = None
    warmup_steps: Annotated[
        int,
        _OPTIMISATION,
        Field(ge=0, description="Steps over which the objective's weight rises from 0, linearly."),
    ] = 0
    clip_norm: Annotated[
        float | None,
        _OPTIMISATION,
        Field(gt=0, description="Largest 2-norm of the gradient; longer ones are scaled down."),
    ] = None
    seed: Annotated[
        int,
        _OPTIMISATION,
        Field(
            ge=0, lt=2**32, description="Seed of the split, the weights, the order and the draws."
        ),
    ] = 0

    device: Annotated[Device, _MACHINE, Changeable] = "auto"
    devices: Annotated[
        int,
        _MACHINE,
        Field(ge=1, description="Processes of each machine, one a device, that share a minibatch."),
    ] = 1
    num_nodes: Annotated[
        int, _MACHINE, Field(ge=1, description="Machines that share a minibatch.")
    ] = 1
    precision: Annotated[
        PrecisionName,
        _MACHINE,
        Field(
            description="Arithmetic of the networks, as Lightning Fabric names it; or tf32: on "
            "CUDA, float32 whose matrix products have 10 bits of fraction."
        ),
    ] = "32-true"
    cuda_graph: Annotated[
        bool,
        _MACHINE,
        Changeable,
        Field(description="On CUDA, record a step and launch it as a whole."),
    ] = True
    deterministic: Annotated[
        bool,
        _MACHINE,
        Changeable,
        Field(description="Only operations that give the same result every time, on a GPU too."),
    ] = False
    detect_anomaly: Annotated[
        bool,
        _MACHINE,
        Changeable,
        Field(description="Name the operation whose gradient is no number. Several times slower."),
    ] = False

    log_every: Annotated[
        int,
        _RECORDS,
        Changeable,
        Field(ge=1, description="Steps between two lines of training metrics."),
    ] = 50
    eval_every: Annotated[
        int,
        _RECORDS,
        Changeable,
        Field(ge=1, description="Steps between two evaluations on held-out images."),
    ] = 1000
    eval_images: Annotated[
        int | None,
        _RECORDS,
        Changeable,
        Field(
            ge=2,
            description="At most so many held-out images are evaluated; "
            f"{DEFAULT_EVAL_IMAGES} unless fewer are trained on between two evaluations.",
        ),
    ] = None
    checkpoint_every: Annotated[
        int,
        _RECORDS,
        Changeable,
        Field(ge=1, description="Steps between two checkpoints."),
    ] = 1000
    checkpoint_minutes: Annotated[
        float | None,
        _RECORDS,
        Changeable,
        Field(
            gt=0, description="Minutes between two checkpoints at most, besides --checkpoint-every."
        ),
    ] = None
    keep_checkpoints: Annotated[
        int,
        _RECORDS,
        Changeable,
        Field(ge=1, description="How many of the newest checkpoints are kept."),
    ] = 3
    tensorboard: Annotated[
        bool,
        _RECORDS,
        Changeable,
        Field(description="Write TensorBoard events too (needs the extra)."),
    ] = False
    loggers: Annotated[
        tuple[LoggerName, ...],
        _RECORDS,
        Changeable,
        BeforeValidator(_words),
        Flag("--loggers", metavar="NAME,...", text=True),
        Expected(f"loggers to be names, such as csv,wandb: {', '.join(get_args(LoggerName))}"),
        Field(description="Lightning's loggers that get the numbers too: csv, mlflow, ..."),
    ] = ()

    @model_validator(mode="before")
    @classmethod
    def _steps_or_epochs(cls, values: Any) -> Any:
        if not isinstance(values, dict):  # a config already
            return values
        steps, epochs = values.get("steps"), values.get("epochs")
        if steps is not None and epochs is not None:
            raise ValueError(
                f"steps: expected steps or epochs, not both, got {steps} steps and {epochs} epochs"
            )
        if steps is None and epochs is None:
            return {**values, "steps": DEFAULT_STEPS}
        return values

    @model_validator(mode="before")
    @classmethod
    def _usual_guide(cls, values: Any) -> Any:
        if not isinstance(values, dict) or "guide" in values:
            return values
        model = values.get("model", cls.model_fields["model"].default)
        known = isinstance(model, str) and model in PRESETS
        return {**values, "guide": choose_guide(model)} if known else values

    @model_validator(mode="after")
    def _coupling_is_whole(self) -> Self:
        if bool(self.smooth_weight) != bool(self.smooth_radius):
            missing = "smooth_radius" if self.smooth_weight else "smooth_weight"
            raise ValueError(
                f"{missing}: expected > 0, or 0 for both, got smooth_weight={self.smooth_weight:g} "
                f"and smooth_radius={self.smooth_radius:g}"
            )
        return self

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        if self.latent_dims is not None and self.latent_dim != DEFAULT_LATENT_DIM:
            raise ValueError(
                "latent_dims: expected latent_dim or latent_dims, not both, got "
                f"{self.latent_dim} and {','.join(map(str, self.latent_dims))}"
            )
        num_layers(self.layers, self.latent_dims)
        choose_guide(self.model, self.guide)
        if self.data_range == "signed" and self.likelihood not in ("gaussian", "laplace"):
            raise ValueError(
                "data_range: expected a gaussian or laplace likelihood for signed pixels, got "
                f"{self.likelihood}: choose another likelihood, or leave data_range out"
            )
        return self

    @model_validator(mode="after")
    def _restarts_are_whole(self) -> Self:
        if (self.learning_rate_schedule == "cosine-restarts") != (self.restart_steps is not None):
            raise ValueError(
                "restart_steps: expected together with learning_rate_schedule cosine-restarts, got "
                f"{self.restart_steps} and {self.learning_rate_schedule}"
            )
        if self.restart_factor != 1 and self.restart_steps is None:
            raise ValueError(
                "restart_factor: expected together with learning_rate_schedule cosine-restarts, "
                f"got {self.restart_factor} and {self.learning_rate_schedule}"
            )
        return self

    @model_validator(mode="after")
    def _optimizer_has_settings(self) -> Self:
        if self.optimizer != "sgd" and self.momentum != DEFAULT_MOMENTUM:
            raise ValueError(
                f"momentum: it is a setting of sgd, got {self.momentum:g} and {self.optimizer}: "
                "leave it out, or choose optimizer sgd"
            )
        if self.optimizer == "sgd" and PRESETS[self.model].correlation == "density-ratio":
            raise ValueError(
                "optimizer: expected adam, adamw or adamax for factor-vae, whose discriminator has "
                "step sizes of Adam, got sgd"
            )
        return self

    @model_validator(mode="after")
    def _batches_are_shared(self) -> Self:
        if self.batch_size % self.num_processes:
            raise ValueError(
                f"batch_size: expected a multiple of the {self.num_processes} processes that share "
                f"it, got {self.batch_size}"
            )
        return self

    @property
    def num_processes(self) -> int:
        """How many processes share a minibatch."""
        return self.devices * self.num_nodes

    @property
    def num_eval_images(self) -> int:
        """At most how many held-out images an evaluation reads.

        By default no more than training reads between two evaluations.

        Example:
            >>> TrainConfig().num_eval_images
            2048
            >>> TrainConfig(eval_every=2, batch_size=8).num_eval_images
            16
        """
        between = self.eval_every * self.batch_size
        return self.eval_images or min(DEFAULT_EVAL_IMAGES, between)

    @property
    def layer_dims(self) -> tuple[int, ...]:
        """The length of every latent layer, lowest first.

        Raises:
            InputError: If the model cannot have these layers.

        Example:
            >>> TrainConfig(layers=2).layer_dims, TrainConfig(latent_dims="96,48,24").layer_dims
            ((10, 10), (96, 48, 24))
        """
        layers = settle(self.model, layers=self.layers, latent_dims=self.latent_dims).layers
        return self.latent_dims or (self.latent_dim,) * layers

    def settled(self) -> Self:
        """Fills in the layers and the beta that the model has where they are not given.

        Returns:
            A config that gives both.

        Raises:
            InputError: If the model cannot have these layers or this beta.

        Example:
            >>> TrainConfig(model="seatbelt", beta=2).settled().layers
            4
        """
        layers, beta = settle(
            self.model, layers=self.layers, beta=self.beta, latent_dims=self.latent_dims
        )
        return self.model_copy(update={"layers": layers, "beta": beta})

    def to_json(self) -> str:
        """Returns the config as an indented JSON object, every field in it."""
        return self.model_dump_json(indent=2) + "\n"


CHANGEABLE = frozenset(
    name for name, field in TrainConfig.model_fields.items() if Changeable in field.metadata
)
"""Fields that may differ when a run is resumed: they do not change what a step does."""


def read_config(path: Path) -> dict[str, Any]:
    r"""Reads the fields that a config file gives.

    Args:
        path: A `.toml` or `.json` file with a flat table of :class:`TrainConfig` fields.

    Returns:
        The values by field name; fields that the file leaves out are left out.

    Raises:
        InputError: If the file cannot be read or parsed, has an unknown key or a wrong value.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> _ = (folder / "small.toml").write_text('model = "vae"\nsteps = 100\n')
        >>> read_config(folder / "small.toml")
        {'model': 'vae', 'steps': 100}
    """
    try:
        return parse_config(path, read_bytes(path))
    except OSError as error:
        raise InputError(f"{path}: the config cannot be read: {error.strerror}") from error


def parse_config(path: Path, content: bytes) -> dict[str, Any]:
    """Does what :func:`read_config` does, with a file that has been read.

    Args:
        path: The file, for its kind and for errors.
        content: Its bytes.

    Raises:
        InputError: If the file cannot be parsed, is of a newer format, has an unknown key or a
            wrong value.
    """
    readers = {".toml": parse_toml, ".json": parse_json}
    if path.suffix not in readers:
        raise InputError(f"{path}: expected a config file ending in .toml or .json")
    try:
        values = readers[path.suffix](content.decode("utf-8"))
    except ValueError as error:  # not UTF-8, not TOML, not JSON
        reason = " ".join(str(error).split())
        raise InputError(f"{path}: not a valid {path.suffix} file: {reason}") from error
    if not isinstance(values, dict):
        raise InputError(f"{path}: expected a table of settings, got {type(values).__name__}")
    values = without_format(path, values)
    try:
        TrainConfig(**values)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    return values
