"""How large a reproduction is: seconds, less than an hour, longer, or the published protocol."""

from dataclasses import replace
from typing import Any

from pyro_seatbelt.attacks import geometric_weights
from pyro_seatbelt.errors import InputError
from pyro_seatbelt.paper.scale import Role, Scale, Subject
from pyro_seatbelt.runs.evaluate_options import EvaluateOptions


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
            "features": 32,
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


def _published() -> Scale:
    """The settings of the authors' later text and code, as far as they are known."""
    paper = _paper()
    grid = Subject(
        fields={"dataset": "synth-chairs", "ids": 600},
        betas=(1.0, 2.0, 4.0, 6.0, 8.0, 10.0),
        layers=(2, 3, 4, 5),
        chain_betas=(1.0, 4.0, 10.0),
        chain_layers=(2, 5),
        latent_dims=(96,),
    )
    faces = replace(grid, fields={"dataset": "synth-faces", "ids": 20})
    sprites = replace(grid, fields={"dataset": "synth-dsprites", "ids": 100_000})
    return replace(
        paper,
        name="published",
        title="the authors' later settings on drawn images: hours on a GPU",
        subjects={"chairs": grid, "faces": faces, "celeba": faces, "sprites": sprites},
        fields={
            "network": "conv",
            "likelihood": "gaussian",
            "likelihood_scale": 0.1,
            "data_range": "signed",
            "guide": "bottom-up-x",
            "batch_size": 1024,
            "learning_rate": 1e-3,
            "learning_rate_schedule": "cosine",
            "steps": 4000,
            "log_every": 100,
            "eval_every": 2000,
            "checkpoint_every": 1000,
            "keep_checkpoints": 1,
        },
        halving=True,
        noise_betas=(1.0, 10.0),
        pairs=20,
        evaluation=EvaluateOptions(
            images=1024, aggregate_images=20_000, iwae_samples=32, figures=False
        ),
        note="Gaussian pixels of scale 0.1 in [-1, 1], layers of 96, 48, 24 ... dimensions, "
        "q(z' | z, x), batches of 1024, a cosine; 20 pairs. From the authors' later text: how long "
        "they trained is not known.",
    )


def _published_laptop() -> Scale:
    scale, laptop = _published(), _laptop()
    reduced = {
        role: replace(subject, latent_dims=(32,)) for role, subject in laptop.subjects.items()
    }
    return replace(
        scale,
        name="published-laptop",
        title="the same settings, reduced: the laptop's grid, batches of 64, layers from 32 down",
        subjects=reduced,
        fields={
            **laptop.fields,
            **{
                name: scale.fields[name]
                for name in (
                    "likelihood",
                    "likelihood_scale",
                    "data_range",
                    "guide",
                    "learning_rate_schedule",
                )
            },
        },
        pairs=laptop.pairs,
        weights=laptop.weights,
        max_iterations=laptop.max_iterations,
        evaluation=laptop.evaluation,
        note="800 steps of 64 drawn images, one seed: Gaussian pixels of scale 0.1 in [-1, 1], "
        "layers of 32, 16, 8 ... dimensions, q(z' | z, x), a cosine; 8 pairs.",
    )


def scale_named(name: str, *, synthetic: bool = False) -> Scale:
    """Returns a scale.

    Args:
        name: `smoke`, `laptop`, `workstation`, `paper`, `published` or `published-laptop`.
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
    scale.name: scale
    for scale in (_smoke(), _laptop(), _workstation(), _paper(), _published(), _published_laptop())
}
"""The scales by name."""
