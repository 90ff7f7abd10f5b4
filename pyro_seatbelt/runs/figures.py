"""The figures in the folder of a run."""

import io
from pathlib import Path

from matplotlib.figure import Figure
from torch import Tensor

from pyro_seatbelt.data import ImageSource, to_pixels
from pyro_seatbelt.data.subset import evenly_spaced
from pyro_seatbelt.evaluation import prior_images, reconstruct
from pyro_seatbelt.files import write_atomically, writing
from pyro_seatbelt.plots import reconstruction_grid, training_curves
from pyro_seatbelt.presets import Family
from pyro_seatbelt.runs.folder import RunFolder
from pyro_seatbelt.training.config import TrainConfig
from pyro_seatbelt.training.metrics import read_metrics

NUM_IMAGES = 10
"""Images in a row of the reconstruction grid."""


def draw_figures(
    folder: RunFolder, family: Family, images: ImageSource, heldout: Tensor, *, title: str
) -> dict[str, Path]:
    """Draws the reconstructions of held-out images and the curves of a run.

    Args:
        folder: The folder of the run.
        family: The trained pair.
        images: On the device of the pair.
        heldout: Numbers of the held-out images, int64, shape `(E,)`.
        title: What it is, for the line above each figure.

    Returns:
        The files by name: `reconstructions`, `curves`.

    Raises:
        InputError: If they cannot be written.
    """
    x = to_pixels(images.gather(evenly_spaced(heldout, NUM_IMAGES)))
    rows = (
        x,
        reconstruct(family.model, family.guide, x),
        prior_images(family.model, NUM_IMAGES),
    )
    figures = {
        "reconstructions": reconstruction_grid(
            *(row.float().cpu().numpy() for row in rows), title=title
        ),
        "curves": training_curves(read_metrics(folder.metrics), title=title),
    }
    with writing(folder.figures):
        folder.figures.mkdir(exist_ok=True)
    return {
        name: save_figure(figure, folder.figures / f"{name}.png")
        for name, figure in figures.items()
    }


def run_title(config: TrainConfig, step: int) -> str:
    """Says in a line what a figure is of.

    Args:
        config: The config of the run, its layers filled in.
        step: How many steps it has been trained for.

    Example:
        >>> run_title(TrainConfig(layers=2, beta=6), 500)
        'seatbelt, L=2, beta 6, synth-chairs, step 500'
    """
    weights = "" if config.beta in {None, 1} else f", beta {config.beta:g}"
    return f"{config.model}, L={config.layers}{weights}, {config.dataset}, step {step}"


def save_figure(figure: Figure, path: Path) -> Path:
    """Writes a figure as PNG, 150 dots per inch.

    Args:
        figure: The figure.
        path: The file.

    Returns:
        The file.

    Raises:
        InputError: If it cannot be written.
    """
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=150)
    write_atomically(path, content.getvalue())
    return path
