"""What the items of the paper are drawn from: the tables of a sweep, and its run folders."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from pyro_seatbelt.attacks import Mode
from pyro_seatbelt.experiments.attack import paper_layers
from pyro_seatbelt.experiments.jobs import Job, finished_job, job_for
from pyro_seatbelt.experiments.paper.scales import Scale
from pyro_seatbelt.presets import PRESETS
from pyro_seatbelt.training.config import TrainConfig

CONFIG_COLUMNS = ("run", "dataset", "model", "layers", "latent_dim", "beta", "seed")
ATTACK_COLUMNS = (
    *CONFIG_COLUMNS,
    *("attack", "mode", "layers_attacked", "pair", "weight", "value", "distance", "target_nll"),
    *("l2_target", "l2_clean", "norm", "stop"),
)


class Results(NamedTuple):
    """Tables of finished runs, and where they are.

    Attributes:
        scale: What was made.
        folder: The sweep; `runs/` is in it.
        runs: A row for each run: its config and the numbers of its evaluation.
        attacks: A row for each problem of each attack.
    """

    scale: Scale
    folder: Path
    runs: pd.DataFrame
    attacks: pd.DataFrame

    def of(self, jobs: Sequence[Job]) -> "Results":
        """Returns what belongs to some jobs: their runs, and the attacks that they ask for."""
        made = [
            (job.name, place.name)
            for job in jobs
            if (report := finished_job(job, self.folder)) is not None
            for place in report.attacks
        ]
        runs = _with_columns(self.runs, CONFIG_COLUMNS)
        attacks = _with_columns(self.attacks, ATTACK_COLUMNS)
        places = pd.MultiIndex.from_frame(attacks[["run", "attack"]])
        return self._replace(
            runs=runs[runs["run"].isin({job.name for job in jobs})],
            attacks=attacks[places.isin(made)] if made else attacks[:0],
        )

    def run_folder(self, config: TrainConfig) -> Path | None:
        """Returns the folder of a run; None if it is not finished."""
        name = job_for(config, (), None).name
        return self.folder / "runs" / name if (self.runs["run"] == name).any() else None


def _with_columns(table: pd.DataFrame, columns: Iterable[str]) -> pd.DataFrame:
    """The table with columns that it would have if it had rows."""
    absent = {column: pd.Series(dtype=object) for column in columns if column not in table}
    return table.assign(**absent)


def pick(table: pd.DataFrame, **wanted: object) -> pd.DataFrame:
    """Returns the rows whose columns have some values; None stands for any.

    Example:
        >>> table = pd.DataFrame({"model": ["vae", "dlgm"], "layers": [1, 2]})
        >>> pick(table, model="dlgm", layers=None)["layers"].tolist()
        [2]
    """
    for column, value in wanted.items():
        if value is not None:
            table = table[table[column] == value]
    return table


def problems(attacks: pd.DataFrame, mode: Mode, *, layers: str | None = None) -> pd.DataFrame:
    """Returns the problems of one kind of attack, without the retired ones.

    Args:
        attacks: A row for each problem.
        mode: The attack.
        layers: The sites that it looked at, joined by `+`; None for the paper's choice.
    """
    kept = attacks[(attacks["mode"] == mode) & (attacks["stop"] != "nan")]
    if mode == "output":
        return kept
    if layers is not None:
        return kept[kept["layers_attacked"] == layers]
    own = pd.Series(
        [
            sites(depth) if paper_layers(model) == "all" else "z1"
            for model, depth in zip(kept["model"], kept["layers"], strict=True)
        ],
        index=kept.index,
        dtype=object,
    )
    return kept[kept["layers_attacked"] == own]


def sites(layers: int) -> str:
    """Names every layer of a hierarchy.

    Example:
        >>> sites(3)
        'z1+z2+z3'
    """
    return "+".join(f"z{layer}" for layer in range(1, int(layers) + 1))


def named(model: str, *, layers: int | None = None, beta: float | None = None) -> str:
    """Names a model as the figures do.

    Example:
        >>> named("seatbelt", layers=4, beta=10.0)
        'Seatbelt-VAE, L = 4, β = 10'
    """
    title = next(preset.title for name, preset in PRESETS.items() if name == model)
    words = [title.replace("beta", "β")]
    if layers is not None:
        words.append(f"L = {layers}")
    if beta is not None:
        words.append(f"β = {beta:g}")
    return ", ".join(words)


def lettered(titles: Iterable[str]) -> list[str]:
    """Puts (a), (b), ... before titles.

    Example:
        >>> lettered(["chairs", "faces"])
        ['(a) chairs', '(b) faces']
    """
    return [f"({chr(ord('a') + number)}) {title}" for number, title in enumerate(titles)]
