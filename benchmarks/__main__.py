"""`python -m benchmarks`: a command for each claim, and one that writes them all down."""

from pathlib import Path
from typing import Annotated

import typer

from benchmarks.aggregate import aggregate
from benchmarks.attack import attack
from benchmarks.data import data
from benchmarks.document import docs
from benchmarks.end_to_end import end_to_end
from benchmarks.memory import memory
from benchmarks.precision import precision
from benchmarks.processes import processes
from benchmarks.result import Result, write_json
from benchmarks.scaling import scaling
from benchmarks.startup import startup
from benchmarks.train_step import train_step


def _show(result: Result | None, threads: int | None, json: Path | None) -> None:
    del threads
    if result is None:
        return
    print(result.markdown())
    if json is not None:
        write_json(json, [result])


app = typer.Typer(
    add_completion=False, no_args_is_help=True, rich_markup_mode="markdown", result_callback=_show
)


@app.callback()
def benchmarks(
    threads: Annotated[int | None, typer.Option(min=1, help="Of torch, on a CPU.")] = None,
    json: Annotated[Path | None, typer.Option(help="Write the numbers here as well.")] = None,
) -> None:
    """Measure what the package claims of its speed, in turns with what it is compared with."""
    del json
    if threads is not None:
        import torch  # noqa: PLC0415 - start-up is measured without

        torch.set_num_threads(threads)


for command in (
    *(train_step, aggregate, attack, data, startup),
    *(end_to_end, scaling, processes, memory, precision, docs),
):
    app.command(command.__name__.replace("_", "-"))(command)

if __name__ == "__main__":
    app()
