"""Figure 5: attacks on beta-TCVAEs against beta."""

from collections.abc import Iterator

from pyro_seatbelt.attacks import Mode
from pyro_seatbelt.paper.claims import Claim, above
from pyro_seatbelt.paper.growth import at_ends, between_ends
from pyro_seatbelt.paper.item import Drawn, Item
from pyro_seatbelt.paper.lines import SHADING, against_beta, band, joined
from pyro_seatbelt.paper.measurements import ratio
from pyro_seatbelt.paper.members import members
from pyro_seatbelt.paper.names import named, titled
from pyro_seatbelt.paper.results import Results
from pyro_seatbelt.paper.scale import FLAT, Role
from pyro_seatbelt.plots import BandPanel, band_panels

ROLES: tuple[Role, ...] = ("chairs", "faces")
MODES: tuple[Mode, ...] = ("latent", "output")

SIZES = {
    "chairs": (
        "about",
        1000.0,
        1000.0 / 10**0.5,
        "Holds if it rounds to that power of ten or a higher one, with all of its interval.",
    ),
    "faces": ("more than", 10.0, 10.0, "Holds if the ratio is above 10, with all of its interval."),
}
"""How many times higher the latent objective is at beta = 10 in the paper, and when it is here."""

MEAN_NOTE = (
    "Mean Delta over pairs and lambda, a VAE being the beta-TCVAE with beta = 1, whose objective "
    "is the same."
)


def draw(results: Results) -> Drawn:
    """Draws a column per data set, a row per attack."""
    subjects = results.scale.distinct(*ROLES)
    panels, tables = [], []
    for mode in MODES:
        for subject, title in titled(subjects):
            rows = results.problems(mode, dataset=subject.dataset, model=FLAT)
            tables.append(against_beta(rows, "value", dataset=subject.dataset, mode=mode))
            lines = {named(FLAT): band(tables[-1])} if len(rows) else {}
            panels.append(
                BandPanel(title, f"Δ {mode} [nats]", lines, "log" if mode == "latent" else "linear")
            )
    figure = band_panels(panels, xlabel="β", columns=len(subjects), note=SHADING)
    return Drawn({"attacks": figure}, {"attacks": joined(tables)})


def claims(results: Results) -> Iterator[Claim]:
    """Beta-TCVAEs are harder to attack as beta grows, through the latents by orders."""
    for role in ROLES:
        subject = results.scale.subjects[role]
        latent, output = (ratio(*at_ends(results, subject, mode), "value") for mode in MODES)
        numbers, output_numbers = (
            {**each.numbers("delta_high", "delta_low"), **between_ends(subject)}
            for each in (latent, output)
        )
        words, factor, bound, note = SIZES[role]
        yield Claim(
            claim=f"latent-attack-{role}",
            text="beta-TCVAEs become harder to attack through the latents as beta grows",
            paper="ratio above 1",
            measured=numbers,
            holds=above(latent, 1),
            note=MEAN_NOTE,
        )
        yield Claim(
            claim=f"latent-attack-size-{role}",
            text=f"Delta_latent is {words} {factor:g} times higher than that of a VAE",
            paper=factor,
            measured=numbers,
            holds=above(latent, bound),
            note=note,
        )
        yield Claim(
            claim=f"output-attack-{role}",
            text="The output attack is less effective as beta grows, too",
            paper="ratio above 1",
            measured=output_numbers,
            holds=above(output, 1),
            note=MEAN_NOTE,
        )
        yield Claim(
            claim=f"output-attack-size-{role}",
            text="Delta_output is about 1.2 times higher than that of a VAE",
            paper=1.2,
            measured=output_numbers,
            holds=above(output, 1.1),
            note="Holds if the ratio is above 1.1, halfway between none and the paper's, with "
            "all of its interval.",
        )


ITEM = Item(
    name="fig5",
    title="Attack objectives of beta-TCVAEs against beta",
    source="Section 5.2, Figure 5",
    roles=ROLES,
    configs=lambda scale, subject: members(scale, subject, FLAT, latent_dims=subject.latent_dims),
    attacks=MODES,
    draw=draw,
    claims=claims,
)
