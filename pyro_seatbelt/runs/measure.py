"""From a trained run to the numbers of its evaluation."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import ValidationError
from torch import Tensor
from xarray import DataTree

from pyro_seatbelt import evaluation as measures
from pyro_seatbelt.attacks.folding import folded
from pyro_seatbelt.data import ImageDataset, ImageSource, Split
from pyro_seatbelt.data.subset import even_subset
from pyro_seatbelt.errors import InputError
from pyro_seatbelt.evaluation.batches import pixel_batches, pixel_dtype
from pyro_seatbelt.evaluation.importance import ROWS
from pyro_seatbelt.evaluation.mig import varying
from pyro_seatbelt.guides import TopDown
from pyro_seatbelt.progress import Progress, under
from pyro_seatbelt.runs.evaluate_options import EvaluateOptions
from pyro_seatbelt.runs.evaluation import NOISE_QUANTILES, Evaluation, NoiseLevel
from pyro_seatbelt.runs.folder import package_versions
from pyro_seatbelt.runs.inference_data import inference_data
from pyro_seatbelt.runs.open import Run
from pyro_seatbelt.traces.posteriors import posterior_means

BOUND_DRAWS = 512
"""Draws of the ELBO over all images; of more images than that, one each."""

IMPORTANCE_IMAGES = 128
"""Held-out images at most on which the gap between the two bounds is measured."""

CLASSIFIED_IMAGES = 4000
"""Training images at most that DCI and SAP are fitted to and judged on."""


def measure(
    run: Run, dataset: ImageDataset, split: Split, options: EvaluateOptions, progress: Progress
) -> tuple[Evaluation, DataTree]:
    """Measures a trained run.

    Args:
        run: The run.
        dataset: The images it was trained on and those held out.
        split: Which are which.
        options: What to measure.
        progress: Is told how far each stage is.

    Returns:
        The numbers, and what is known of single images.

    Raises:
        InputError: If a number is not finite.
    """
    norms = _weight_norm(run)
    dtype = torch.float64 if options.precision == "float64" else torch.float32
    # folded are the same networks, faster; their weights are others
    with _computing_in(dtype, run), folded(run.model, run.guide):
        return _measure_folded(run, dataset, split, options, norms, progress)


def _measure_folded(
    run: Run,
    dataset: ImageDataset,
    split: Split,
    options: EvaluateOptions,
    norms: dict[str, float],
    progress: Progress,
) -> tuple[Evaluation, DataTree]:
    device = next(run.guide.parameters()).device
    images = dataset.images.to(device)
    num_images, num_aggregate = options.counts(run.record.num_heldout, run.record.num_train)
    heldout, train = _some(split.heldout, num_images), _some(split.train, num_aggregate)
    pair, seed = (run.model, run.posterior), options.seed

    bound = measures.evaluate_heldout_images(
        *pair,
        images,
        heldout,
        latent=run.objective.latent,
        num_draws=max(1, BOUND_DRAWS // num_images),
        batch_size=ROWS,
        seed=seed,
        progress=under(progress, "bound"),
    )
    weighted = measures.importance_weighted_bound(
        *pair,
        images,
        _some(heldout, IMPORTANCE_IMAGES),
        num_samples=options.iwae_samples,
        seed=seed,
        progress=under(progress, "importance"),
    )
    noise = measures.noise_robustness(
        *pair,
        images,
        heldout,
        scales=options.scales,
        seed=seed,
        progress=under(progress, "noise"),
    )
    quality = _quality(run, images, heldout, under(progress, "reconstructions"))
    known = {
        name: values[train.numpy()]
        for name, values in dataset.factors.items()
        if not (values == dataset.identities).all()  # the number of a thing is no axis of it
    }
    mig, disentanglement = _disentanglement(run, images, train, known, options, progress)
    means: dict[str, Any] = bound.summary.model_dump()
    means |= {name: each.mean().item() for name, each in quality.items()}
    try:
        evaluation = Evaluation(
            step=run.step,
            seed=seed,
            **means,
            parts_of="held-out images",
            num_aggregate=num_aggregate,
            versions=package_versions(),
            fingerprint=dataset.fingerprint,
            iwae=bound.summary.elbo + (weighted.iwae - weighted.elbo).mean().item(),
            iwae_samples=options.iwae_samples,
            precision=options.precision,
            weight_norm=norms,
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
    return evaluation, inference_data(run, images, heldout, bound, noise, quality, seed=seed)


@contextmanager
def _computing_in(dtype: torch.dtype, run: Run) -> Iterator[None]:
    """While open, a run computes in another type; no weight changes."""
    before = pixel_dtype(run.guide)
    try:
        for module in (run.model, run.guide):
            module.to(dtype)
        yield
    finally:
        for module in (run.model, run.guide):
            module.to(before)


def _quality(
    run: Run, images: ImageSource, heldout: Tensor, progress: Progress
) -> dict[str, Tensor]:
    """Quality of the reconstruction of every image."""
    parts: list[dict[str, Tensor]] = []
    dtype = pixel_dtype(run.guide)
    for x in pixel_batches(images, heldout, batch_size=512, dtype=dtype, progress=progress):
        reconstructions = measures.reconstruct(run.model, run.guide, x)
        quality = measures.reconstruction_quality(x, reconstructions)
        parts.append({name: each.cpu().double() for name, each in quality._asdict().items()})
    return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}


def _disentanglement(
    run: Run,
    images: ImageSource,
    train: Tensor,
    factors: dict[str, NDArray[np.int64]],
    options: EvaluateOptions,
    progress: Progress,
) -> tuple[dict[str, float] | None, dict[str, float] | None]:
    """Gap of every layer and the scores of the top one; None without factors that vary."""
    known = varying(factors, len(train))
    if not known:
        return None, None
    latent = run.objective.latent
    encodings = measures.encode(
        run.posterior, images, train, seed=options.seed, progress=under(progress, "aggregate")
    )
    mig = {}
    for number, (name, encoding) in enumerate(encodings.items(), start=1):
        mig[name] = measures.mutual_information_gap(encoding, known).gap
        progress("information gap", number, len(encodings))
    rows = torch.from_numpy(even_subset(min(CLASSIFIED_IMAGES, len(train)), len(train)))
    batches = pixel_batches(
        images,
        train[rows],
        batch_size=512,
        dtype=pixel_dtype(run.guide),
        progress=under(progress, "disentanglement"),
    )
    codes = torch.cat([posterior_means(run.guide, x)[latent] for x in batches])
    scores = measures.disentanglement_scores(
        codes.cpu().double().numpy(),
        {name: values[rows.numpy()] for name, values in known.items()},
        seed=options.seed,
    )
    return mig, {"mig": mig[latent], **scores._asdict()}


def _weight_norm(run: Run) -> dict[str, float]:
    # the published encoders end in a linear map to the first posterior: here it is a part of that
    conditionals = run.posterior.conditionals
    first = conditionals[-1 if type(run.posterior) is TopDown else 0]
    return {
        "encoder": measures.weight_norm(run.posterior.encoder, first),
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
    return indices[torch.from_numpy(even_subset(count, len(indices))).sort().values]
