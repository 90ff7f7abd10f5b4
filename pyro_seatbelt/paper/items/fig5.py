"""Figure 5: attacks on beta-TCVAEs against beta."""

from collections.abc import Iterator

from pyro_seatbelt.attacks import Mode
from pyro_seatbelt.paper.claims import Claim
from pyro_seatbelt.paper.growth import Size, at_ends, between_ends, growth_claims
from pyro_seatbelt.paper.item import Drawn, Item
from pyro_seatbelt.paper.lines import SHADING, against_beta, band, joined
from pyro_seatbelt.paper.measurements import ratio
from pyro_seatbelt.paper.members import members
from pyro_seatbelt.paper.names import model_title, panel_titles
from pyro_seatbelt.paper.results import Results
from pyro_seatbelt.paper.scale import FLAT, Role
from pyro_seatbelt.plots import BandPanel, band_panels

ROLES: tuple[Role, ...] = ("chairs", "faces")
MODES: tuple[Mode, ...] = ("latent", "output")

TEXTS: dict[Mode, str] = {
    "latent": "beta-TCVAEs become harder to attack through the latents as beta grows",
    "output": "The output attack is less effective as beta grows, too",
}
INTERVAL = "with all of its interval."
SIZES: dict[Role, Size] = {
    "chairs": Size(
        "Delta_latent is about 1000 times higher than that of a VAE",
        1000.0,
        1000.0 / 10**0.5,
        f"Holds if it rounds to that power of ten or a higher one, {INTERVAL}",
    ),
    "faces": Size(
        "Delta_latent is more than 10 times higher than that of a VAE",
        10.0,
        10.0,
        f"Holds if the ratio is above 10, {INTERVAL}",
    ),
}
"""How many times higher the latent objective is at beta = 10."""

OUTPUT_SIZE = Size(
    "Delta_output is about 1.2 times higher than that of a VAE",
    1.2,
    1.1,
    f"Holds if the ratio is above 1.1, halfway between none and the paper's, {INTERVAL}",
)

MEAN_NOTE = (
    "Mean Delta over pairs and lambda, a VAE being the beta-TCVAE with beta = 1, whose objective "
    "is the same. Delta measures how far apart two posteriors are in units of their scale, which "
    "does not compare models of different depth or beta."
)


def draw(results: Results) -> Drawn:
    """Draws a column per data set, a row per attack."""
    subjects = results.scale.distinct(*ROLES)
    panels, tables = [], []
    for mode, subject, title in panel_titles(subjects, MODES):
        rows = results.problems(mode, dataset=subject.dataset, model=FLAT)
        tables.append(against_beta(rows, "value", dataset=subject.dataset, mode=mode))
        lines = {model_title(FLAT): band(tables[-1])} if len(rows) else {}
        panels.append(
            BandPanel(title, f"Δ {mode} [nats]", lines, "log" if mode == "latent" else "linear")
        )
    figure = band_panels(panels, xlabel="β", columns=len(subjects), note=SHADING)
    return Drawn({"attacks": figure}, {"attacks": joined(tables)})


def claims(results: Results) -> Iterator[Claim]:
    """Beta-TCVAEs are harder to attack as beta grows, through the latents by orders."""
    for role, subject in results.scale.by_role(*ROLES).items():
        for mode in MODES:
            yield from growth_claims(
                ratio(*at_ends(results, subject, mode), "value"),
                f"{mode}-attack",
                role,
                about=between_ends(subject),
                text=TEXTS[mode],
                note=MEAN_NOTE,
                size=SIZES[role] if mode == "latent" else OUTPUT_SIZE,
            )


ITEM = Item(
    name="fig5",
    roles=ROLES,
    configs=lambda scale, subject: members(scale, subject, FLAT, latent_dims=subject.latent_dims),
    attacks=MODES,
    draw=draw,
    claims=claims,
)
