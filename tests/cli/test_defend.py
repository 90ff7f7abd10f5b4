import json

import pytest


def test_a_run_is_defended_from_the_command_line(seatbelt):
    assert seatbelt("train", "small", "--out", "plain").exit_code == 0
    result = seatbelt("defend", "plain", "--smoothing", 0.25, "--out", "defended", "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["folder"] == "defended"
    assert seatbelt("runs", "verify", "defended").exit_code == 0
    result = seatbelt("defend", "plain", "--out", "other", env={"SEATBELT_DEFEND_MCMC_STEPS": "2"})
    assert result.exit_code == 0, result.output
    result = seatbelt("defend", "plain", "--smoothing", 1, "--out", "defended")
    assert result.exit_code == 2
    assert "there is a run here already" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run"], "expected a defence, got none: give --smoothing or --mcmc-steps above 0"),
        (["run", "--smoothing", "-1"], "smoothing: expected >= 0, got -1.0"),
        (["run", "--mcmc-steps", "1", "--mcmc-step-size", "0"], "mcmc_step_size: expected > 0"),
        (["run", "--smoothing", "nan"], "smoothing: expected a finite number"),
        (["nowhere", "--smoothing", "1"], "nowhere"),
        (["broken", "--smoothing", "1", "--out", "new"], "the file is damaged"),
    ],
)
def test_bad_input_is_one_line(arguments, words, seatbelt_there):
    result = seatbelt_there("defend", *arguments)
    assert result.exit_code == 2
    assert words in result.stderr
    assert result.stderr.count("\n") == 1
