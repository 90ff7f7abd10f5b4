"""How far what an attack makes stays from its target, against beta."""

from collections.abc import Iterator

from pyro_seatbelt.attacks import Mode
from pyro_seatbelt.paper.claims import Claim
from pyro_seatbelt.paper.growth import at_ends, between_ends, excess_claim, representatives
from pyro_seatbelt.paper.item import Drawn, Item
from pyro_seatbelt.paper.lines import SHADING, against_beta, band, joined
from pyro_seatbelt.paper.members import whole_grid
from pyro_seatbelt.paper.names import in_ascii, model_title, panel_titles
from pyro_seatbelt.paper.results import Results
from pyro_seatbelt.paper.scale import DEEP, FLAT, Role, Subject
from pyro_seatbelt.plots import BandPanel, band_panels

ROLES: tuple[Role, ...] = ("chairs", "faces")
MODES: tuple[Mode, ...] = ("latent", "output")


def draw(results: Results) -> Drawn:
    """Draws L2 distances from target to adversarial reconstruction against beta."""
    subjects = results.scale.distinct(*ROLES)
    panels, tables = [], []
    for mode, subject, title in panel_titles(subjects, MODES):
        attacked = results.problems(mode, dataset=subject.dataset)
        lines = {}
        for name, rows in representatives(attacked, subject).items():
            about = {"dataset": subject.dataset, "mode": mode, "model": name}
            reached, own, excess = (
                against_beta(rows, column, **about, quantity=column)
                for column in ("l2_target", "l2_best_to_target", "l2_excess")
            )
            lines[name] = band(reached)
            tables += [reached, own, excess]
        panels.append(BandPanel(title, f"L2 to the target, {mode} attack", lines))
    figure = band_panels(panels, xlabel="β", columns=len(subjects), note=SHADING)
    return Drawn({"distances": figure}, {"distances": joined(tables)})


def claims(results: Results) -> Iterator[Claim]:
    """Attacks end farther from the target with beta, and farthest for Seatbelt-VAEs.

    What counts is what they leave beyond the target's own reconstruction: the paper's point is
    that it is not the reconstructions that get worse.
    """
    for subject in results.scale.distinct(*ROLES):
        yield from _claims(results, subject)


def _claims(results: Results, subject: Subject) -> Iterator[Claim]:
    ends = {model: at_ends(results, subject, "latent", model) for model in (FLAT, DEEP)}
    depths = {FLAT: 1, DEEP: subject.max_layers}
    for model in (FLAT, DEEP):
        yield excess_claim(
            *ends[model],
            f"l2-{model}-{subject.dataset}",
            sides=("high", "low"),
            text="The L2 distance from the target to what an attack makes of it grows "
            f"with beta, and not because reconstructions degrade ({in_ascii(model_title(model))})",
            about={**between_ends(subject), "layers": depths[model]},
            note="Latent attack, mean over pairs and lambda.",
        )
    yield excess_claim(
        ends[DEEP][0],
        ends[FLAT][0],
        f"l2-models-{subject.dataset}",
        sides=("seatbelt", "tcvae"),
        text="By this metric too Seatbelt-VAEs outperform other models",
        about={"layers": subject.max_layers, **between_ends(subject)},
        note="Seatbelt-VAE beside beta-TCVAE at the largest beta.",
    )


ITEM = Item(
    name="l2",
    roles=ROLES,
    configs=whole_grid,
    attacks=MODES,
    draw=draw,
    claims=claims,
)
