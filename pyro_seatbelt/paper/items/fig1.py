"""Figure 1: latent attacks on several models, as images."""

from collections.abc import Iterator

import pandas as pd

from pyro_seatbelt.paper.claims import Claim, Number, above, all_of
from pyro_seatbelt.paper.item import Drawn, Item
from pyro_seatbelt.paper.measurements import difference
from pyro_seatbelt.paper.members import strongest_by_name
from pyro_seatbelt.paper.names import in_ascii
from pyro_seatbelt.paper.pictures import first_shown, shown_problems
from pyro_seatbelt.paper.results import Results
from pyro_seatbelt.paper.scale import CHAIN, Role, Subject
from pyro_seatbelt.plots import Attacked, clockwise_panels

ROLES: tuple[Role, ...] = ("chairs", "faces", "celeba")


def draw(results: Results) -> Drawn:
    """Draws a row per model and a column per data set, of six images each."""
    subjects = results.scale.distinct(*ROLES)
    rows: dict[str, list[Attacked | None]] = {}
    records = []
    for number, subject in enumerate(subjects):
        for name, config in strongest_by_name(results.scale, subject).items():
            row = rows.setdefault(name.replace(", L", "\nL"), [None] * len(subjects))
            if (found := results.read_attack(config)) is None:
                continue
            row[number] = first_shown(found)
            about = {"dataset": subject.dataset, "model": in_ascii(name)}
            records.append({**about, **shown_problems(found).numbers()})
    figure = clockwise_panels(rows, columns=[subject.dataset for subject in subjects])
    return Drawn({"panels": figure}, {"panels": pd.DataFrame(records)})


def claims(results: Results) -> Iterator[Claim]:
    """Latent attacks do less to disentangled models, and nothing visible to the deepest."""
    for subject in results.scale.distinct(*ROLES):
        yield from _claims(results, subject)


def _claims(results: Results, subject: Subject) -> Iterator[Claim]:
    configs = {
        in_ascii(name): each for name, each in strongest_by_name(results.scale, subject).items()
    }
    seen = {name: shown_problems(results.read_attack(config)) for name, config in configs.items()}
    vae, *_, deepest = seen.values()
    farther = {
        name: difference(each.rows, vae.rows, "to_target")
        for (name, each), config in zip(seen.items(), configs.values(), strict=True)
        if each is not vae and config.model != CHAIN
    }
    numbers: dict[str, Number]
    numbers = {f"to target, {name}": each.to_target for name, each in seen.items()}
    for name, each in farther.items():
        numbers |= each.ends(f"{name}, less the VAE's")
    numbers |= {f"AUDDC, {name}": each.area for name, each in seen.items()}
    yield Claim(
        claim=f"panels-less-effective-{subject.dataset}",
        text="Latent attacks are less effective on disentangled models than on a VAE",
        paper="farther from the target",
        measured={**numbers, "pairs": len(vae.rows), "dataset": subject.dataset},
        holds=all_of(*(above(each, 0) for each in farther.values())),
        note="L2 from the target to the adversarial reconstruction over that to the clean "
        "one (1: nothing gained), at the penalty that Figure 1 shows; beta-TCVAE and "
        "Seatbelt-VAE must both be above the VAE. Blurred reconstructions are farther from "
        "the target, too: the AUDDC is without that.",
    )
    if not subject.layers:
        return
    yield Claim(
        claim=f"panels-resemble-input-{subject.dataset}",
        text="For high beta and L, latent attacks on Seatbelt-VAEs often result in "
        "outputs that resemble the original inputs",
        paper="often",
        measured={
            **deepest.resembling.ends("share of pairs"),
            "share of pairs, VAE": vae.resembling.value,
            "pairs": len(deepest.rows),
            "dataset": subject.dataset,
        },
        holds=above(deepest.resembling, 0.5),
        note="Pairs whose adversarial reconstruction is closer (L2) to the clean "
        "reconstruction than to the target; holds if it is more than half of them, "
        "with all of the interval of Clopper and Pearson.",
    )


ITEM = Item(
    name="fig1",
    roles=ROLES,
    configs=lambda scale, subject: list(strongest_by_name(scale, subject).values()),
    attacks=("latent",),
    draw=draw,
    claims=claims,
)
