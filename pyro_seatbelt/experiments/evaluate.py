"""Evaluations of a trained run, kept in its folder."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
import xarray as xr
from numpy.typing import NDArray
from pydantic import ValidationError
from torch import Tensor
from xarray import DataTree

from pyro_seatbelt import evaluation as measures
from pyro_seatbelt.data import ImageDataset, ImageSource, Progress, Split
from pyro_seatbelt.data.spread import spread
from pyro_seatbelt.errors import InputError
from pyro_seatbelt.evaluation.active_units import num_active_units, posterior_means
from pyro_seatbelt.evaluation.batches import pixel_batches
from pyro_seatbelt.evaluation.encodings import Encoding
from pyro_seatbelt.evaluation.mutual_information_gap import varying
from pyro_seatbelt.experiments.evaluation import (
    NOISE_QUANTILES,
    Evaluation,
    EvaluationFolder,
    NoiseLevel,
    read_evaluation,
)
from pyro_seatbelt.experiments.evaluation_report import draw_evaluation, figure_names
from pyro_seatbelt.experiments.evaluation_tree import evaluation_tree
from pyro_seatbelt.experiments.folder import RunFolder, package_versions
from pyro_seatbelt.experiments.netcdf import write_netcdf
from pyro_seatbelt.experiments.runs import Run, load_run
from pyro_seatbelt.experiments.train import open_same_data
from pyro_seatbelt.files import locked, write_atomically, writing
from pyro_seatbelt.guides import TopDown
from pyro_seatbelt.training.device import make_fabric

__all__ = [
    "EvaluateOptions",
    "Evaluation",
    "EvaluationReport",
    "Watch",
    "evaluate_run",
    "read_evaluation",
]

Watch = Callable[[str, int, int], None]
"""Is told which stage it is at, and how much of it is done, of how much."""

MOST_AGGREGATE_IMAGES = 20_000
"""Training images in the aggregate posterior unless more are asked for."""

BOUND_DRAWS = 2048
"""Draws of the ELBO over all images; of more images than that, one each."""

IMPORTANCE_IMAGES = 256
"""Held-out images at most on which the gap between the two bounds is measured."""


@dataclass(frozen=True, kw_only=True)
class EvaluateOptions:
    """What to measure, and on how many images.

    Attributes:
        images: Held-out images, evenly spread; all of them if there are fewer.
        aggregate_images: Training images in the aggregate posterior, evenly spread; None for all
            of them, at most 20,000.
        iwae_samples: Draws an image of the importance-weighted bound.
        noise_scales: Standard deviations of Gaussian noise, on data from -1 to 1; 0 is always
            measured.
        seed: Of draws and noise.
        device: `auto`, `cpu`, `cuda`, `cuda:N` or `mps`.
        force: Whether to make a finished evaluation again.
        figures: Whether to draw figures.

    Raises:
        InputError: If a number is out of its bounds.
    """

    images: int = 2048
    aggregate_images: int | None = None
    iwae_samples: int = 64
    noise_scales: tuple[float, ...] = (0.0, 0.1, 0.25, 0.5, 1.0)
    seed: int = 0
    device: str = "auto"
    force: bool = False
    figures: bool = True

    def __post_init__(self) -> None:
        """Check what a user may have given."""
        for name, least in (("images", 2), ("aggregate_images", 2), ("iwae_samples", 1)):
            value = getattr(self, name)
            if value is not None and value < least:
                raise InputError(f"expected {name} >= {least}, got {value}")
        for scale in self.noise_scales:
            if not 0 <= scale < math.inf:
                raise InputError(f"expected finite noise scales >= 0, got {scale:g}")
        if not 0 <= self.seed < 2**63:
            raise InputError(f"expected seed >= 0 and below 2^63, got {self.seed}")

    @property
    def scales(self) -> tuple[float, ...]:
        """The scales of the noise, ascending, 0 first."""
        return tuple(sorted({0.0, *map(float, self.noise_scales)}))


class EvaluationReport(NamedTuple):
    """What came of an evaluation.

    Attributes:
        folder: Where everything is.
        evaluation: The numbers.
        files: Files by name: `numbers`, `tree`, and the figures.
        was_finished: Whether an earlier call had measured it, and nothing was measured again.
    """

    folder: Path
    evaluation: Evaluation
    files: dict[str, Path]
    was_finished: bool


def evaluate_run(
    path: Path,
    options: EvaluateOptions | None = None,
    *,
    watch: Watch | None = None,
    data_progress: Progress | None = None,
) -> EvaluationReport:
    """Measures a trained run and keeps the numbers in `evaluation/` in its folder.

    A finished evaluation of the same checkpoint with the same settings is read; other settings
    take its place. Bounds, reconstructions and noise are measured on held-out images, the
    aggregate posterior and disentanglement on those that the run was trained on.

    Args:
        path: The folder of the run.
        options: What to measure.
        watch: Is told how far it is.
        data_progress: Is told how far the making of data is.

    Returns:
        The numbers, and where they are.

    Raises:
        InputError: If something that the user gave cannot be used: the run is still being
            trained or evaluated, has no checkpoint or other data, or there is no such device.
    """
    options = options or EvaluateOptions()
    device = make_fabric(options.device).device
    folder = RunFolder(path)
    folder.read_config()  # says so if this is no run
    if folder.status(folder.read_record()) == "running":
        raise InputError(f"{path}: the run is still being trained: wait for it, or stop it")
    run = load_run(path, device=device)
    place = EvaluationFolder(path / "evaluation")
    names = figure_names(run.model.num_layers) if options.figures else ()
    found = None if options.force else _finished(run, place, options)
    if found is not None and all((place.figures / name).is_file() for name in names):
        return _report(place, found, names, was_finished=True)
    dataset, split = open_same_data(path, run.config, run.record, data_progress)
    with writing(place.path):
        place.path.mkdir(exist_ok=True)
    with locked(place.path, "another process is evaluating this run"):
        if found is None:
            measured, tree = _measure(run, dataset, split, options, watch)
            _write(place, measured, tree)
        else:
            measured, tree = found, _read_tree(place)
        if names:
            draw_evaluation(
                run,
                dataset.images.to(device),
                split.heldout,
                tree,
                place.figures,
                progress=_stage(watch, "figures"),
            )
    return _report(place, measured, names, was_finished=found is not None)


def _finished(run: Run, place: EvaluationFolder, options: EvaluateOptions) -> Evaluation | None:
    """The evaluation that is there, if it is of this checkpoint and has these settings."""
    found = read_evaluation(run.folder)
    if found is None or not place.tree.is_file():
        return None
    there = (
        found.step, found.fingerprint, found.seed, found.num_images, found.num_aggregate,
        found.iwae_samples, tuple(level.scale for level in found.noise),
    )  # fmt: skip
    wanted = (
        run.step, run.record.fingerprint, options.seed, *_counts(run, options),
        options.iwae_samples, options.scales,
    )  # fmt: skip
    return found if there == wanted else None


def _counts(run: Run, options: EvaluateOptions) -> tuple[int, int]:
    """How many held-out and how many training images are looked at."""
    aggregate = options.aggregate_images or MOST_AGGREGATE_IMAGES
    return min(options.images, run.record.num_heldout), min(aggregate, run.record.num_train)


def _measure(
    run: Run, dataset: ImageDataset, split: Split, options: EvaluateOptions, watch: Watch | None
) -> tuple[Evaluation, DataTree]:
    device = next(run.guide.parameters()).device
    images = dataset.images.to(device)
    num_images, num_aggregate = _counts(run, options)
    heldout, train = _some(split.heldout, num_images), _some(split.train, num_aggregate)
    pair, seed = (run.model, run.guide), options.seed
    latent = run.objective.latent

    bound = measures.importance_weighted_bound(
        *pair,
        images,
        heldout,
        num_samples=max(1, BOUND_DRAWS // num_images),
        seed=seed,
        progress=_stage(watch, "bound"),
    )
    weighted = measures.importance_weighted_bound(
        *pair,
        images,
        _some(heldout, IMPORTANCE_IMAGES),
        num_samples=options.iwae_samples,
        seed=seed,
        progress=_stage(watch, "importance"),
    )
    noise = measures.noise_robustness(
        *pair,
        images,
        heldout,
        scales=options.scales,
        seed=seed,
        progress=_stage(watch, "noise"),
    )
    quality, means = _look(run, images, heldout, _stage(watch, "reconstructions"))
    encodings = measures.encode(
        run.guide, images, train, seed=seed, progress=_stage(watch, "aggregate")
    )
    terms = measures.decompose(run.model, images, train, encodings, latent=latent, seed=seed)
    known = {
        name: values[train.numpy()]
        for name, values in dataset.factors.items()
        if not (values == dataset.identities).all()  # the number of a thing is no axis of it
    }
    mig, disentanglement = _disentanglement(
        encodings, known, latent, seed=seed, progress=_stage(watch, "disentanglement")
    )
    elbo = bound.elbo.mean().item()
    try:
        evaluation = Evaluation(
            step=run.step,
            seed=seed,
            num_images=num_images,
            num_aggregate=num_aggregate,
            versions=package_versions(),
            fingerprint=dataset.fingerprint,
            elbo=elbo,
            iwae=elbo + (weighted.iwae - weighted.elbo).mean().item(),
            iwae_samples=options.iwae_samples,
            log_likelihood=bound.log_likelihood.mean().item(),
            kl={name: each.mean().item() for name, each in bound.kl.items()},
            **terms._asdict(),
            active_units={name: num_active_units(each) for name, each in means.items()},
            **{name: each.mean().item() for name, each in quality.items()},
            weight_norm=_weight_norm(run),
            noise=_levels(noise),
            disentanglement=disentanglement,
            mig=mig,
        )
    except ValidationError as error:
        broken = ", ".join(str(problem["loc"][0]) for problem in error.errors())
        raise InputError(
            f"{run.folder}: the run cannot be evaluated, not finite: {broken}: look at its "
            "metrics, and evaluate or train another"
        ) from error
    return evaluation, evaluation_tree(run, images, heldout, bound, noise, quality, seed=seed)


def _look(
    run: Run, images: ImageSource, heldout: Tensor, progress: Progress | None
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Quality of reconstructions and posterior means, an image at a time."""
    parts: list[dict[str, Tensor]] = []
    means: dict[str, list[Tensor]] = {}
    for x in pixel_batches(images, heldout, batch_size=256, progress=progress):
        reconstructions = measures.reconstruct(run.model, run.guide, x)
        quality = measures.reconstruction_quality(x, reconstructions)
        parts.append({name: each.cpu().double() for name, each in quality._asdict().items()})
        for name, each in posterior_means(run.guide, x).items():
            means.setdefault(name, []).append(each)
    joined = {name: torch.cat([part[name] for part in parts]) for name in parts[0]}
    return joined, {name: torch.cat(each) for name, each in means.items()}


