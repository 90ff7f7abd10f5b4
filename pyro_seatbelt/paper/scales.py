"""How large a reproduction is: seconds, less than an hour, longer, or the published protocol."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from pyro_seatbelt.attacks import geometric_weights
from pyro_seatbelt.errors import InputError
from pyro_seatbelt.runs.evaluate import EvaluateOptions

Role = Literal["chairs", "faces", "celeba", "sprites"]

FLAT = "beta-tcvae"
"""Models of one layer: at beta = 1 this is the plain VAE, whose objective is the same."""

CHAIN = "beta-tcdlgm"
DEEP = "seatbelt"
MODELS = (FLAT, CHAIN, DEEP)
"""The members of the family that the paper compares."""


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What stands for one of the paper's data sets, and the grid of models that it gets.

    Attributes:
        fields: Settings of its runs, besides those of the scale; `dataset` among them.
        betas: Weights of the total correlation, ascending.
        layers: Depths of the Seatbelt-VAEs besides 1, ascending.
        chain_betas: Weights for the beta-TCDLGMs.
        chain_layers: Their depths.
        latent_dims: Lengths of a latent layer: the paper's ||z||.
    """

    fields: Mapping[str, Any]
    betas: tuple[float, ...]
    layers: tuple[int, ...]
    chain_betas: tuple[float, ...]
    chain_layers: tuple[int, ...]
    latent_dims: tuple[int, ...] = (10,)

    @property
    def dataset(self) -> str:
        """The data set."""
        return str(self.fields["dataset"])

    def betas_of(self, model: str) -> tuple[float, ...]:
        """The weights that a model is trained with."""
        return self.chain_betas if model == CHAIN else self.betas

    def layers_of(self, model: str) -> tuple[int, ...]:
        """The depths that it is trained with."""
        return {FLAT: (1,), CHAIN: self.chain_layers}.get(model, self.layers)

    def deepest(self, model: str) -> tuple[int, ...]:
        """The largest of them; none where there is no such model."""
        return self.layers_of(model)[-1:]

    @property
    def usual_layers(self) -> tuple[int, ...]:
        """The depth of the Seatbelt-VAEs of Figure 4 and Table 1: L = 4, or else the deepest."""
        return (4,) if 4 in self.layers else self.deepest(DEEP)

    @property
    def max_layers(self) -> int:
        """The depth of the deepest Seatbelt-VAE; one layer is a flat model."""
        return max(self.layers, default=1)

    @property
    def ends(self) -> tuple[float, float]:
        """The least and the largest beta."""
        return self.betas[0], self.betas[-1]


@dataclass(frozen=True, kw_only=True)
class Scale:
    """What is trained, attacked and evaluated.

    Attributes:
        name: Its name, and that of its folder.
        title: What it is, in a line.
        subjects: What stands for each of the paper's data sets.
        fields: Settings of every run.
        free_bits: Floor under the KL of every latent dimension of hierarchies, in nats; models
            of one layer have none.
        strong_beta: The beta of Figure 4.
        noise_betas: The betas of Figure 8.
        pairs: Input-target pairs of an attack.
        weights: Penalties lambda of an attack.
        max_iterations: Cap on the iterations of a problem.
        evaluation: How runs are evaluated.
        note: What it does differently from the paper.
    """

    name: str
    title: str
    subjects: Mapping[Role, Subject]
    fields: Mapping[str, Any]
    free_bits: float
    strong_beta: float
    noise_betas: tuple[float, ...]
    pairs: int
    weights: tuple[float, ...]
    max_iterations: int
    evaluation: EvaluateOptions = field(default_factory=EvaluateOptions)
    note: str = ""

    def distinct(self, *roles: Role) -> list[Subject]:
        """Returns what stands for some data sets, each once.

        Example:
            >>> [each.dataset for each in SCALES["laptop"].distinct("chairs", "faces", "celeba")]
            ['synth-chairs', 'synth-faces']
        """
        return list({self.subjects[role].dataset: self.subjects[role] for role in roles}.values())


