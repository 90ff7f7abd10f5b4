"""Tables of a world in which the paper is right, and of one in which it is wrong everywhere."""

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pyro_seatbelt.attacks import Mode
from pyro_seatbelt.family import name_latents
from pyro_seatbelt.paper.item import Item
from pyro_seatbelt.paper.mechanisms import VARIANTS
from pyro_seatbelt.paper.results import CONFIG_COLUMNS, Results
from pyro_seatbelt.paper.scales import SCALES
from pyro_seatbelt.runs.records import Findings
from pyro_seatbelt.sweeps.finished import JobReport
from pyro_seatbelt.sweeps.job import Job
from pyro_seatbelt.training.config import TrainConfig

LAPTOP = SCALES["laptop"]
NOISE = (0.0, 0.1, 0.25, 0.5, 1.0)


def run_row(config: TrainConfig, name: str, sign: int) -> dict[str, object]:
    """The numbers of a run; `sign` is 1 where the paper is right and -1 where it is wrong."""
    assert config.beta is not None
    assert config.layers is not None
    b, flat, chain = math.log10(config.beta), config.layers == 1, config.model == "beta-tcdlgm"
    norm = (0.2 if flat else 0.05) if sign > 0 else (-0.05 if flat else -0.2)
    robust = -100 * b if chain else 100 * b
    return {
        "run": name,
        **{field: getattr(config, field) for field in ("dataset", "model", "layers")},
        **{field: getattr(config, field) for field in ("latent_dim", "beta", "seed")},
        "steps": 700,
        "elbo": -100 - sign * (50 if flat else 5) * b,
        **{f"kl.z{layer}": 5 + 2 * sign * b for layer in range(1, config.layers + 1)},
        **{f"active_units.z{layer}": 7 for layer in range(1, config.layers + 1)},
        "mse": 0.05 - (0 if flat else 0.01 * sign),
        "ms_ssim": 0.8 + (0 if flat else 0.05 * sign),
        "l2": 4.0,
        "weight_norm.encoder": 100 * (1 + norm * b),
        "weight_norm.decoder": 100 * (1 - norm * b),
        "noise.0": -900 - 5 * b,  # blurred reconstructions: there is less to lose
        **{f"noise.{scale:g}": -1000 + sign * robust for scale in NOISE[1:]},
        "disentanglement.mig": 0.2 + 0.1 * sign * b,
    }


def attack_rows(
    config: TrainConfig, name: str, mode: Mode, layers: str, sign: int
) -> list[dict[str, object]]:
    assert config.beta is not None
    assert config.layers is not None
    b, deep = math.log10(config.beta), 2 * math.log2(config.layers)
    chain = config.model == "beta-tcdlgm"
    alone = (
        config.model == "seatbelt"
        and layers != "+".join(name_latents(int(config.layers)))
        and mode == "latent"
    )
    protection = 0.3 * b + (0.0 if chain else 0.1 * deep)
    if mode == "output":
        value = 600 * (1 + 0.3 * sign * b)
    elif chain:
        value = 0.5 if sign > 0 else 1000.0 * 10 ** (2 * b)
    else:
        value = 10 ** (sign * (4 * b + deep))
    nll = 500 * (1 + sign * protection) * (1 + 0.1 * sign * alone)
    if chain:
        nll = 400.0 if sign > 0 else 2000.0
    return [
        {
            **{
                key: value_
                for key, value_ in run_row(config, name, sign).items()
                if key in CONFIG_COLUMNS[:-1]
            },
            "attack": f"{mode}-{layers}",
            "mode": mode,
            "layers_attacked": layers,
            "pair": pair,
            "weight": weight,
            "value": value * (1 + 0.01 * pair),
            "distance": value,
            "target_nll": nll + pair,
            "l2_target": 5 * (1 + sign * protection) + 0.01 * pair,
            "l2_clean": 1.0,
            "norm": 1.0,
            "stop": "gradient",
            "l2_input_to_target": 8.0,
            "l2_clean_to_target": 7.0,
            "l2_best_to_target": 2 + 0.5 * b,
        }
        for pair in range(2)
        for weight in (0.0, 1.0)
    ]


