import numpy as np
import pytest

from pyro_seatbelt.drawn.faces.head import head
from pyro_seatbelt.drawn.faces.style import face_style

SHADES = [0.596834, 0.479249, 0.657025, 0.453978]
SUM = 26.069264


def test_does_not_change():
    style = face_style(7)
    assert [style.skin, style.brow, style.lip, style.iris] == pytest.approx(SHADES, abs=1e-6)
    assert style.strengths.sum() == pytest.approx(SUM, abs=1e-6)


def test_faces_differ_and_stay_the_same():
    styles = np.stack([face_style(identity).strengths for identity in range(20)])
    assert len(np.unique(styles, axis=0)) == 20
    assert np.array_equal(face_style(3).strengths, styles[3])


def test_peoples_sexes_and_ages_add_up():
    mixed = [name.startswith("macrodetails/") and "universal" not in name for name in head().shapes]
    for identity in range(10):
        assert face_style(identity).strengths[mixed].sum() == pytest.approx(1)


def test_strengths_are_within_their_bounds():
    for identity in range(50):
        style = face_style(identity)
        assert style.strengths.min() >= 0
        assert style.strengths.max() <= 1
        assert 0.28 <= style.skin <= 0.85


def test_one_of_two_opposites_and_both_sides_alike():
    differences = []
    for identity in range(10):
        strengths = face_style(identity).strengths
        for opposites in head().opposites:
            more, less = strengths[list(opposites.more)], strengths[list(opposites.less)]
            assert not (more * less).any()
            if len(more) == 2:
                differences.append(np.diff(more - less)[0])
    assert np.std(differences) == pytest.approx(0.04 * 2**0.5, rel=0.2)
