import shutil
from pathlib import Path

import pytest

from pyro_seatbelt.report import report_runs
from pyro_seatbelt.report.comparison import ComparisonSection, compare
from pyro_seatbelt.report.contents import read_contents

pytestmark = pytest.mark.usefixtures("workplace")


def compared(*runs: Path) -> tuple[ComparisonSection, dict[str, list]]:
    found = compare([read_contents(run) for run in runs])
    labels = [column.label for column in found.columns]
    cells = list(zip(*(row[1:] for row in found.rows), strict=True))
    return found, {name: list(each) for name, each in zip(labels, cells, strict=True)}


def test_several_runs_are_compared(run, attackable, tmp_path, words):
    other = shutil.copytree(attackable, tmp_path / "other")
    file = report_runs([run, other, run], out=tmp_path / "both.html")
    text = words(file)
    assert "2 runs" in text
    for each in ("Comparison", "\u0394 latent", "\u0394 output", "MS-SSIM", "other"):
        assert each in text
    assert report_runs([run, other]) == tmp_path / "report.html"


def test_the_comparison_has_no_numbers_of_earlier_steps(run, attackable, tmp_path, train_on):
    other = shutil.copytree(attackable, tmp_path / "other")
    _, cells = compared(run, other)
    assert cells["ELBO"][0] == -1234.5
    assert cells["TC"][0] == 0.25
    assert cells["TC"][1] is None  # that of training is of another aggregate
    numbers = run / "evaluation" / "evaluation.json"
    numbers.write_text(numbers.read_text().replace("held-out images", "training images"))
    assert "TC" not in compared(run, other)[1]  # an earlier version's is of others, too
    train_on(run, 8)
    found, cells = compared(run, other)
    assert cells["ELBO"][0] == -777.0
    assert not {"TC", "MSE", "\u0394 latent"} & set(cells)
    assert "Not evaluated since they were trained on: run." in found.note
    assert "2 attacks are left out here" in found.note
