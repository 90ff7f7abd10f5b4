import pytest

from pyro_seatbelt.errors import InputError
from pyro_seatbelt.report import report_runs

pytestmark = pytest.mark.usefixtures("workplace")


def test_a_sweep_has_claims_figures_and_runs(sweep, words):
    file = report_runs([sweep])
    assert file == sweep / "report.html"
    text = words(file)
    for each in (
        "It is higher.",
        "\u2713 yes",
        "? undecided",
        "812.5",
        "on teapots",
        "A note.",
        "1 job failed: c",
    ):
        assert each in text
    assert "Figures fig5 latent attack Runs" in text  # of fig5, not of the tables


def test_a_sweep_with_damage_is_shown_without_it(sweep, words):
    (sweep / "claims.json").write_text("{")
    (sweep / "runs" / "b" / "run.json").write_text("{")
    text = words(report_runs([sweep]))
    assert "claims.json cannot be read: it is no list of claims." in text
    assert "A run cannot be read: runs/b/run.json: the file is damaged" in text
    assert "It is higher." in text
    (sweep / "runs" / "a" / "config.json").write_text("{")
    with pytest.raises(InputError, match="none of its runs can be read: A run"):
        report_runs([sweep])
