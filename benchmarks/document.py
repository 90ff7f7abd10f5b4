"""`docs/performance.md`: everything that is measured here, written by one command."""

import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.aggregate import aggregate
from benchmarks.attack import attack
from benchmarks.data import data
from benchmarks.end_to_end import end_to_end
from benchmarks.memory import memory
from benchmarks.precision import precision
from benchmarks.processes import processes
from benchmarks.result import Result, machine
from benchmarks.scaling import scaling
from benchmarks.startup import ROOT, startup
from benchmarks.train_step import train_step

_PAGE = ROOT / "docs" / "performance.md"
_CURVES = "Time and memory against the minibatch, the depth, the latent dimensions and the data set"


def docs(
    out: Annotated[Path, typer.Option(help="The page.")] = _PAGE,
    against: Annotated[
        Path | None, typer.Option(help="An earlier checkout, for small commands and the demo.")
    ] = None,
    run: Annotated[
        Path | None, typer.Option(help="Folder of a trained run to attack; else an untrained pair.")
    ] = None,
    only: Annotated[
        list[str] | None, typer.Option(help="Measure some sections; the others stay as they are.")
    ] = None,
    smoke: Annotated[
        bool, typer.Option("--smoke", help="Tiny sizes, to see that it runs.")
    ] = False,
) -> None:
    """Measure everything and write `docs/performance.md` and `docs/performance.png`.

    Takes about an hour and a half on two quiet cores. The words of the page stay, its tables are
    made anew; those of sections that were not measured keep their date. `--json` of a section's own
    command writes its numbers for programs.
    """
    figure = out.with_suffix(".png")
    sections = _sections(figure, against, run, smoke=smoke)
    unknown = sorted({*(only or ())} - sections.keys())
    if unknown:
        raise typer.BadParameter(f"expected sections out of {', '.join(sections)}, got {unknown}")
    text = (out if out.is_file() else _PAGE).read_text(encoding="utf-8")
    for name in only or sections:
        print(f"{name} ...", file=sys.stderr, flush=True)
        results = list(sections[name]())
        drawn = [f"![{_CURVES}]({figure.name})"] if name == "scaling" else []
        table = "\n\n".join([*drawn, *(each.markdown() for each in results), _where()])
        start, end = f"<!-- {name} -->\n", f"\n<!-- end {name} -->"
        before, _, rest = text.partition(start)
        text = before + start + table + end + rest.partition(end)[2]
        out.write_text(text, encoding="utf-8")  # what was measured stays if something fails
    print(out)


def _sections(
    figure: Path, against: Path | None, run: Path | None, *, smoke: bool
) -> dict[str, Callable[[], Iterator[Result]]]:
    """What measures the tables of each section."""
    few = {"rounds": 1} if smoke else {}

    def steps() -> Iterator[Result]:
        sizes = {16: 1} if smoke else {256: 8, 1024: 3}
        for batch_size, rounds in sizes.items():
            yield train_step(batch_size=batch_size, rounds=rounds, device="cpu")

    def aggregates() -> Iterator[Result]:
        sizes = [(64, 10)] if smoke else [(256, 10), (1024, 10), (2048, 10), (1024, 64), (8192, 10)]
        for batch_size, latent_dim in sizes:
            rounds = 1 if smoke else 3 if batch_size * latent_dim > 10240 else 8
            yield aggregate(batch_size, latent_dim, rounds=rounds, device="cpu")

    def attacks() -> Iterator[Result]:
        sizes = {"pairs": 1, "lambdas": 2, "sampled": 2, "max_iterations": 3} if smoke else {}
        for mode in ("latent-kl", "output"):
            yield attack(run, mode, **{"sampled": 24, "rounds": 2, **sizes, **few})

    def precisions() -> Iterator[Result]:
        for layers in (1, 2):
            yield precision(
                layers=layers, **({"steps": 2, "seeds": 2, "pairs": 2} if smoke else {})
            )

    def one(measure: Callable[..., Result], **settings: object) -> Callable[[], Iterator[Result]]:
        return lambda: iter([measure(**settings)])

    return {
        "train-step": steps,
        "aggregate": aggregates,
        "memory": one(memory, device="cpu", **({"largest": 256} if smoke else {})),
        "attack": attacks,
        "data": one(partial(data, device="cpu"), **({"num_batches": 2} | few if smoke else {})),
        "startup": one(startup, against=against, rounds=1 if smoke else 5),
        "end-to-end": one(end_to_end, against=against, steps=2 if smoke else None),
        "scaling": one(
            scaling, figure=figure, device="cpu", most_seconds=0.2 if smoke else 40.0, **few
        ),
        "processes": one(processes, **({"steps": 2, "batch_size": 16, **few} if smoke else {})),
        "precision": precisions,
    }


def _where() -> str:
    about = machine()
    return "*Measured {date}: {processor}, {cores} cores (load {load}), torch {torch}.*".format(
        **about
    )
