import json
import re
import shutil

import pandas as pd
import pytest
from PIL import Image

from pyro_seatbelt.errors import InputError
from pyro_seatbelt.report import report_runs
from pyro_seatbelt.report import write as reports
from pyro_seatbelt.report.byte_budget import ByteBudget

pytestmark = pytest.mark.usefixtures("workplace")


def test_a_run_is_one_file_with_all_of_it(run, words):
    file = report_runs([run])
    assert file == run / "report.html"
    text = words(file)
    for each in (
        "Seatbelt-VAE on folder",
        "2 latent layers of 2 dimensions and \u03b2 = 6",
        "real images",
        "\u22121234",
        "0.03210",
        "Traversals",
        "One dimension of z2 per row",
        "Animation",
        "mutual information gap (MIG)",
        "Latent attack (KL) on z1 + z2",
        "Output attack",
        "AUDDC",
        "Where the KL goes",
    ):
        assert each in text, each
    assert str(run.parent) not in file.read_text("utf-8").replace(f"seatbelt attack {run}", "")
    assert not list(run.glob(".*"))


def test_no_model_is_loaded(run, monkeypatch):
    shutil.rmtree(run / "checkpoints")
    assert report_runs([run]).is_file()


def test_a_picture_that_is_far_too_large_is_a_note(run, monkeypatch, words):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    assert "prior.png: the picture cannot be read" in words(report_runs([run]))


def test_hostile_names_stay_words(run, tmp_path):
    config = json.loads((run / "config.json").read_text())
    hostile = "</script><script>alert(1)</script>"
    (run / "config.json").write_text(json.dumps(config | {"dataset": hostile}))
    record = json.loads((run / "run.json").read_text())
    record |= {"versions": {hostile: hostile}, "provenance": {hostile: hostile, "big": 10**400}}
    record["started"] = "2026-01-01T00:00:00"  # of no time zone, unlike the end
    (run / "run.json").write_text(json.dumps(record))
    [folder] = run.glob("attacks/latent-*")
    table = pd.read_parquet(folder / "table.parquet")
    table.assign(mode=hostile, input_image=hostile).to_parquet(folder / "table.parquet")
    html = report_runs([run], title=hostile).read_text("utf-8")
    assert html.count("<script>") == 1
    assert "<script>alert" not in html
    assert "&lt;script&gt;alert" in html


def test_many_runs_share_the_bytes(run, tmp_path, monkeypatch):
    monkeypatch.setattr(reports, "page_budget", lambda num_runs: ByteBudget(150_000))
    copies = [shutil.copytree(run, tmp_path / f"copy-{number}") for number in range(4)]

    def bytes_of_pictures(runs):
        page = report_runs(runs, tmp_path / "page.html").read_text("utf-8")
        return sum(map(len, re.findall(r"data:[^\"')]*", page))) * 3 / 4

    alone, together = bytes_of_pictures(copies[:1]), bytes_of_pictures(copies)
    assert 75_000 < alone < 155_000
    assert together < min(155_000, 2 * alone)


@pytest.mark.parametrize("name", ["report.png", "report", "folder.html"])
def test_the_file_is_called_html(name, run, tmp_path):
    (tmp_path / "folder.html").mkdir()
    with pytest.raises(InputError, match=r"expected the name of a file that ends in \.html"):
        report_runs([run], tmp_path / name)


def test_what_is_no_run_is_an_error(run, tmp_path):
    with pytest.raises(InputError, match="expected the folder of a run"):
        report_runs([tmp_path / "absent"])
    (tmp_path / "sweep" / "runs").mkdir(parents=True)
    with pytest.raises(InputError, match="no run here yet"):
        report_runs([tmp_path / "sweep"])
    with pytest.raises(InputError, match="expected one sweep alone or runs, got 2 folders"):
        report_runs([tmp_path / "sweep", run])
    with pytest.raises(InputError, match="cannot write: No such file or directory"):
        report_runs([run], tmp_path / "absent" / "a.html")
    (run / "run.json").write_text("{")
    with pytest.raises(InputError, match=r"run\.json: the file is damaged"):
        report_runs([run])
