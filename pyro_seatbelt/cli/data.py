"""The commands `seatbelt data ...`."""

import shutil
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pyro_seatbelt.cli.output import Json, print_json, print_pairs, say, stderr_console
from pyro_seatbelt.cli.progress import ProgressBar

if TYPE_CHECKING:
    from pyro_seatbelt.data import CachedImages, ImageDataset

data = typer.Typer(
    no_args_is_help=True,
    help="List, download, import, draw, show and check data sets.\n\n"
    "They are kept in $SEATBELT_DATA, or in the user's cache folder.",
)

Name = Annotated[str, typer.Argument(help="Data set; `seatbelt data list` shows them.")]
AcceptTerms = Annotated[
    bool,
    typer.Option(
        "--accept-terms", show_envvar=False, help="Agree to the terms of a set that has some."
    ),
]
Ids = Annotated[
    int | None,
    typer.Option(min=1, help="Only so many identities.", show_default=False, show_envvar=False),
]


@data.command("list")
def list_sets(*, json: Json = False) -> None:
    """List every data set and what this machine has of it.

    **Examples**

    - `seatbelt data list`

    - `seatbelt data list --json`
    """
    from pyro_seatbelt.data import data_root, inventory

    statuses = inventory()
    if json:
        print_json(
            [
                {
                    "name": each.name,
                    "state": each.state,
                    "title": each.spec.title,
                    "synthetic": each.spec.synthetic,
                    "num_images": each.spec.num_images,
                    "factors": each.spec.factors,
                    "source": each.spec.source,
                    "licence": each.spec.licence,
                    "stored": [_stored(cached) for cached in each.stored],
                    "problem": each.problem,
                }
                for each in statuses
            ]
        )
        return
    for each in statuses:
        images = f"{each.spec.num_images:,} images" if each.spec.num_images else ""
        size = _megabytes(sum(cached.num_bytes for cached in each.stored))
        say(f"{each.name:<14}  {each.state:<7}  {images:>14}  {size:>9}".rstrip())
        for label, text in (
            ("title", each.spec.title),
            ("factors", _some(each.spec.factors)),
            ("layout", each.spec.layout),
            ("licence", each.spec.licence),
            ("source", each.spec.source),
        ):
            if text:
                say(_paragraph(f"{label:<7}  ", text))
    for each in statuses:
        if each.problem:
            say(f"{each.name}: {each.problem}", err=True)
    say(f"kept in {data_root()}", err=True)


@data.command()
def download(
    name: Name,
    *,
    url: Annotated[
        list[str] | None,
        typer.Option(
            help="A mirror to use instead of the published address: of the file, or of a folder if "
            "it ends in /. Can be given several times.",
            show_default=False,
            show_envvar=False,
        ),
    ] = None,
    accept_terms: AcceptTerms = False,
    keep: Annotated[
        bool,
        typer.Option("--keep", show_envvar=False, help="Keep the published files too."),
    ] = False,
    json: Json = False,
) -> None:
    """Fetch a published data set and keep its images; the same again goes on after a break.

    **Examples**

    - `seatbelt data download dsprites`

    - `seatbelt data download celeba --accept-terms`

    - `seatbelt data download chairs --url https://mirror.example/rendered_chairs.tar`
    """
    from pyro_seatbelt import data as sets

    with ProgressBar(stderr_console()) as bar:
        dataset = sets.download(
            name,
            urls=url or (),
            accept_terms=accept_terms,
            keep=keep,
            progress=bar,
        )
    _report(dataset, json=json)


@data.command("import")
def import_set(
    name: Name,
    file: Annotated[Path, typer.Argument(help="The archive, as it was published.")],
    *,
    accept_terms: AcceptTerms = False,
    json: Json = False,
) -> None:
    """Read a published archive and keep its images, resized; nothing is unpacked.

    **Examples**

    - `seatbelt data import chairs rendered_chairs.tar`

    - `seatbelt data import faces3d basel_face_renders.pth`

    - `seatbelt data import celeba img_align_celeba.zip --accept-terms` - both lists beside it
    """
    from pyro_seatbelt.data import import_archive

    with ProgressBar(stderr_console()) as bar:
        _report(import_archive(name, file, accept_terms=accept_terms, progress=bar), json=json)