def _smoke() -> Scale:
    chairs = Subject(
        fields={"dataset": "synth-chairs", "ids": 4},
        betas=(1.0, 10.0),
        layers=(2,),
        chain_betas=(1.0, 10.0),
        chain_layers=(2,),
        latent_dims=(2,),
    )
    sprites = replace(
        chairs, fields={"dataset": "synth-dsprites", "ids": 64}, layers=(), chain_layers=()
    )
    return Scale(
        name="smoke",
        title="a dozen steps of tiny networks: shows that everything runs, and nothing else",
        # drawing faces takes longer than all the rest
        subjects={"chairs": chairs, "faces": chairs, "celeba": chairs, "sprites": sprites},
        fields={
            "network": "mlp",
            "hidden": 16,
            "holdout": 0.5,
            "steps": 12,
            "batch_size": 16,
            "warmup_steps": 4,
            "log_every": 4,
            "eval_every": 12,
            "eval_images": 8,
            "checkpoint_every": 12,
            "keep_checkpoints": 1,
            "device": "cpu",
        },
        free_bits=0.1,
        strong_beta=10.0,
        noise_betas=(1.0, 10.0),
        pairs=2,
        weights=(0.0, 1.0),
        max_iterations=2,
        evaluation=EvaluateOptions(
            images=8,
            aggregate_images=16,
            iwae_samples=1,
            noise_scales=(0.1, 1.0),
            device="cpu",
            figures=False,
        ),
        note="A dozen steps on four drawn chairs: the numbers mean nothing.",
    )


def _laptop() -> Scale:
    chairs = Subject(
        fields={"dataset": "synth-chairs", "ids": 60},
        betas=(1.0, 4.0, 10.0),
        layers=(2, 4),
        chain_betas=(1.0, 10.0),
        chain_layers=(2, 4),
    )
    faces = Subject(
        fields={"dataset": "synth-faces", "ids": 8, "holdout": 0.25},
        betas=(1.0, 10.0),
        layers=(4,),
        chain_betas=(1.0, 10.0),
        chain_layers=(4,),
    )
    sprites = Subject(
        fields={"dataset": "synth-dsprites", "ids": 20_000},
        betas=(1.0, 10.0),
        layers=(4,),
        chain_betas=(),
        chain_layers=(),
    )
    return Scale(
        name="laptop",
        title="a reduced grid on the synthetic sets: all of it in under an hour on 2 cores",
        subjects={"chairs": chairs, "faces": faces, "celeba": faces, "sprites": sprites},
        fields={
            "network": "conv",
            "steps": 800,
            "batch_size": 64,
            "learning_rate": 1e-3,
            "warmup_steps": 100,
            "log_every": 50,
            "eval_every": 800,
            "eval_images": 512,
            "checkpoint_every": 800,
            "keep_checkpoints": 1,
            "precision": "bf16-mixed",
        },
        free_bits=0.125,
        strong_beta=20.0,
        noise_betas=(1.0, 10.0),
        pairs=8,
        weights=geometric_weights(8),
        max_iterations=50,
        evaluation=EvaluateOptions(
            images=512, aggregate_images=2000, iwae_samples=16, figures=False
        ),
        note="800 steps on drawn images, one seed and one ||z|| a model; synth-faces stands for "
        "3D faces and CelebA.",
    )


