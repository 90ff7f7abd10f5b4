"""What one synthetic face looks like: how its head is shaped, and its shades."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pyro_seatbelt.drawn.draws import Draws
from pyro_seatbelt.drawn.faces.head import Head, head

_KEY = 20090209
_DRAWS_PER_FACE = 512
_SPREAD, _ASYMMETRY = 0.24, 0.04
_OUTLINES = ("oval", "round", "square", "rectangular", "triangular", "diamond")
_PEOPLES = ("caucasian", "asian", "african")


@dataclass(frozen=True, eq=False)
class FaceStyle:
    """Everything that sets one face apart.

    Attributes:
        strengths: How much of each shape of the head, shape `(S,)`.
        skin: Share of light that the skin reflects.
        brow: How much darker the brows are, from 0 to 1.
        lip: Albedo of the lips as a share of that of the skin.
        iris: Albedo of the iris.
    """

    strengths: NDArray[np.float64]
    skin: float
    brow: float
    lip: float
    iris: float


def face_style(identity: int) -> FaceStyle:
    """Return the style of one face, the same one on every machine.

    The head is a mixture of those of young and old women and men of three
    peoples, heavier or lighter; then each feature is changed a little.

    Args:
        identity: Number of the face.

    Returns:
        Its style.

    Example:
        >>> style = face_style(0)
        >>> style.strengths.shape, 0.2 < style.skin < 0.9
        ((290,), True)
    """
    draw = Draws(identity, key=_KEY, most=_DRAWS_PER_FACE)
    mean = head()
    strengths = np.zeros(len(mean.shapes))
    peoples = draw.dirichlet(0.7, len(_PEOPLES))
    female, old, weight = draw.beta(0.5, 0.5), draw.beta(0.6, 1.2), draw.normal(0.7)
    for sex, sex_share in (("female", female), ("male", 1 - female)):
        for age, age_share in (("young", 1 - old), ("old", old)):
            share = sex_share * age_share
            for people, people_share in zip(_PEOPLES, peoples.tolist(), strict=True):
                name = f"macrodetails/{people}-{sex}-{age}"
                strengths[mean.shapes.index(name)] = share * people_share
            extreme = "maxweight" if weight > 0 else "minweight"
            name = f"macrodetails/universal-{sex}-{age}-averagemuscle-{extreme}"
            strengths[mean.shapes.index(name)] = share * min(abs(weight), 1)
    _change_features(strengths, mean, draw)
    outline = f"head/head-{draw.choice(_OUTLINES)}"
    strengths[mean.shapes.index(outline)] = draw.between(0, 0.6)
    _, asian, african = peoples.tolist()
    skin = 0.78 - 0.06 * asian - 0.42 * african + draw.normal(0.04)
    return FaceStyle(
        strengths=strengths,
        skin=min(max(skin, 0.28), 0.85),
        brow=draw.between(0.25, 0.75),
        lip=draw.between(0.55, 0.85),
        iris=draw.between(0.1, 0.5),
    )


def _change_features(strengths: NDArray[np.float64], mean: Head, draw: Draws) -> None:
    """Change each feature one way or the other, nearly alike on the left and on the right."""
    for opposites in mean.opposites:
        together = draw.normal(_SPREAD)
        alone = len(opposites.more) == 1
        for more, less in zip(opposites.more, opposites.less, strict=True):
            change = together if alone else together + draw.normal(_ASYMMETRY)
            strengths[more if change > 0 else less] = min(abs(change), 1)