@data.command()
def build(name: Name, *, ids: Ids = None, json: Json = False) -> None:
    """Draw a synthetic data set anew and keep it, whatever was kept before.

    **Examples**

    - `seatbelt data build synth-chairs` - in about a minute

    - `seatbelt data build synth-chairs --ids 200`
    """
    from pyro_seatbelt import data as sets

    with ProgressBar(stderr_console()) as bar:
        _report(sets.build(name, ids=ids, progress=bar), json=json)


@data.command()
def verify(name: Name, *, ids: Ids = None, json: Json = False) -> None:
    """Read every kept byte of a data set and compare it with its fingerprint.

    **Examples**

    - `seatbelt data verify synth-chairs`
    """
    from pyro_seatbelt import data as sets

    checked = [_stored(each) for each in sets.verify(name, ids=ids)]
    if json:
        print_json(checked)
        return
    for each in checked:
        say(f"{each['path']}: intact")


@data.command()
def preview(
    name: Name,
    *,
    out: Annotated[
        Path | None,
        typer.Option(
            help="The PNG file, by default NAME-preview.png here; replaced if it is there.",
            show_default=False,
            show_envvar=False,
        ),
    ] = None,
    data_dir: Annotated[
        Path | None,
        typer.Option(
            help="Your own images, for the data set `folder`: a folder, .npy or .npz.",
            show_default=False,
            show_envvar=False,
        ),
    ] = None,
    ids: Ids = None,
    seed: Annotated[
        int, typer.Option(min=0, show_envvar=False, help="Another seed shows other images.")
    ] = 0,
    json: Json = False,
) -> None:
    """Draw a contact sheet of a data set.

    **Examples**

    - `seatbelt data preview synth-chairs --ids 200`

    - `seatbelt data preview folder --data-dir pictures --out pictures.png`
    """
    from pyro_seatbelt.data.preview import preview as draw_preview

    with ProgressBar(stderr_console()) as bar:
        file = draw_preview(
            name,
            out or Path(f"{name}-preview.png"),
            data_dir=data_dir,
            ids=ids,
            seed=seed,
            progress=bar,
        )
    if json:
        print_json({"preview": file})
        return
    print_pairs({"preview": file})


def _megabytes(num_bytes: int) -> str:
    return f"{num_bytes / 1e6:,.1f} MB" if num_bytes else ""


def _some(factors: tuple[str, ...]) -> str:
    shown = ", ".join(factors[:8])
    return shown if len(factors) <= 8 else f"{shown} and {len(factors) - 8} more"


def _stored(cached: "CachedImages") -> dict[str, Any]:
    return {
        "path": cached.path,
        "bytes": cached.num_bytes,
        "version": cached.version,
        "shape": cached.shape,
        "fingerprint": cached.fingerprint,
        "provenance": dict(cached.provenance),
    }


def _report(dataset: "ImageDataset", *, json: bool) -> None:
    facts = {
        "name": dataset.name,
        "images": dataset.num_images,
        "image_shape": dataset.image_shape,
        "synthetic": dataset.synthetic,
        "fingerprint": dataset.fingerprint,
        "provenance": dict(dataset.provenance),
    }
    if json:
        print_json(facts)
        return
    channels, height, width = dataset.image_shape
    print_pairs(
        {
            "data set": f"{dataset.name} ({'synthetic' if dataset.synthetic else 'real'})",
            "images": f"{dataset.num_images} of {height}x{width}, channels {channels}",
            "fingerprint": dataset.fingerprint,
        }
    )


def _paragraph(label: str, text: str) -> str:
    """A text after its label, in lines as wide as the terminal; addresses stay in one piece."""
    width = max(shutil.get_terminal_size().columns, 60)
    indent = " " * 16
    return textwrap.fill(
        text,
        width,
        initial_indent=indent + label,
        subsequent_indent=indent + " " * len(label),
        break_long_words=False,
        break_on_hyphens=False,
    )
