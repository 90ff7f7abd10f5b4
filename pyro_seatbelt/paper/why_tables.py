"""Attacks with one thing done otherwise: made of trained runs, and found again in their folders."""

from collections.abc import Callable, Iterable
from typing import Literal

import pandas as pd
import torch

from pyro_seatbelt.attacks import LBFGSB, Attack, BoundAttack, LatentKL
from pyro_seatbelt.errors import InputError
from pyro_seatbelt.files import make_folder, write_atomically, writing
from pyro_seatbelt.formats import from_json, to_json
from pyro_seatbelt.manifest import read_checked, read_manifest, remove_manifest, write_manifest
from pyro_seatbelt.paper.mechanisms import clean_distances, mechanisms
from pyro_seatbelt.paper.results import Results
from pyro_seatbelt.runs.attack_options import paper_layers
from pyro_seatbelt.runs.parquet import read_parquet, to_parquet
from pyro_seatbelt.training.config import TrainConfig

Kind = Literal["mechanisms", "clean"]
"""Attacks with one thing done otherwise, or the distances of images that are left as they are."""

_MAKE: dict[Kind, Callable[[BoundAttack], pd.DataFrame]] = {
    "mechanisms": mechanisms,
    "clean": clean_distances,
}


def make_tables(results: Results, configs: Iterable[TrainConfig], kind: Kind) -> None:
    """Makes the tables of some runs that are not there yet.

    Args:
        results: Where the runs are.
        configs: Which of them; what is not finished is left out.
        kind: Which table.
    """
    for config in configs:
        folder = results.run_folder(config)
        if folder is None or read_table(results, config, kind) is not None:
            continue
        bound = _bind(results, config)
        if bound is None:
            continue
        table, about = _MAKE[kind](bound), _about(results, config)
        place = folder / "why"
        with writing(place):
            make_folder(place)
        files = [place / f"{kind}.parquet", place / f"{kind}.json"]
        known = read_manifest(place)
        remove_manifest(place)
        write_atomically(files[0], to_parquet(table))
        write_atomically(files[1], to_json(about))
        # last, because it says of what the table is
        write_manifest(place, files, known=known)


def read_table(results: Results, config: TrainConfig, kind: Kind) -> pd.DataFrame | None:
    """Reads a table of a run; None if it was not made, or not of the newest step at this scale.

    Raises:
        InputError: If a file is damaged.
    """
    folder = results.run_folder(config)
    if folder is None or not (folder / "why" / f"{kind}.json").is_file():
        return None
    path, remedy = folder / "why" / f"{kind}.json", f"remove {folder / 'why'}"
    try:
        about = from_json(path, read_checked(path))
    except (OSError, InputError) as error:
        raise InputError(f"{path}: the file is absent or damaged: {remedy}") from error
    if about != _about(results, config):
        return None
    return read_parquet(path.with_suffix(".parquet"), remedy=remedy)


def _bind(results: Results, config: TrainConfig) -> BoundAttack | None:
    scale = results.scale
    opened = results.open_run(config, num_images=2 * scale.pairs)
    if opened is None:
        return None
    run, images = opened
    attack = Attack(
        LatentKL(paper_layers(run.config.model)),
        LBFGSB(max_iterations=scale.max_iterations),
        tuple(scale.weights),
        threads=torch.get_num_threads(),
    )
    # images are spaced evenly over identities: the halves are of different ones
    half = len(images) // 2
    return attack.bind(run.model, run.guide, images[:half], images[half : 2 * half])


def _about(results: Results, config: TrainConfig) -> dict[str, object]:
    return {
        "step": int(results.number(config, "steps")),
        "pairs": results.scale.pairs,
        "weights": list(results.scale.weights),
        "max_iterations": results.scale.max_iterations,
    }
