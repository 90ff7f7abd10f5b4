"""What the items of the paper are drawn from: the tables of a sweep, and its run folders."""

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd
from torch import Tensor

from pyro_seatbelt.attacks import Mode
from pyro_seatbelt.data import to_pixels
from pyro_seatbelt.data.subset import evenly_spaced
from pyro_seatbelt.family import name_latents
from pyro_seatbelt.paper.scale import Scale
from pyro_seatbelt.runs.attack_options import paper_layers
from pyro_seatbelt.runs.folder import RunFolder
from pyro_seatbelt.runs.images import open_same_data
from pyro_seatbelt.runs.open import Run, load_run
from pyro_seatbelt.runs.records import AttackRecords, Findings
from pyro_seatbelt.sweeps.finished import finished_job
from pyro_seatbelt.sweeps.job import Job, job_for
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

    def problems(
        self, mode: Mode, *, attacked: str | None = None, **wanted: object
    ) -> pd.DataFrame:
        """Returns the problems of one kind of attack that were not retired (:func:`solved`).

        Args:
            mode: The attack.
            attacked: The sites that it looked at, joined by `+`; None for the paper's choice.
            wanted: Values of other columns (:func:`pick`).
        """
        rows = solved(pick(self.attacks, mode=mode, **wanted))
        if mode == "output":
            return rows
        if attacked is not None:
            return pick(rows, layers_attacked=attacked)
        of_paper = [
            "+".join(name_latents(int(depth))) if paper_layers(model) == "all" else "z1"
            for model, depth in zip(rows["model"], rows["layers"], strict=True)
        ]
        return rows[rows["layers_attacked"] == pd.Series(of_paper, rows.index, dtype=object)]

    def open_run(self, config: TrainConfig, *, num_images: int) -> tuple[Run, Tensor] | None:
        """Opens a run with some of its held-out images, evenly spaced.

        Args:
            config: Of the run.
            num_images: How many images; all if there are fewer.

        Returns:
            The run, and the images in [0, 1], shape `(num_images, *image)`; None if it is not
            finished.

        Raises:
            InputError: If a file of the run, or its data, is damaged or absent.
        """
        folder = self.run_folder(config)
        if folder is None:
            return None
        run = load_run(folder)
        dataset, split = open_same_data(folder, run.config, run.record)
        return run, to_pixels(dataset.images.gather(evenly_spaced(split.heldout, num_images)))

    def read_attack(self, config: TrainConfig) -> Findings | None:
        """Reads the attack on a run; None if there is none.

        Raises:
            InputError: If a file is damaged.
        """
        folder = self.run_folder(config)
        made = pick(self.attacks, run="" if folder is None else folder.name)["attack"]
        if folder is None or made.empty:
            return None
        return AttackRecords(RunFolder(folder).attacks / made.iloc[0]).read()

    def _measured(self, jobs: Sequence[Job]) -> list[str]:
        """The columns that a table has when the runs of some jobs are evaluated."""
        deepest = max((job.config.layers or 1 for job in jobs), default=1)
        return [
            *EVALUATION_COLUMNS,
            *(
                f"{kind}.{site}"
                for kind in ("kl", "active_units")
                for site in name_latents(int(deepest))
            ),
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


def solved(table: pd.DataFrame) -> pd.DataFrame:
    """Returns the problems that were not retired, with one more number of each.

    The L2 distance to the target has two parts: what the model loses of any image, which a larger
    beta increases by itself, and what the attack did not reach. `l2_excess` is the second one.

    Args:
        table: A row for each problem.

    Example:
        >>> columns = ["l2_target", "l2_best_to_target", "stop"]
        >>> table = pd.DataFrame([[5.0, 4.0, "gradient"], [9.0, 4.0, "nan"]], columns=columns)
        >>> solved(table)["l2_excess"].tolist()
        [1.0]
    """
    kept = table[table["stop"] != "nan"]
    reached, own = (kept[name].astype(float) for name in ("l2_target", "l2_best_to_target"))
    return kept.assign(l2_excess=reached - own)
