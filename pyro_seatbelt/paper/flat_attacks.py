"""Figure 5: how hard beta makes attacks on beta-TCVAEs."""

from pyro_seatbelt.paper.bands import against_beta, band, joined
from pyro_seatbelt.paper.claims import Claim
from pyro_seatbelt.paper.growth import (
    MODES,
    ROLES,
    SHADING,
    VAE_NOTE,
    about_growth,
    growth,
    labelled,
)
from pyro_seatbelt.paper.item import Drawn, Item
from pyro_seatbelt.paper.members import FLAT, jobs, members
from pyro_seatbelt.paper.results import Results, lettered, named, pick, problems
from pyro_seatbelt.paper.scales import Role, Scale
from pyro_seatbelt.plots import BandPanel, band_panels
from pyro_seatbelt.sweeps.job import Job

PAPER: dict[Role, float] = {"chairs": 1000.0, "faces": 10.0}
"""How many times higher the latent objective is at beta = 10, in the paper."""


def attack_jobs(scale: Scale) -> list[Job]:
    """Beta-TCVAEs of chairs and faces."""
    return [
        job
        for subject in scale.distinct(*ROLES)
        for job in jobs(
            scale,
            members(scale, subject, FLAT, betas=subject.betas, latent_dims=subject.latent_dims),
            *MODES,
        )
    ]


def draw_attacks(results: Results) -> Drawn:
    """Draws Figure 5: a column a data set, a row an attack."""
    subjects = results.scale.distinct(*ROLES)
    panels, tables = [], []
    for mode in MODES:
        for subject, title in zip(subjects, lettered(s.dataset for s in subjects), strict=True):
            rows = pick(problems(results.attacks, mode), dataset=subject.dataset, model=FLAT)
            lines = {named(FLAT): band(rows, "value")} if len(rows) else {}
            panels.append(
                BandPanel(title, f"Δ {mode} [nats]", lines, "log" if mode == "latent" else "linear")
            )
            tables.append(labelled(against_beta(rows, "value"), subject, mode))
    figure = band_panels(panels, xlabel="β", columns=len(subjects), note=SHADING)
    return Drawn({"attacks": figure}, {"attacks": joined(tables)})


def claim_attacks(results: Results) -> list[Claim]:
    """Beta-TCVAEs are harder to attack as beta grows, through the latents by orders."""
    claims = []
    for role in ROLES:
        subject = results.scale.subjects[role]
        latent, output = (growth(results, subject, mode) for mode in MODES)
        paper = PAPER[role]
        common = {"item": "fig5", "source": "Section 5.2, Figure 5"}
        about = about_growth(subject)
        claims += [
            Claim(
                claim=f"latent-attack-{role}",
                text="beta-TCVAEs become harder to attack through the latents as beta grows",
                paper="ratio above 1",
                measured={**latent.measured("delta_high", "delta_low"), **about},
                holds=latent.exceeds(1),
                note=f"Mean Delta over pairs and lambda, {VAE_NOTE}",
                **common,
            ),
            Claim(
                claim=f"latent-attack-size-{role}",
                text=f"Delta_latent is about {paper:g} times higher than that of a VAE"
                if role == "chairs"
                else f"Delta_latent is more than {paper:g} times higher than that of a VAE",
                paper=paper,
                measured={**latent.measured("delta_high", "delta_low"), **about},
                holds=latent.exceeds(paper / 10**0.5 if role == "chairs" else paper),
                note="Holds if it rounds to that power of ten or a higher one, with all of its "
                "interval."
                if role == "chairs"
                else "Holds if the ratio is above 10, with all of its interval.",
                **common,
            ),
            Claim(
                claim=f"output-attack-{role}",
                text="The output attack is less effective as beta grows, too",
                paper="ratio above 1",
                measured={**output.measured("delta_high", "delta_low"), **about},
                holds=output.exceeds(1),
                note=f"Mean Delta over pairs and lambda, {VAE_NOTE}",
                **common,
            ),
            Claim(
                claim=f"output-attack-size-{role}",
                text="Delta_output is about 1.2 times higher than that of a VAE",
                paper=1.2,
                measured={**output.measured("delta_high", "delta_low"), **about},
                holds=output.exceeds(1.1),
                note="Holds if the ratio is above 1.1, halfway between none and the paper's, with "
                "all of its interval.",
                **common,
            ),
        ]
    return claims


FIG5 = Item(
    title="Attack objectives of beta-TCVAEs against beta",
    source="Section 5.2, Figure 5",
    jobs=attack_jobs,
    draw=draw_attacks,
    claims=claim_attacks,
)
