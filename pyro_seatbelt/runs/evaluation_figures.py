"""The figures of an evaluation."""

import io
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from xarray import DataTree

from pyro_seatbelt.data import ImageSource, to_pixels
from pyro_seatbelt.data.subset import evenly_spaced
from pyro_seatbelt.evaluation import prior_images, reconstruct, traverse
from pyro_seatbelt.family import name_latents
from pyro_seatbelt.files import write_atomically, writing
from pyro_seatbelt.plots import (
    contact_sheet,
    density_panels,
    reconstruction_grid,
    traversal_grid,
)
from pyro_seatbelt.progress import Progress, silent
from pyro_seatbelt.runs.figures import NUM_IMAGES, run_title, save_figure
from pyro_seatbelt.runs.open import Run
from pyro_seatbelt.traces.posteriors import posterior_means

MOST_DIMENSIONS = 20
"""Dimensions of a layer that are drawn at most: those whose posterior mean varies most."""

TRAVERSAL = tuple(np.linspace(-3, 3, 13).tolist())
"""Where a dimension is put, in standard deviations of its prior."""

NUM_PRIOR_IMAGES = 40


def figure_names(num_layers: int) -> tuple[str, ...]:
    """Names the files that an evaluation draws.

    Args:
        num_layers: Latent layers.

    Returns:
        Names in the folder of the figures.

    Example:
        >>> figure_names(1)
        ('reconstructions.png', 'prior.png', 'noise.png', 'traversals-z1.png', 'traversals-z1.gif')
    """
    layers = [f"traversals-{name}" for name in name_latents(num_layers)]
    return (
        *("reconstructions.png", "prior.png", "noise.png"),
        *(f"{name}.{kind}" for name in layers for kind in ("png", "gif")),
    )


def draw_evaluation(
    run: Run,
    images: ImageSource,
    heldout: Tensor,
    tree: DataTree,
    folder: Path,
    *,
    progress: Progress = silent,
) -> None:
    """Draws reconstructions, prior samples, noise and the traversals of every layer.

    Args:
        run: The run.
        images: On its device.
        heldout: Numbers of the held-out images, int64, shape `(E,)`.
        tree: What was measured of single images.
        folder: Where the figures go.
        progress: Is told how many figures are there.

    Raises:
        InputError: If they cannot be written.
    """
    with writing(folder):
        folder.mkdir(exist_ok=True)
    title = run_title(run.config, run.step)
    layers = run.model.latents
    x = to_pixels(images.gather(evenly_spaced(heldout, NUM_IMAGES)))
    means = posterior_means(run.guide, to_pixels(images.gather(evenly_spaced(heldout, 512))))
    drawings = [
        partial(_draw_reconstructions, run, x, title),
        partial(_draw_prior, run),
        partial(_draw_noise, tree, title),
        *(partial(_draw_traversals, run, x[:1], name, means[name], title) for name in layers),
    ]
    for done, draw in enumerate(drawings, start=1):
        draw(folder)
        progress("figures", done, len(drawings))


def _draw_reconstructions(run: Run, x: Tensor, title: str, folder: Path) -> None:
    rows = (x, reconstruct(run.model, run.guide, x))
    figure = reconstruction_grid(*(_array(row) for row in rows), title=title)
    save_figure(figure, folder / "reconstructions.png")


def _draw_prior(run: Run, folder: Path) -> None:
    images = _bytes(_array(prior_images(run.model, NUM_PRIOR_IMAGES)))
    sheet = contact_sheet(images, columns=10, title="draws from the prior")
    _save_frames([sheet], folder / "prior.png")


def _draw_noise(tree: DataTree, title: str, folder: Path) -> None:
    noise = tree["noise"]["log_likelihood"]
    histograms = {
        f"noise {scale:g}": noise.sel(scale=scale).to_numpy() for scale in noise["scale"].to_numpy()
    }
    figure = density_panels(
        {"density": [histograms]},
        columns=[""],
        xlabel="log p(x | z), nats per image",
        title=title,
    )
    save_figure(figure, folder / "noise.png")


def _draw_traversals(
    run: Run, x: Tensor, name: str, means: Tensor, title: str, folder: Path
) -> None:
    """Draws what the dimensions of a layer do, as a grid and as a film."""
    varying = means.var(0, correction=0).argsort(descending=True, stable=True)
    dimensions = varying[:MOST_DIMENSIONS].sort().values.tolist()
    moved = _array(
        traverse(run.model, run.guide, x, latent=name, values=TRAVERSAL, dimensions=dimensions)
    )
    labels = [str(dimension) for dimension in dimensions]
    figure = traversal_grid(moved, TRAVERSAL, labels=labels, title=f"{name}: {title}")
    save_figure(figure, folder / f"traversals-{name}.png")
    frames = [
        contact_sheet(frame, columns=5, title=f"{name} at {value:+.1f}")
        for frame, value in zip(_bytes(moved).swapaxes(0, 1), TRAVERSAL, strict=True)
    ]
    _save_frames([*frames, *frames[-2:0:-1]], folder / f"traversals-{name}.gif")


def _save_frames(frames: Sequence[Image.Image], path: Path) -> None:
    content = io.BytesIO()
    kind = path.suffix[1:]
    if kind == "gif":
        first, *others = frames
        first.save(content, kind, save_all=True, append_images=others, duration=120, loop=0)
    else:
        frames[0].save(content, kind)
    write_atomically(path, content.getvalue())


def _array(images: Tensor) -> NDArray[np.floating]:
    array: NDArray[np.floating] = images.float().cpu().numpy()
    return array


def _bytes(images: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Grey values 0 to 255."""
    grey: NDArray[np.uint8] = (images.clip(0, 1) * 255 + 0.5).astype(np.uint8)
    return grey
