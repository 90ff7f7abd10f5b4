import math

import pandas as pd

from pyro_seatbelt.paper import ITEMS, SCALES
from pyro_seatbelt.paper.results import Results


def attacks(folder):
    rows = [
        ("seatbelt", 2, "latent", "z1+z2", "gradient"),
        ("seatbelt", 2, "latent", "z1", "gradient"),
        ("beta-tcdlgm", 2, "latent", "z1", "gradient"),
        ("beta-tcdlgm", 2, "latent", "z1+z2", "gradient"),
        ("beta-tcvae", 1, "latent", "z1", "nan"),
        ("beta-tcvae", 1, "output", "z1", "value"),
        ("beta-tcvae", 1, "w2", "z1", "value"),
    ]
    table = pd.DataFrame(rows, columns=["model", "layers", "mode", "layers_attacked", "stop"])
    table = table.assign(l2_target=5.0, l2_best_to_target=[4.0] * 6 + [5.5])
    return Results(SCALES["smoke"], folder, pd.DataFrame(), table)


def test_problems_are_those_on_the_layers_of_the_paper(tmp_path):
    results = attacks(tmp_path)
    assert results.problems("latent").index.tolist() == [0, 2]
    assert results.problems("latent", attacked="z1").index.tolist() == [1, 2]
    assert results.problems("output").index.tolist() == [5]
    assert results.problems("w2").index.tolist() == [6]
    empty = results._replace(attacks=results.attacks[:0]).problems("latent")
    assert empty.columns.tolist() == results.problems("latent").columns.tolist()


def test_problems_are_picked_by_all_that_is_wanted(tmp_path):
    results = attacks(tmp_path)
    assert results.problems("latent", attacked="z1", model="seatbelt").index.tolist() == [1]
    assert results.problems("latent", model=None, layers=2).index.tolist() == [0, 2]


def test_an_excess_is_beyond_the_targets_own_reconstruction(tmp_path):
    assert attacks(tmp_path).problems("output")["l2_excess"].tolist() == [1.0]
    assert attacks(tmp_path).problems("w2")["l2_excess"].tolist() == [-0.5]


def test_tables_without_rows_have_their_columns(tmp_path):
    empty = Results(SCALES["smoke"], tmp_path, pd.DataFrame(), pd.DataFrame({"run": []}))
    own = empty.of(ITEMS["fig7"].jobs(SCALES["smoke"]))
    assert own.runs.empty
    assert {"run", "beta", "layers"} <= set(own.runs)
    assert {"mode", "stop", "value"} <= set(own.attacks)
    [config] = {job.config for job in ITEMS["fig4"].jobs(SCALES["smoke"])[:1]}
    assert own.run_folder(config) is None


def test_runs_without_an_evaluation_have_unknown_numbers(tmp_path):
    job = ITEMS["kl-collapse"].jobs(SCALES["smoke"])[0]
    runs = pd.DataFrame({"run": [job.name], "beta": [1.0], "steps": [12]})
    results = Results(SCALES["smoke"], tmp_path, runs, pd.DataFrame()).of([job])
    for column in ("elbo", "kl.z2", "active_units.z1", "noise.0.1", "weight_norm.encoder"):
        assert results.runs[column].isna().tolist() == [True]
        assert math.isnan(results.number(job.config, column))
    assert results.number(job.config, "steps") == 12
    assert results.run_folder(job.config) == tmp_path / "runs" / job.name
    other = ITEMS["kl-collapse"].jobs(SCALES["smoke"])[1]
    assert math.isnan(results.number(other.config, "steps"))
    assert results.run_folder(other.config) is None
