"""A page made by hand, with everything on it."""

import io
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from pyro_seatbelt.plots import Line
from pyro_seatbelt.report.attacks import AttackSection
from pyro_seatbelt.report.charts import Breakdown, Chart
from pyro_seatbelt.report.claims import ClaimRow
from pyro_seatbelt.report.comparison import Column, ComparisonSection
from pyro_seatbelt.report.configuration import Setting, SettingGroup
from pyro_seatbelt.report.document import Page
from pyro_seatbelt.report.evaluation import EvaluationSection
from pyro_seatbelt.report.pair_view import PairView, Problem
from pyro_seatbelt.report.parts import Fact, MeanCI, Table
from pyro_seatbelt.report.pictures import Gallery, Picture
from pyro_seatbelt.report.run import RunSection
from pyro_seatbelt.report.sprite import data_uri, make_sprite

WEIGHTS = (0.0, 9.5367431640625e-07, 0.031, 4.0, 1048576.0)
SHOWN = 2


def png(width: int = 40, height: int = 30) -> bytes:
    content = io.BytesIO()
    Image.linear_gradient("L").resize((width, height)).save(content, "PNG")
    return content.getvalue()


def make_pair(number: int, *, weights: tuple[float, ...] = WEIGHTS) -> PairView:
    """Every image of it has a grey of its own, so that a browser can tell which one it shows."""
    greys = [10 + 20 * number, 30 + 20 * number, 250 - 20 * number]
    greys += [100 + 7 * each + number for each in range(3 * len(weights))]
    sprite, cells = make_sprite([np.full((1, 8, 8), grey, np.uint8) for grey in greys])
    problems = [
        Problem(
            weight=weight,
            value=10.0 * number + place,
            distance=1.5 + place,
            norm=(len(weights) - 1 - place) * 1.05,
            target_nll=1234.5 + place,
            l2_target=2.5 + place,
            l2_clean=7.25 - place,
            stop="value",
            cells=(cells[3 + 3 * place], cells[4 + 3 * place], cells[5 + 3 * place]),
        )
        for place, weight in enumerate(weights)
    ]
    return PairView(
        label=f"{number}: image {number} to {number + 5}",
        sprite=sprite,
        cells=(cells[0], cells[1], cells[2]),
        problems=problems,
        shown=min(SHOWN, len(weights) - 1),
    )


def make_attack(label: str, pairs: range) -> AttackSection:
    return AttackSection(
        label=label,
        facts=[Fact(label="pairs", value=len(pairs))],
        summary=Table(
            caption="Means over problems",
            headings=("", "mean and 95 % CI", "95 % CI over pairs"),
            rows=[("objective", MeanCI(3.0, 2.0, 4.0), "1 to 5")],
        ),
        chart=CHART,
        pairs=[make_pair(number) for number in pairs],
    )


CHART = Chart(
    title="ELBO",
    x_label="step",
    y_label="nats per image",
    lines=[
        Line(name="training", x=list(range(50)), y=[-900.0 + step for step in range(50)]),
        Line(name="held out", x=[10.0, 40.0], y=[-880.0, float("nan")]),
    ],
)


BREAKDOWN = Breakdown(
    title="Where the KL goes", parts=[("KL of z1", 16.9), ("total correlation", -0.01)]
)


def make_run(name: str = "first") -> RunSection:
    picture = Picture(
        title="reconstructions", source=data_uri(png(), "png"), width=40, height=30, num_bytes=99
    )
    moving = Picture(
        title="traversals", source=picture.source, width=40, height=30, num_bytes=99,
        animation=picture,
    )  # fmt: skip
    return RunSection(
        name=name,
        headline="Seatbelt-VAE on synth-chairs",
        facts=[Fact(label="ELBO", value=-890.18, unit="nats per image", note="held out")],
        settings=[
            SettingGroup(
                title="Objective",
                settings=[
                    Setting(name="beta", value="6", description="Weight", chosen=True),
                    Setting(name="free bits", value="0"),
                ],
            )
        ],
        charts=[CHART],
        galleries=[Gallery(title="Traversals", pictures=[picture, moving], notes=["one is gone"])],
        evaluation=EvaluationSection(
            facts=[Fact(label="MSE", value=0.0242)],
            charts=[BREAKDOWN, CHART],
            tables=[Table(caption="Noise", headings=("noise", "mean"), rows=[("0", -869.4)])],
        ),
        attacks=[make_attack("Latent attack", range(3)), make_attack("Output attack", range(2))],
        notes=["An attack cannot be read."],
    )


@pytest.fixture(scope="session")
def make_page() -> Callable[..., Page]:
    def make(num_runs: int = 1, **changes: object) -> Page:
        runs = [make_run(f"run {number}") for number in range(num_runs)]
        values = [-890.2, -1200.0, None]
        comparison = ComparisonSection(
            columns=[Column(label="model"), Column(label="ELBO", unit="nats"), Column(label="TC")],
            rows=[
                [run.name, name, values[number % 3], MeanCI(3.0 - number, 0.0, 1.0)]
                for number, (run, name) in enumerate(
                    zip(runs, ["vae", "seatbelt", "dlgm"], strict=False)
                )
            ],
            charts=[CHART],
            note="larger is better",
        )
        given = {
            "title": "Chairs",
            "made": "today",
            "runs": runs,
            "comparison": comparison if num_runs > 1 else None,
        }
        return Page(**{**given, **changes})

    return make


@pytest.fixture(scope="session")
def claims() -> list[ClaimRow]:
    return [
        ClaimRow(item="fig5", text="higher", source="Section 5.2", paper=1000, holds=True,
              measured=[("ratio", 812.4)]),
        ClaimRow(item="fig5", text="lower", dataset="faces", paper="less", holds=False,
              note="small", measured=[(f"to target, Seatbelt-VAE, L = 4, beta = {beta}",
                         MeanCI(0.5, 0.125, 0.75)) for beta in (1, 10)]),
        ClaimRow(item="fig8", text="noisier"),
    ]  # fmt: skip
