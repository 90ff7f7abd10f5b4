import json

import pytest

from pyro_seatbelt.report.claims import read_claims
from pyro_seatbelt.report.parts import MeanCI


def test_claims_of_one_text_are_told_apart_by_their_names(tmp_path):
    def claim(name, dataset, **more):
        return {"item": "fig8", "text": "It is higher.", "source": "Section 5", "claim": name,
                "measured": {"noise": 0.5, "dataset": dataset}, **more}  # fmt: skip

    claims = [claim("a-chairs", "chairs"), claim("a-faces", "faces"), claim("", "")]
    claims += [claim(None, None, source="Figure 8")]
    (tmp_path / "fig8").mkdir()
    for folder in (tmp_path, tmp_path / "fig8"):
        (folder / "claims.json").write_text(json.dumps(claims))
    found, notes = read_claims(tmp_path)
    assert notes == []
    assert [each.dataset for each in found] == ["chairs", "faces", "", ""]
    assert [each.source for each in found[2:]] == ["Section 5", "Figure 8"]
    assert all(each.measured == [("noise", 0.5)] for each in found)


def test_what_was_measured_reads_well(tmp_path):
    measured = {
        "beta_low": 1.0, "beta_high": 10.0, "ratio": 0.25, "ratio_high": 0.5, "ratio_low": 0.125,
        "drop_low": 9.0, "drop": 1.0, "drop_high": 2.0, "told": "yes", "told_low": 1,
        "absent": None, "nan": float("nan"),
    }  # fmt: skip
    claim = {"text": "It is higher.", "measured": measured}
    (tmp_path / "claims.json").write_text(json.dumps([claim]))
    [[found], _] = read_claims(tmp_path)
    assert found.measured == [
        ("beta low", 1.0), ("beta high", 10.0), ("ratio", MeanCI(0.25, 0.125, 0.5)),
        ("drop low", 9.0), ("drop", 1.0), ("drop high", 2.0), ("told", "yes"), ("told low", 1),
    ]  # fmt: skip


@pytest.mark.parametrize("content", ["3", "{}", '["a"]', '[{"item": "x"}]', "[" * 100_000, "\xff"])
def test_what_is_no_list_of_claims_is_a_note(content, tmp_path):
    (tmp_path / "claims.json").write_text(content, "latin-1")
    claims, notes = read_claims(tmp_path)
    assert claims == []
    assert len(notes) == (content != "{}")
