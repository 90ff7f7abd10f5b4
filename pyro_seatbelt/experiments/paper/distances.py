"""How far what an attack makes stays from its target, against beta."""

from pyro_seatbelt.experiments.jobs import Job
from pyro_seatbelt.experiments.paper.bands import against_beta, band, joined
from pyro_seatbelt.experiments.paper.claims import Claim
from pyro_seatbelt.experiments.paper.estimates import ratio_of_means
from pyro_seatbelt.experiments.paper.growth import (
    MODES,
    ROLES,
    SHADING,
    about_growth,
    labelled,
    representatives,
)
from pyro_seatbelt.experiments.paper.item import Drawn, Item
from pyro_seatbelt.experiments.paper.members import DEEP, FLAT, attack_grid, jobs
from pyro_seatbelt.experiments.paper.results import Results, lettered, named, pick, problems
from pyro_seatbelt.experiments.paper.scales import Scale
from pyro_seatbelt.plots import BandPanel, band_panels


def distance_jobs(scale: Scale) -> list[Job]:
    """All models of chairs and faces over beta and L."""
    return [
        job
        for subject in scale.distinct(*ROLES)
        for job in jobs(scale, attack_grid(scale, subject), *MODES)
    ]


def draw_distances(results: Results) -> Drawn:
    """Draws L2 distances from target to adversarial reconstruction against beta."""
    subjects = results.scale.distinct(*ROLES)
    panels, tables = [], []
    for mode in MODES:
        for subject, title in zip(subjects, lettered(s.dataset for s in subjects), strict=True):
            attacked = pick(problems(results.attacks, mode), dataset=subject.dataset)
            lines = {}
            for name, rows in representatives(attacked, subject):
                lines[name] = band(rows, "l2_target")
                table = labelled(against_beta(rows, "l2_target"), subject, mode)
                table.insert(2, "model", name)
                tables.append(table)
            panels.append(BandPanel(title, f"L2 to the target, {mode} attack", lines))
    figure = band_panels(panels, xlabel="β", columns=len(subjects), note=SHADING)
    return Drawn(
        {"distances": figure},
        {"distances": joined(tables)},
    )


def claim_distances(results: Results) -> list[Claim]:
    """L2 distances to the target grow with beta, and most for Seatbelt-VAEs."""
    claims = []
    for subject in results.scale.distinct(*ROLES):
        rows = pick(problems(results.attacks, "latent"), dataset=subject.dataset)
        depth = max(subject.layers, default=1)
        ratios = {}
        for model, layers in ((FLAT, 1), (DEEP, depth)):
            low, high = (pick(rows, model=model, layers=layers, beta=beta) for beta in subject.ends)
            ratios[model] = ratio_of_means(high, low, "l2_target")
            claims.append(
                Claim(
                    claim=f"l2-{model}-{subject.dataset}",
                    item="l2",
                    text="The L2 distance from the target to what an attack makes of it grows "
                    f"with beta ({named(model).replace('β', 'beta')})",
                    source="Section 5.2, Appendix",
                    paper="ratio above 1",
                    measured={
                        **ratios[model].measured("l2_high", "l2_low"),
                        **about_growth(subject),
                        "layers": layers,
                    },
                    holds=ratios[model].exceeds(1),
                    note="Latent attack, mean over pairs and lambda.",
                )
            )
        flat, deep = (
            pick(rows, model=model, layers=layers, beta=subject.ends[1])
            for model, layers in ((FLAT, 1), (DEEP, depth))
        )
        better = ratio_of_means(deep, flat, "l2_target")
        claims.append(
            Claim(
                claim=f"l2-models-{subject.dataset}",
                item="l2",
                text="By this metric too Seatbelt-VAEs outperform other models",
                source="Section 5.2, Appendix",
                paper="ratio above 1",
                measured={
                    **better.measured("l2_seatbelt", "l2_tcvae"),
                    "layers": depth,
                    **about_growth(subject),
                },
                holds=better.exceeds(1),
                note="Seatbelt-VAE over beta-TCVAE at the largest beta.",
            )
        )
    return claims


DISTANCES = Item(
    title="L2 distance from the target to the adversarial reconstruction",
    source="Section 5.2, Appendix",
    jobs=distance_jobs,
    draw=draw_distances,
    claims=claim_distances,
)