def _disentanglement(
    encodings: dict[str, Encoding],
    factors: dict[str, NDArray[np.int64]],
    latent: str,
    *,
    seed: int,
    progress: Progress | None,
) -> tuple[dict[str, float] | None, dict[str, float] | None]:
    """Gap of every layer and the scores of the top one; None without factors that vary."""
    count = len(encodings[latent].draws)
    known = varying(factors, count)
    if not known:
        return None, None
    mig = {}
    for number, (name, encoding) in enumerate(encodings.items(), start=1):
        mig[name] = measures.mutual_information_gap(encoding, known).gap
        if progress is not None:
            progress(number, len(encodings) + 1)
    scores = measures.disentanglement_scores(
        encodings[latent].means.double().cpu().numpy(), known, seed=seed
    )
    if progress is not None:
        progress(len(encodings) + 1, len(encodings) + 1)
    return mig, {"mig": mig[latent], **scores._asdict()}


def _weight_norm(run: Run) -> dict[str, float]:
    # the published encoders end in a linear map to the first posterior: here it is a part of that
    conditionals = run.guide.conditionals
    first = conditionals[-1 if isinstance(run.guide, TopDown) else 0]
    return {
        "encoder": measures.weight_norm(run.guide.encoder, first),
        "decoder": measures.weight_norm(run.model.decoder),
    }