def _workstation() -> Scale:
    laptop = _laptop()
    chairs, faces, sprites = (laptop.subjects[role] for role in ("chairs", "faces", "sprites"))
    chairs = replace(chairs, fields={**chairs.fields, "ids": 600})
    faces = replace(faces, fields={**faces.fields, "ids": 20, "holdout": 0.1})
    sprites = replace(sprites, fields={**sprites.fields, "ids": 100_000})
    return replace(
        laptop,
        name="workstation",
        title="the laptop's grid with more data and steps: a quarter of an hour on a GPU",
        subjects={"chairs": chairs, "faces": faces, "celeba": faces, "sprites": sprites},
        fields={
            **laptop.fields,
            "steps": 4000,
            "batch_size": 128,
            "warmup_steps": 500,
            "log_every": 100,
            "eval_every": 1000,
            "checkpoint_every": 500,
            "precision": "32-true",
        },
        weights=geometric_weights(20),
        max_iterations=100,
        evaluation=EvaluateOptions(
            images=1024, aggregate_images=20_000, iwae_samples=32, figures=False
        ),
        note="4000 steps of 128 drawn images, one seed and one ||z|| a model; synth-faces stands "
        "for 3D faces and CelebA.",
    )


_PUBLISHED: dict[Role, dict[str, Any]] = {
    "chairs": {"dataset": "chairs", "batch_size": 64, "learning_rate": 5e-4, "warmup_steps": 2500},
    "faces": {"dataset": "faces3d", "batch_size": 2048, "warmup_steps": 2500},
    "celeba": {"dataset": "celeba", "batch_size": 2048, "warmup_steps": 2500},
    "sprites": {
        "dataset": "dsprites",
        "network": "mlp",
        "batch_size": 2048,
        "warmup_steps": 7000,
    },
}

_DRAWN: dict[Role, str] = {
    "chairs": "synth-chairs",
    "faces": "synth-faces",
    "celeba": "synth-faces",
    "sprites": "synth-dsprites",
}


def _paper() -> Scale:
    grid = Subject(
        fields={},
        betas=(1.0, 2.0, 4.0, 6.0, 8.0, 10.0),
        layers=(2, 3, 4, 5),
        chain_betas=(1.0, 2.0, 4.0, 6.0, 8.0, 10.0),
        chain_layers=(2, 3, 4, 5),
        latent_dims=(10, 32),
    )
    return Scale(
        name="paper",
        title="the published protocol: 10 pairs, 51 penalties, 50 epochs, every beta, L and ||z||",
        subjects={role: replace(grid, fields=fields) for role, fields in _PUBLISHED.items()},
        fields={
            "network": "conv",
            "epochs": 50,
            "learning_rate": 1e-3,
            "eval_every": 5000,
            "checkpoint_every": 5000,
            "keep_checkpoints": 1,
        },
        free_bits=0.125,
        strong_beta=20.0,
        noise_betas=(0.0, 10.0),
        pairs=10,
        weights=geometric_weights(50),
        max_iterations=100,
        note="The paper's text does not say which ||z||, how many free bits and, for chairs and "
        "CelebA, what warm-up: 10 and 32, 0.125, and 2500 steps.",
    )


def scale_named(name: str, *, synthetic: bool = False) -> Scale:
    """Returns a scale.

    Args:
        name: `smoke`, `laptop`, `workstation` or `paper`.
        synthetic: Whether drawn images stand for the published ones, as they do anyway in the
            others.

    Raises:
        InputError: If there is no such scale.

    Example:
        >>> scale_named("paper", synthetic=True).subjects["chairs"].dataset
        'synth-chairs'
    """
    if name not in SCALES:
        raise InputError(f"expected a scale of {', '.join(SCALES)}, got {name!r}")
    scale = SCALES[name]
    if not synthetic or name != "paper":
        return scale
    subjects = {
        role: replace(subject, fields={**subject.fields, "dataset": _DRAWN[role]})
        for role, subject in scale.subjects.items()
    }
    # what stands for two sets is trained once
    subjects["celeba"] = subjects["faces"]
    return replace(
        scale,
        name="paper-synthetic",
        title="the published protocol on drawn images",
        subjects=subjects,
        note=f"On drawn images; synth-faces stands for 3D faces and CelebA. {scale.note}",
    )


SCALES: dict[str, Scale] = {
    scale.name: scale for scale in (_smoke(), _laptop(), _workstation(), _paper())
}
"""The scales by name."""
