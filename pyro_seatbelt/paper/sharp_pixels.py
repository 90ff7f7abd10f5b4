"""Models with sharp Gaussian pixels, as in the authors' later code: what beta does to clean KL."""

from collections.abc import Iterator

import pandas as pd

from pyro_seatbelt.paper.claims import Claim, above
from pyro_seatbelt.paper.measurements import mean, ratio
from pyro_seatbelt.paper.members import members
from pyro_seatbelt.paper.results import Results
from pyro_seatbelt.paper.scale import FLAT, Scale, Subject
from pyro_seatbelt.paper.why_tables import read_table
from pyro_seatbelt.plots import Band, BandPanel
from pyro_seatbelt.training.config import TrainConfig

KINDS = (("conv", "mws"), ("conv", "mss"), ("mlp", "mws"))
"""Networks and estimators."""

_BETAS = (1.0, 4.0, 10.0)


def configs(scale: Scale, subject: Subject) -> list[TrainConfig]:
    """The runs: 32 dimensions and a scale of 0.1, for each kind and beta.

    At beta = 1 the estimator has no influence: the two share a run.
    """
    found = []
    for network, estimator in KINDS:
        found += [
            _config(scale, subject, network, estimator, beta)
            for beta in _BETAS
            if beta > 1 or estimator == "mws"
        ]
    return found


def table(results: Results) -> pd.DataFrame:
    """A row per run: the distances of clean images, and how good the model is."""
    rows = []
    for config in configs(results.scale, results.scale.subjects["chairs"]):
        found = read_table(results, config, "clean")
        if found is None:
            continue
        kl = mean(found["clean"])
        rows.append(
            {
                "network": config.network,
                "estimator": config.estimator,
                "beta": config.beta,
                "clean_kl": kl.value,
                "clean_kl_low": kl.low,
                "clean_kl_high": kl.high,
                "clean_w2": float(found["clean_w2"].mean()),
                **{name: results.number(config, name) for name in ("mse", "elbo", "kl.z1")},
            }
        )
    return pd.DataFrame(rows)


def panel(rows: pd.DataFrame, dataset: str) -> BandPanel:
    """A line per kind: the KL of clean images against beta."""
    lines = {}
    for (network, estimator), each in (
        rows.groupby(["network", "estimator"], sort=False) if len(rows) else ()
    ):
        columns = ("beta", "clean_kl", "clean_kl_low", "clean_kl_high")
        lines[f"{network}, {estimator}"] = Band(*(each[name].tolist() for name in columns))
    return BandPanel(f"{dataset}, Gaussian pixels", "KL of two clean images [nats]", lines, "log")


def claims(results: Results) -> Iterator[Claim]:
    """Whether the KL between clean images grows with beta, for each kind."""
    subject = results.scale.subjects["chairs"]
    for network, estimator in KINDS:
        low, high = (
            _config(results.scale, subject, network, each, beta)
            for each, beta in (("mws", _BETAS[0]), (estimator, _BETAS[-1]))
        )
        growth = ratio(_clean(results, high), _clean(results, low), "clean")
        yield Claim(
            claim=f"why-pixels-{network}-{estimator}",
            text=f"Sharp pixels let the KL of clean images grow with beta ({network}, {estimator})",
            source="the authors' later paper",
            paper="larger",
            measured={
                **growth.numbers("KL at high beta", "KL at low beta"),
                "beta_low": low.beta,
                "beta_high": high.beta,
                "MSE at high beta": results.number(high, "mse"),
                "MSE at low beta": results.number(low, "mse"),
                "dataset": subject.dataset,
            },
            holds=above(growth, 1),
            note="Gaussian pixels of scale 0.1 and 32 dimensions, one seed. The MSE says whether "
            "the models reconstruct at all.",
        )


def _clean(results: Results, config: TrainConfig) -> pd.DataFrame:
    found = read_table(results, config, "clean")
    return pd.DataFrame({"pair": [], "clean": []}, dtype=float) if found is None else found


def _config(
    scale: Scale, subject: Subject, network: str, estimator: str, beta: float
) -> TrainConfig:
    [config] = members(scale, subject, FLAT, betas=(beta,), latent_dims=(32,))
    return TrainConfig.merge(
        config.model_dump(exclude_unset=True),
        {
            "likelihood": "gaussian",
            "likelihood_scale": 0.1,
            "network": network,
            "estimator": estimator,
        },
    )