def _levels(noise: measures.NoiseRobustness) -> list[NoiseLevel]:
    levels = torch.tensor(NOISE_QUANTILES, dtype=torch.float64)
    return [
        NoiseLevel(
            scale=scale,
            log_likelihood=row.mean().item(),
            std=row.std(correction=0).item(),
            quantiles=row.quantile(levels).tolist(),
        )
        for scale, row in zip(noise.scales, noise.log_likelihood, strict=True)
    ]


def _some(indices: Tensor, count: int) -> Tensor:
    """Some images, evenly spread, in order."""
    count = min(count, len(indices))
    return indices[torch.from_numpy(spread(count, len(indices))).sort().values]


def _write(place: EvaluationFolder, evaluation: Evaluation, tree: DataTree) -> None:
    """Puts an evaluation in the place of an earlier one; the numbers come last."""
    with writing(place.path):
        place.numbers.unlink(missing_ok=True)
        for figure in (*place.figures.glob("*.png"), *place.figures.glob("*.gif")):
            figure.unlink()
    write_netcdf(tree, place.tree)
    write_atomically(place.numbers, evaluation.model_dump_json(indent=2) + "\n")


def _read_tree(place: EvaluationFolder) -> DataTree:
    try:
        with xr.open_datatree(place.tree, engine="h5netcdf") as tree:
            return tree.load()
    except (OSError, ValueError) as error:
        raise InputError(f"{place.tree}: the file is damaged: evaluate again by --force") from error


def _report(
    place: EvaluationFolder, evaluation: Evaluation, names: tuple[str, ...], *, was_finished: bool
) -> EvaluationReport:
    figures = {Path(name).name: place.figures / name for name in names}
    files = {"numbers": place.numbers, "tree": place.tree, **figures}
    return EvaluationReport(place.path, evaluation, files, was_finished)


def _stage(watch: Watch | None, name: str) -> Progress | None:
    return None if watch is None else partial(watch, name)