def attacked_sites(config: TrainConfig, layers: object) -> str:
    assert config.layers is not None
    if layers == "base" or (layers is None and config.model == "beta-tcdlgm"):
        return "z1"
    return f"z{config.layers}" if layers == "top" else "+".join(name_latents(int(config.layers)))


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Results]:
    """Makes tables for the jobs of an item: 1, the paper is right; -1, it is wrong; 0, no runs."""

    def make(item: Item, sign: int, *, evaluated: bool = True) -> Results:
        runs: dict[str, dict[str, object]] = {}
        attacks: dict[tuple[str, str, str], list[dict[str, object]]] = {}
        jobs = item.jobs(LAPTOP)
        for job in jobs if sign else ():
            runs[job.name] = {
                column: value
                for column, value in run_row(job.config, job.name, sign).items()
                if evaluated or column in CONFIG_COLUMNS
            }
            for options in job.attacks if evaluated else ():
                [mode] = options.modes
                layers = attacked_sites(job.config, options.layers)
                attacks[job.name, mode, layers] = attack_rows(
                    job.config, job.name, mode, layers, sign
                )

        def finished(job: Job, folder: Path) -> JobReport | None:
            made = [
                folder / f"{mode}-{layers}" for name, mode, layers in attacks if name == job.name
            ]
            return JobReport(folder / job.name, tuple(made), None, None, was_finished=True)

        monkeypatch.setattr("pyro_seatbelt.paper.results.finished_job", finished)
        rows = [row for each in attacks.values() for row in each]
        tables = pd.DataFrame(list(runs.values())), pd.DataFrame(rows)
        return Results(LAPTOP, tmp_path, *tables).of(jobs)

    return make


def findings(config: TrainConfig, sign: int) -> Findings:
    """An attack on six pairs: disentangled models stay with their input in the right world."""
    assert config.beta is not None
    protected = config.beta > 1 and config.model != "beta-tcdlgm"
    stays = protected if sign > 0 else not protected
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        {
            "pair": np.repeat(range(6), 2),
            "weight": [0.0, 1.0] * 6,
            "value": np.array([1.0, 3.0] * 6) * (10 if stays else 1),
            "norm": [1.0, 0.5] * 6,
            "target_nll": 500.0,
            "l2_target": 9.0 if stays else 2.0,
            "l2_clean": 1.0 if stays else 8.0,
            "l2_input_to_target": 10.0,
            "l2_clean_to_target": 9.5,
            "l2_best_to_target": 1.5,
            "stop": "gradient",
        }
    )
    return Findings(
        table,
        {
            name: rng.random((12, 1, 8, 8))
            for name in ("adversarial", "distortion", "reconstruction")
        },
        {
            name: rng.random((6, 1, 8, 8))
            for name in ("input", "target", "input_reconstruction", "target_reconstruction")
        },
    )


def why_table(config: TrainConfig, sign: int) -> pd.DataFrame:
    """Objectives of two pairs: every way makes the paper's factors in the right world."""
    assert config.beta is not None
    power = {"beta-tcvae": 3 * math.log10(config.beta), "seatbelt": 7}[config.model]
    problems = pd.DataFrame({"pair": [0, 0, 1, 1], "weight": [0.0, 1e-3] * 2})
    values = (2.0 + problems["pair"]) * 10 ** (sign * power)
    return problems.assign(**dict.fromkeys([*VARIANTS, "clean_w2"], values))


@pytest.fixture
def planted_images(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Puts images where the items look for them."""

    def plant(sign: int) -> None:
        def find(results: Results, config: TrainConfig) -> Findings | None:
            return findings(config, sign) if results.run_folder(config) else None

        monkeypatch.setattr(Results, "read_attack", find)
        monkeypatch.setattr("pyro_seatbelt.paper.items.heart.heart_attack", find)
        for room in ("items.why", "sharp_pixels"):
            monkeypatch.setattr(
                f"pyro_seatbelt.paper.{room}.read_table",
                lambda results, config, kind: (
                    why_table(config, sign) if results.run_folder(config) else None
                ),
            )
        rng = np.random.default_rng(0)
        monkeypatch.setattr(
            "pyro_seatbelt.paper.items.fig8.noise_likelihoods",
            lambda folder: {scale: rng.normal(-100 * scale, 5, 50) for scale in NOISE},
        )

    return plant
