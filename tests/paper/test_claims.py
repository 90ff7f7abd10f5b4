import json
import math

import pytest

from pyro_seatbelt.errors import InputError
from pyro_seatbelt.paper.claims import Claim, as_json, markdown, write_claims


def claim(**changes):
    given = {
        "claim": "elbo",
        "item": "fig3",
        "text": "It falls",
        "source": "Section 5.1",
        "paper": 1e3,
        "measured": {"ratio": 2.0, "low": math.nan, "models": 3, "dataset": "a|b"},
        "holds": True,
        "note": "One model.",
    }
    return Claim(**(given | changes))


def test_claims_are_json_with_null_for_what_is_not_known(tmp_path):
    file = write_claims(tmp_path / "claims.json", [claim(), claim(holds=None, paper="less")])
    first, second = json.loads(file.read_text())
    assert first == {
        "claim": "elbo",
        "item": "fig3",
        "text": "It falls",
        "source": "Section 5.1",
        "paper": 1000.0,
        "measured": {"ratio": 2.0, "low": None, "models": 3, "dataset": "a|b"},
        "holds": True,
        "note": "One model.",
    }
    assert second["holds"] is None
    assert as_json(claim(measured={"r": math.inf}))["measured"] == {"r": None}


def test_a_disk_that_takes_nothing_is_one_line(tmp_path):
    with pytest.raises(InputError, match="cannot write"):
        write_claims(tmp_path / "absent" / "claims.json", [claim()])


def test_a_table_for_people_has_a_line_for_each():
    text = markdown([claim(), claim(holds=False), claim(holds=None, note="two\nlines")], title="T")
    lines = text.splitlines()
    assert lines[0] == "# T"
    assert [line.split(" | ")[3] for line in lines[4:]] == ["holds", "does not hold", "undecided"]
    assert "ratio 2, low unknown, models 3, dataset a\\|b" in lines[4]
    assert lines[6].endswith("two lines |")
