"""What the items of the paper are drawn from: the tables of a sweep, and its run folders."""

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from pyro_seatbelt.attacks import Mode
from pyro_seatbelt.family import PRESETS
from pyro_seatbelt.paper.scales import Scale
from pyro_seatbelt.runs.attack import paper_layers
from pyro_seatbelt.sweeps.job_runs import finished_job
from pyro_seatbelt.sweeps.jobs import Job, job_for
from pyro_seatbelt.training.config import TrainConfig

CONFIG_COLUMNS = ("run", "dataset", "model", "layers", "latent_dim", "beta", "seed", "steps")
ATTACK_COLUMNS = (
    *CONFIG_COLUMNS[:-1],
    *("attack", "mode", "layers_attacked", "pair", "weight", "value", "distance", "target_nll"),
    *("l2_target", "l2_clean", "norm", "stop"),
    *("l2_input_to_target", "l2_clean_to_target", "l2_best_to_target"),
)
EVALUATION_COLUMNS = (
    *("elbo", "mse", "ms_ssim", "l2", "weight_norm.encoder", "weight_norm.decoder"),
    "disentanglement.mig",
)
"""Numbers of an evaluation that items look at, besides those by layer and by noise."""


class Results(NamedTuple):
    """Tables of finished runs, and where they are.

    Attributes:
        scale: What was made.
        folder: The sweep; `runs/` is in it.
        runs: A row for each run: its config and the numbers of its evaluation, NaN where there
            are none.
        attacks: A row for each problem of each attack.
    """

    scale: Scale
    folder: Path
    runs: pd.DataFrame
    attacks: pd.DataFrame

    def of(self, jobs: Sequence[Job]) -> "Results":
        """Returns what belongs to some jobs: their runs, and the attacks that they ask for.

        Runs that are not evaluated have NaN for the numbers of an evaluation, whether others are
        or not.
        """
        made = [
            (job.name, place.name)
            for job in jobs
            if (report := finished_job(job, self.folder)) is not None
            for place in report.attacks
        ]
        runs = _with_columns(_with_columns(self.runs, CONFIG_COLUMNS), self._measured(jobs), float)
        attacks = _with_columns(self.attacks, ATTACK_COLUMNS)
        places = pd.MultiIndex.from_frame(attacks[["run", "attack"]])
        return self._replace(
            runs=runs[runs["run"].isin({job.name for job in jobs})],
            attacks=attacks[places.isin(made)] if made else attacks[:0],
        )

    def run_folder(self, config: TrainConfig) -> Path | None:
        """Returns the folder of a run; None if it is not finished."""
        rows = self.rows_of(config)
        return None if rows.empty else self.folder / "runs" / str(rows["run"].iloc[0])

    def rows_of(self, config: TrainConfig) -> pd.DataFrame:
        """Returns the row of a run; none if it is not finished."""
        return pick(self.runs, run=job_for(config, (), None).name)

    def number(self, config: TrainConfig, column: str) -> float:
        """Returns a number of the evaluation of a run; NaN if it is not finished or evaluated."""
        rows = self.rows_of(config)
        return math.nan if rows.empty or column not in rows else float(rows[column].iloc[0])

    def _measured(self, jobs: Sequence[Job]) -> list[str]:
        """The columns that a table has when the runs of some jobs are evaluated."""
        deepest = max((job.config.layers or 1 for job in jobs), default=1)
        sites_ = [f"z{layer}" for layer in range(1, deepest + 1)]
        return [
            *EVALUATION_COLUMNS,
            *(f"{kind}.{site}" for kind in ("kl", "active_units") for site in sites_),
            *(f"noise.{scale:g}" for scale in self.scale.evaluation.scales),
        ]


def _with_columns(
    table: pd.DataFrame, columns: Iterable[str], dtype: type = object
) -> pd.DataFrame:
    """The table with columns that it may be without, all of them NaN."""
    absent = {column: pd.Series(dtype=dtype) for column in columns if column not in table}
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


def with_excess(attacks: pd.DataFrame) -> pd.DataFrame:
    """Adds how much farther from the target an attack ends than the target's own reconstruction.

    The L2 distance to the target has two parts: what the model loses of any image, which a larger
    beta increases by itself, and what the attack did not reach. `l2_excess` is the second one.

    Example:
        >>> table = pd.DataFrame({"l2_target": [5.0], "l2_best_to_target": [4.0]})
        >>> with_excess(table)["l2_excess"].tolist()
        [1.0]
    """
    own, reached = (attacks[name].astype(float) for name in ("l2_best_to_target", "l2_target"))
    return attacks.assign(l2_excess=reached - own)


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
    words = [PRESETS[model].title.replace("beta", "β")]
    if layers is not None:
        words.append(f"L = {layers}")
    if beta is not None:
        words.append(f"β = {beta:g}")
    return ", ".join(words)


def spelled(name: str) -> str:
    """Writes a name of :func:`named` as claims do: any terminal can show them.

    Example:
        >>> spelled(named("beta-tcvae", beta=10.0))
        'beta-TCVAE, beta = 10'
    """
    return name.replace("β", "beta")


def lettered(titles: Iterable[str]) -> list[str]:
    """Puts (a), (b), ... before titles.

    Example:
        >>> lettered(["chairs", "faces"])
        ['(a) chairs', '(b) faces']
    """
    return [f"({chr(ord('a') + number)}) {title}" for number, title in enumerate(titles)]
