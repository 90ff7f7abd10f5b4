"""A page made by hand, with everything on it; a run and a sweep with everything in them."""

import io
import json
import shutil
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pyro_seatbelt.attacks import geometric_weights
from pyro_seatbelt.plots import Line
from pyro_seatbelt.report.attacks import AttackSection
from pyro_seatbelt.report.charts import Breakdown, Chart
from pyro_seatbelt.report.claims import ClaimRow
from pyro_seatbelt.report.comparison import Column, ComparisonSection
from pyro_seatbelt.report.configuration import Setting, SettingGroup
from pyro_seatbelt.report.evaluation import EvaluationSection
from pyro_seatbelt.report.html import Page
from pyro_seatbelt.report.pair_view import PairView, Problem
from pyro_seatbelt.report.parts import Fact, MeanCI, Table
from pyro_seatbelt.report.pictures import Gallery, Picture
from pyro_seatbelt.report.run import RunSection
from pyro_seatbelt.report.sprite import data_uri, make_sprite
from pyro_seatbelt.runs import AttackOptions, attack_run
from pyro_seatbelt.runs.evaluation import Evaluation, NoiseLevel

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
        title="traversals", source=picture.source, width=1200, height=600, num_bytes=99,
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


SMALL = AttackOptions(
    modes=("latent", "output"),
    pairs=2,
    weights=geometric_weights(3),
    max_iterations=3,
    device="cpu",
    processes=1,
)


@pytest.fixture(scope="session")
def evaluation() -> Evaluation:
    """What was measured of the attacked run."""
    return Evaluation(
        step=4,
        seed=0,
        num_images=4,
        num_aggregate=4,
        parts_of="held-out images",
        versions={},
        fingerprint="f" * 64,
        elbo=-1234.5,
        iwae=-1230.25,
        iwae_samples=64,
        log_likelihood=-1200.0,
        kl={"z1": 3.0, "z2": 2.0},
        mutual_information=0.5,
        total_correlation=0.25,
        dimension_wise_kl=1.25,
        active_units={"z1": 2, "z2": 1},
        mse=0.0321,
        ms_ssim=0.876,
        l2=3.5,
        weight_norm={"encoder": 11.0, "decoder": 12.0},
        noise=[
            NoiseLevel(scale=scale, log_likelihood=-1200 - scale, std=9, quantiles=[-9, 0, 1, 2, 3])
            for scale in (0.0, 0.5)
        ],
        disentanglement={"mig": 0.125, "sap": 0.0625},
        mig={"z1": 0.25, "z2": 0.125},
    )  # fmt: skip


@pytest.fixture(scope="session")
def attacked(attackable: Path, evaluation: Evaluation, tmp_path_factory) -> Path:
    """A run with everything in it, shared by all tests: look at copies of it."""
    run = shutil.copytree(attackable, tmp_path_factory.mktemp("attacked") / "run")
    with pytest.MonkeyPatch.context() as patch:
        name = "pyro_seatbelt.runs.attack_report.save_figure"
        patch.setattr(name, lambda figure, path: path.write_bytes(b""))
        attack_run(run, SMALL)
    figures = run / "evaluation" / "figures"
    figures.mkdir(parents=True)
    (run / "evaluation" / "evaluation.json").write_text(evaluation.model_dump_json())
    picture = Image.effect_noise((300, 200), 50)
    for name in ("prior.png", "noise.png", "traversals-z1.png", "traversals-z10.png"):
        picture.save(figures / name)
    picture.save(figures / "traversals-z2.png")
    picture.save(figures / "traversals-z2.gif", save_all=True, append_images=[picture.rotate(90)])
    return run


@pytest.fixture
def run(attacked: Path, without_manifests: Callable[[Path], Path], tmp_path: Path) -> Path:
    """A copy of the attacked run."""
    return without_manifests(shutil.copytree(attacked, tmp_path / "run"))


@pytest.fixture
def words() -> Callable[[Path], str]:
    """Reads the words of a page."""

    def read(file: Path) -> str:
        class Words(HTMLParser):
            text = ""

            def handle_data(self, data):
                if self.lasttag not in {"script", "style"}:
                    self.text += f" {data}"

        reader = Words()
        reader.feed(file.read_text("utf-8"))
        return " ".join(reader.text.split())

    return read


@pytest.fixture
def train_on() -> Callable[[Path, int], None]:
    """Makes a run look as if it had a newer checkpoint, and what training writes down of it."""

    def train(run: Path, step: int) -> None:
        (run / "checkpoints" / f"step-{step:08d}").mkdir()
        line = {"step": step, "kind": "heldout", "elbo": -777.0, "total_correlation": 55.5}
        with (run / "metrics.jsonl").open("a") as metrics:
            metrics.write(json.dumps(line) + "\n")

    return train


@pytest.fixture
def sweep(run: Path, attackable: Path, tmp_path: Path) -> Path:
    """The folder of a sweep of two runs, with claims, a figure and a failure."""
    sweep = tmp_path / "sweep"
    shutil.copytree(run, sweep / "runs" / "a")
    shutil.copytree(attackable, sweep / "runs" / "b")
    for name in ("fig5", "tables", "failures"):
        (sweep / name).mkdir()
        Image.new("L", (90, 60)).save(sweep / name / "latent-attack.png")
    (sweep / "failures" / "c.json").write_text("{}")
    claims = [
        {"claim": "one", "item": "fig5", "text": "It is higher.", "source": "Section 5", "paper": 9,
         "measured": {"ratio": 812.5, "told": True, "dataset": "teapots"}, "holds": True,
         "note": "A note."},
        {"text": "It is lower.", "holds": "perhaps", "measured": None},
    ]  # fmt: skip
    (sweep / "fig5" / "claims.json").write_text(json.dumps(claims))
    return sweep
