import json

import pytest

from pyro_seatbelt.errors import InputError
from pyro_seatbelt.sweeps.failures import failure_of, forget_failure, keep_failure
from pyro_seatbelt.training import TrainingDiverged


@pytest.mark.parametrize(
    "error",
    [InputError("beta: expected\n>= 0"), TrainingDiverged(3, "kl[z1]", None), KeyboardInterrupt()],
)
def test_what_is_the_users_to_change_has_no_traceback(error):
    failure = failure_of(error)
    assert failure.traceback is None
    assert failure.error
    assert "\n" not in failure.error


def test_a_bug_has_one():
    def broken():
        return {}.popitem()

    with pytest.raises(KeyError) as caught:
        broken()
    failure = failure_of(caught.value)
    assert failure.error == "KeyError: 'popitem(): dictionary is empty'"
    assert "in broken" in failure.traceback
    assert failure_of(ValueError()).error == "ValueError"


@pytest.mark.parametrize("damaged", ["", "{", "[]", '{"attempts": null}'])
def test_attempts_are_counted_from_what_can_be_read(damaged, tmp_path):
    failure = failure_of(InputError("no"))
    keep_failure(tmp_path, "job", failure)
    keep_failure(tmp_path, "job", failure)
    path = tmp_path / "failures" / "job.json"
    assert json.loads(path.read_text())["attempts"] == 2
    path.write_text(damaged)
    keep_failure(tmp_path, "job", failure)
    assert json.loads(path.read_text())["attempts"] == 1
    forget_failure(tmp_path, "job")
    forget_failure(tmp_path, "job")
    assert not path.exists()
