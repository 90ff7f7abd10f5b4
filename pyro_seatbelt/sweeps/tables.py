"""The numbers of many runs in two tables."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from pyro_seatbelt.files import write_atomically, writing
from pyro_seatbelt.locks import turn
from pyro_seatbelt.runs.evaluation import read_evaluation
from pyro_seatbelt.runs.folder import RunFolder
from pyro_seatbelt.runs.parquet import to_parquet
from pyro_seatbelt.runs.records import AttackRecords
from pyro_seatbelt.runs.robustness_numbers import MedianInterval, Robustness, read_robustness
from pyro_seatbelt.training.config import TrainConfig

CONFIG = ("dataset", "model", "layers", "latent_dim", "beta", "seed")
"""The settings that a run is known by, in both tables; `latent_dim` is the length of z1."""


def run_table(folder: Path) -> pd.DataFrame:
    """Reads what is known of every finished run of a sweep.

    Args:
        folder: Of the sweep.

    Returns:
        A row for each run, by name: `run`, the settings (:data:`CONFIG`), `steps`, and the numbers
        of its evaluation, those by layer or scale as `kl.z1`, `noise.0.1`, with `parts_of`, the
        images that the parts of the top layer's KL are of, and the medians of its robustness with
        `attack_checks_failed`; NaN where they were not measured.

    Raises:
        InputError: If a file is damaged.
    """
    rows = []
    for run, config, step in _runs(folder):
        row = {"run": run.path.name, **_settings(config), "steps": step}
        evaluation = read_evaluation(run.path)
        if evaluation is not None and evaluation.step == step:  # not that of an earlier one
            numbers = evaluation.model_dump(mode="json", exclude={"step", "seed"})
            row |= {**_numbers(numbers), "evaluation_seed": evaluation.seed}
            row["parts_of"] = evaluation.parts_of
        robustness = read_robustness(run.path)
        if robustness is not None and robustness.step == step:
            row |= _resistance(robustness)
        rows.append(row)
    return pd.DataFrame(rows, columns=None if rows else ["run", *CONFIG, "steps"])


def attack_table(folder: Path) -> pd.DataFrame:
    """Reads what every problem of every attack on the finished runs of a sweep reached.

    Args:
        folder: Of the sweep.

    Returns:
        A row for each problem of the attacks on the newest checkpoints: `run`, the settings of the
        run (:data:`CONFIG`), `attack` (the name of its folder), `mode`, `images` (`heldout` pairs,
        or `own` pictures), `objective`, `layers_attacked`, and the other columns of the attack's
        own table.

    Raises:
        InputError: If a file is damaged.
    """
    tables = []
    for run, config, step in _runs(folder):
        for path in sorted(run.attacks.glob("*/table.parquet")):
            records = AttackRecords(path.parent)
            known = records.about()
            if known.get("step") != step:  # of an earlier checkpoint
                continue
            table = records.read_table()
            table = table.rename(columns={"mode": "objective", "layers": "layers_attacked"})
            attack = path.parent.name
            about = {
                "run": run.path.name,
                **_settings(config),
                "attack": attack,
                "mode": attack.split("-")[0],
                "images": "own" if "pictures" in known.get("source", {}) else "heldout",
            }
            for place, (name, value) in enumerate(about.items()):
                table.insert(place, name, value)
            tables.append(table)
    if not tables:
        return pd.DataFrame(columns=["run", *CONFIG, "attack", "mode", "stop", "target_nll"])
    return pd.concat(tables, ignore_index=True)


def write_tables(folder: Path) -> dict[str, Path]:
    """Writes both tables to `tables/` in the folder of a sweep.

    While another process writes them, for another shard, this one waits.

    Args:
        folder: Of the sweep.

    Returns:
        Files by name: `runs`, `attacks` (Parquet), `csv` (the runs).

    Raises:
        InputError: If a file is damaged or the disk does not take the result.
    """
    place = folder / "tables"
    with writing(place):
        place.mkdir(exist_ok=True)
    files = {name: place / f"{name}.parquet" for name in ("runs", "attacks")}
    files["csv"] = place / "runs.csv"
    with turn(place):
        runs, attacks = run_table(folder), attack_table(folder)
        write_atomically(files["runs"], to_parquet(runs))
        write_atomically(files["attacks"], to_parquet(attacks))
        write_atomically(files["csv"], runs.to_csv(index=False))
    return files


def _runs(folder: Path) -> list[tuple[RunFolder, TrainConfig, int]]:
    found = []
    for path in sorted(folder.glob("runs/*/config.json")):
        run = RunFolder(path.parent)
        step = run.newest_step()
        if step is not None and run.status(run.read_record()) == "finished":
            found.append((run, run.read_config(), step))
    return found


def _settings(config: TrainConfig) -> dict[str, Any]:
    # one number, also of layers that differ: that of the lowest
    return {name: getattr(config, name) for name in CONFIG} | {"latent_dim": config.layer_dims[0]}


def _resistance(found: Robustness) -> dict[str, Any]:
    medians = {name: each.median for name, each in found if isinstance(each, MedianInterval)} | {
        f"damage.{each.norm:g}": each.moved.median for each in found.damage
    }
    return medians | {"attack_checks_failed": len(found.failed)}


def _numbers(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Numbers by dotted name; what is no number is left out."""
    flat: dict[str, Any] = {}
    for name, value in values.items():
        if name == "noise":
            for level in value:
                scale = f"{level['scale']:g}"
                flat[f"noise.{scale}"] = level["log_likelihood"]
                flat[f"noise_std.{scale}"] = level["std"]
        elif isinstance(value, Mapping):
            flat |= _numbers(value, f"{prefix}{name}.")
        elif isinstance(value, (int, float)):
            flat[f"{prefix}{name}"] = value
    return flat
