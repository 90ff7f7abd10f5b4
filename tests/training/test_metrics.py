import math

import pytest

from pyro_seatbelt.errors import InputError
from pyro_seatbelt.training.metrics import MetricsLog, mean_report, read_metrics


@pytest.fixture
def path(tmp_path):
    return tmp_path / "metrics.jsonl"


def test_records_are_appended_as_they_come(path):
    with MetricsLog(path) as log:
        log.write(1, "train", {"loss": 1.0})
        assert len(read_metrics(path)) == 1
        log.write(2, "heldout", {"elbo": 2.0, "active_units": {"z1": 3}})
    assert read_metrics(path)[1] == {
        "step": 2, "kind": "heldout", "elbo": 2.0, "active_units": {"z1": 3}
    }  # fmt: skip


def test_going_on_drops_what_came_after(path):
    with MetricsLog(path) as log:
        for step in (1, 5, 9):
            log.write(step, "train", {"loss": 1.0})
    with path.open("a") as file:
        file.write('{"step": 1')
    with MetricsLog(path, after=5) as log:
        log.write(6, "train", {"loss": 0.5})
    assert [each["step"] for each in read_metrics(path)] == [1, 5, 6]


def test_numbers_that_are_not_finite_are_null(path):
    with MetricsLog(path) as log:
        log.write(1, "train", {"elbo": -math.inf, "kl": {"z1": math.nan}})
    assert "Infinity" not in path.read_text()
    assert read_metrics(path) == [{"step": 1, "kind": "train", "elbo": None, "kl": {"z1": None}}]


@pytest.mark.parametrize(("line", "message"), [("{", "no JSON"), ('{"a": 1}', "has no step")])
def test_damaged_lines_are_named(line, message, path):
    path.write_text('{"step": 1, "kind": "train"}\n' + line + "\n")
    with pytest.raises(InputError, match=f"metrics.jsonl: line 2 .*{message}"):
        read_metrics(path)


def test_a_mean_with_a_broken_part_is_broken():
    class Report(dict):
        def _asdict(self):
            return self

    mean = mean_report([Report(elbo=1.0, kl={"z1": math.inf}), Report(elbo=2.0, kl={"z1": 1.0})])
    assert mean["elbo"] == 1.5
    assert math.isnan(mean["kl"]["z1"])
    assert mean_report([]) == {}
