"""What models, sites and panels are called in figures and claims."""

from collections.abc import Iterable, Sequence

from pyro_seatbelt.family import PRESETS
from pyro_seatbelt.paper.scale import Subject


def model_title(model: str, *, layers: int | None = None, beta: float | None = None) -> str:
    """Names a model as the figures do.

    Example:
        >>> model_title("seatbelt", layers=4, beta=10.0)
        'Seatbelt-VAE, L = 4, β = 10'
    """
    words = [PRESETS[model].title.replace("beta", "β")]
    if layers is not None:
        words.append(f"L = {layers}")
    if beta is not None:
        words.append(f"β = {beta:g}")
    return ", ".join(words)


def in_ascii(name: str) -> str:
    """Writes a name of :func:`model_title` as claims do: any terminal can show them.

    Example:
        >>> in_ascii(model_title("beta-tcvae", beta=10.0))
        'beta-TCVAE, beta = 10'
    """
    return name.replace("β", "beta")


def with_letters(titles: Iterable[str]) -> list[str]:
    """Puts (a), (b), ... before titles.

    Example:
        >>> with_letters(["chairs", "faces"])
        ['(a) chairs', '(b) faces']
    """
    return [f"({chr(ord('a') + number)}) {title}" for number, title in enumerate(titles)]


def panel_titles[T](subjects: Sequence[Subject], rows: Sequence[T]) -> list[tuple[T, Subject, str]]:
    """Gives every panel of a figure with a column per data set its title: (a) synth-chairs, ...

    Args:
        subjects: The columns.
        rows: What the rows are of.

    Returns:
        Row, data set and title of every panel, row by row.
    """
    cells = [(row, subject) for row in rows for subject in subjects]
    titles = with_letters(subject.dataset for _, subject in cells)
    return [(*cell, title) for cell, title in zip(cells, titles, strict=True)]


def stands_for_celeba(dataset: str) -> str:
    """Says in a note whether another data set stands for CelebA.

    Example:
        >>> stands_for_celeba("synth-faces"), stands_for_celeba("celeba")
        (' synth-faces stands for CelebA.', '')
    """
    return "" if dataset == "celeba" else f" {dataset} stands for CelebA."
