"""A figure or table of the paper."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from pyro_seatbelt.attacks import Layers, Mode
from pyro_seatbelt.files import write_atomically, writing
from pyro_seatbelt.paper.catalogue import CATALOGUE
from pyro_seatbelt.paper.claims import Claim
from pyro_seatbelt.paper.members import attack
from pyro_seatbelt.paper.results import Results
from pyro_seatbelt.paper.scale import Role, Scale, Subject
from pyro_seatbelt.runs.figures import save_figure
from pyro_seatbelt.sweeps.job import Job, job_for
from pyro_seatbelt.training.config import TrainConfig


@dataclass(frozen=True, kw_only=True)
class Item:
    """How one figure or table is made again.

    Attributes:
        name: What it is called on the command line: a key of the :data:`CATALOGUE`.
        roles: The data sets that it is about.
        configs: The runs that it needs of one of them. All are evaluated.
        attacks: The attacks on each of them.
        layers: What latent attacks look at, one after the other; None for the paper's choice.
        draw: Draws it from the tables and run folders of those runs: figures and tables by name.
            What is not there yet is left out.
        claims: What the paper says there, and what came out.
        make: Makes what it needs besides from the trained runs, and keeps it in their folders;
            what is there already is left alone.
    """

    name: str
    roles: tuple[Role, ...]
    configs: Callable[[Scale, Subject], list[TrainConfig]]
    attacks: tuple[Mode, ...] = ()
    layers: tuple[Layers | None, ...] = (None,)
    draw: Callable[[Results], "Drawn"]
    claims: Callable[[Results], Iterable[Claim]]
    make: Callable[[Results, Path], None] | None = None

    @property
    def source(self) -> str:
        """Where it is in the paper."""
        return CATALOGUE[self.name].source

    def jobs(self, scale: Scale) -> list[Job]:
        """What has to be trained, attacked and evaluated at a scale.

        Args:
            scale: The scale. Items share a run and an attack that they ask for alike.
        """
        attacks = [attack(scale, mode, each) for mode in self.attacks for each in self.layers]
        return [
            job_for(config, attacks, scale.evaluation)
            for subject in scale.distinct(*self.roles)
            for config in self.configs(scale, subject)
        ]

    def check(self, results: Results) -> list[Claim]:
        """Compares what the paper says there with what came out.

        Args:
            results: Of the item's own jobs.

        Returns:
            The claims, complete: with the item, the source, and what the scale does differently.
        """
        return [
            replace(
                claim,
                item=self.name,
                source=claim.source or self.source,
                note=f"{claim.note} {results.scale.note}".strip(),
            )
            for claim in self.claims(results)
        ]


@dataclass(frozen=True)
class Drawn:
    """What an item looks like.

    Attributes:
        figures: Figures by name.
        tables: The numbers in them by name.
    """

    figures: Mapping[str, Figure]
    tables: Mapping[str, pd.DataFrame]

    def write(self, folder: Path) -> list[Path]:
        """Writes figures as PNG, and tables as CSV and Markdown.

        Args:
            folder: Where to.

        Returns:
            The files.

        Raises:
            InputError: If they cannot be written.
        """
        with writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
        files = [
            save_figure(figure, folder / f"{name}.png") for name, figure in self.figures.items()
        ]
        for name, table in self.tables.items():
            for kind, text in (("csv", table.to_csv(index=False)), ("md", as_markdown(table))):
                files.append(folder / f"{name}.{kind}")
                write_atomically(files[-1], text)
        return files


def as_markdown(table: pd.DataFrame) -> str:
    """Writes a table as Markdown, numbers with four digits.

    Example:
        >>> print(as_markdown(pd.DataFrame({"model": ["vae"], "elbo": [-101.23456]})), end="")
        | model | elbo |
        |---|---|
        | vae | -101.2 |
    """
    rows: list[Sequence[object]] = [list(table.columns), *table.itertuples(index=False)]
    lines = ["| " + " | ".join(map(_cell, row)) + " |" for row in rows]
    lines.insert(1, "|" + "---|" * len(table.columns))
    return "\n".join(lines) + "\n"


def _cell(value: object) -> str:
    if isinstance(value, float):
        return "" if math.isnan(value) else f"{value:.4g}"
    return str(value).replace("|", "\\|")
