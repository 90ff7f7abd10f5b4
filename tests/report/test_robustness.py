import json

from pyro_seatbelt.report import report_runs
from pyro_seatbelt.report.contents import read_contents
from pyro_seatbelt.report.robustness import RobustnessSection, robustness_section
from pyro_seatbelt.runs.robustness_numbers import (
    Damage,
    HealthCheck,
    MedianInterval,
    Robustness,
    of_run,
)


def middle(value):
    return MedianInterval(median=value, low=None, high=None, num=0 if value is None else 2)


def write(run, **changes):
    names = ("r50", "r90", "blend50", "blend90", "r50_over_blend50", "noise50", "auddc")
    given = {
        "step": 4,
        "fingerprint": "f" * 64,
        "protocol": {},
        "versions": {},
        "attacks": {},
        "num_pairs": 2,
        "num_undefined": 0,
        **{name: middle(0.25) for name in names},
        "damage": [Damage(norm=0.5, moved=middle(0.75), robust_at_mean=0.5, robust_at_draws=0.625)],
        "robust_clean": 1.0,
        "mse": 0.02,
        "rate": 21.5,
        "elbo": -900.0,
        "num_images": 4,
        "checks": [HealthCheck(name="blend", passed=True, text="0 of 2 pairs need more")],
    }
    found = Robustness(**{**given, **changes})
    place = of_run(run)
    place.path.mkdir(exist_ok=True)
    place.numbers.write_text(found.model_dump_json())


def test_a_page_shows_it_with_the_quality_beside_it(run, words):
    write(run)
    text = words(report_runs([run]))
    for expected in ("r50 0.25", "rate 21.5 nats per image", "0 of 2 pairs need more", "passed"):
        assert expected in text
    assert "units of their scale" in text  # the caption of the table with Delta


def test_a_failed_check_and_undefined_pairs_are_warnings(run):
    failed = HealthCheck(name="blend", passed=False, text="2 of 2 pairs need more")
    write(run, checks=[failed], num_undefined=2, r50=middle(None))
    html = report_runs([run]).read_text("utf-8")
    assert 'role="alert"><b>The attack fails a check, blend: 2 of 2 pairs need more.</b>' in html
    assert "Undefined for 2 of 2 pairs" in html


def test_without_it_or_of_another_checkpoint_the_page_says_what_makes_it(run, train_on):
    assert robustness_section(read_contents(run)).command == f"seatbelt robustness {run.name}"
    write(run)
    assert isinstance(robustness_section(read_contents(run)), RobustnessSection)
    train_on(run, 9)
    assert read_contents(run).robustness is None


def test_a_damaged_file_is_a_note(run, words):
    of_run(run).path.mkdir()
    of_run(run).numbers.write_text(json.dumps({"step": 4}))
    assert "The robustness cannot be read: " in words(report_runs([run]))
