"""A look at a data set."""

import io
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL.PngImagePlugin import PngInfo

from pyro_seatbelt.data.dataset import ImageDataset
from pyro_seatbelt.data.registry import load_dataset
from pyro_seatbelt.errors import InputError
from pyro_seatbelt.files import write_atomically
from pyro_seatbelt.plots import contact_sheet
from pyro_seatbelt.progress import Progress, silent

ROWS, COLUMNS = 8, 12
"""Images on a sheet."""


def preview(
    name: str,
    out: Path,
    *,
    data_dir: Path | None = None,
    ids: int | None = None,
    seed: int = 0,
    progress: Progress = silent,
) -> Path:
    """Draws a contact sheet of a data set.

    Where things have many images each, a row shows one of them; else the
    images are drawn from all.

    Args:
        name: A key of :data:`pyro_seatbelt.data.DATASETS`.
        out: The PNG file; one that is there is replaced.
        data_dir: Folder or file of your own images, for the set `folder`.
        ids: Only the first so many identities.
        seed: Another seed shows other images.
        progress: Told about the stage "images".

    Returns:
        The file.

    Raises:
        InputError: If the set cannot be opened, or the file is not called `.png` or cannot be
            written.
    """
    if out.suffix.lower() != ".png":
        raise InputError(f"{out}: expected a name that ends in .png")
    dataset = load_dataset(name, data_dir=data_dir, ids=ids, progress=progress)
    images = dataset.images.gather(torch.from_numpy(chosen_images(dataset, seed=seed))).cpu()
    kind = "synthetic" if dataset.synthetic else "real"
    title = f"{name} ({kind}): {len(images)} of {dataset.num_images:,} images"
    sheet = contact_sheet(images.numpy(), columns=min(COLUMNS, len(images)), title=title)
    notes = PngInfo()
    notes.add_text("Title", title)
    notes.add_text("Fingerprint", dataset.fingerprint)
    content = io.BytesIO()
    sheet.save(content, "PNG", pnginfo=notes)
    write_atomically(out, content.getvalue())
    return out


def chosen_images(dataset: ImageDataset, *, seed: int) -> NDArray[np.int64]:
    """Chooses which images to show.

    Args:
        dataset: The set.
        seed: Another seed chooses others.

    Returns:
        Image numbers, at most :data:`ROWS` times :data:`COLUMNS`.
    """
    generator = np.random.default_rng(seed)
    things = np.unique(dataset.identities)
    if len(things) * COLUMNS > dataset.num_images:
        count = min(ROWS * COLUMNS, dataset.num_images)
        return np.sort(generator.choice(dataset.num_images, count, replace=False))
    shown = np.sort(generator.choice(things, min(ROWS, len(things)), replace=False))
    of_each = [np.flatnonzero(dataset.identities == thing) for thing in shown]
    rows = [
        generator.choice(numbers, min(COLUMNS, len(numbers)), replace=False) for numbers in of_each
    ]
    return np.concatenate([np.sort(row) for row in rows])
