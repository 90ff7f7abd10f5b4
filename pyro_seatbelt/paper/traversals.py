"""What the dimensions of the top layer do to an image."""

from matplotlib.figure import Figure

from pyro_seatbelt.data import to_pixels
from pyro_seatbelt.evaluation import traverse
from pyro_seatbelt.paper.claims import Claim
from pyro_seatbelt.paper.item import Drawn, Item
from pyro_seatbelt.paper.members import DEEP, FLAT, jobs, members
from pyro_seatbelt.paper.results import Results, named
from pyro_seatbelt.paper.scales import Scale, Subject
from pyro_seatbelt.plots import traversal_grid
from pyro_seatbelt.runs.images import open_same_data
from pyro_seatbelt.runs.open import load_run
from pyro_seatbelt.sweeps.jobs import Job
from pyro_seatbelt.training.config import TrainConfig

VALUES = (-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0)


def traversal_jobs(scale: Scale) -> list[Job]:
    """A beta-TCVAE and a deep Seatbelt-VAE of sprites and chairs."""
    return [
        job
        for subject in scale.distinct("sprites", "chairs")
        for job in jobs(scale, _largest(scale, subject))
    ]


def draw_traversals(results: Results) -> Drawn:
    """Draws what every dimension of the top layer does to an image."""
    figures = {}
    for subject in results.scale.distinct("sprites", "chairs"):
        for config in _largest(results.scale, subject):
            figure = _traversals(results, config)
            if figure is not None:
                figures[f"{subject.dataset}-{config.model}-L{config.layers}"] = figure
    return Drawn(figures, {})


def claim_traversals(results: Results) -> list[Claim]:
    """A high gap does not make traversals interpretable: that is for people to see."""
    return [
        Claim(
            claim="traversals",
            item="traversals",
            text="A high MIG at the top layer does not imply that traversals of it show factors "
            "that people can interpret",
            source="Section 5, Appendix",
            paper="to be seen",
            measured={"models": len(results.runs)},
            holds=None,
            note="No number decides this: look at the figures.",
        )
    ]


def _traversals(results: Results, config: TrainConfig) -> Figure | None:
    folder = results.run_folder(config)
    if folder is None:
        return None
    run = load_run(folder)
    dataset, split = open_same_data(folder, run.config, run.record)
    x = to_pixels(dataset.images.gather(split.heldout[:1]))
    images = traverse(run.model, run.guide, x, latent=run.objective.latent, values=VALUES)
    title = named(config.model, layers=config.layers, beta=config.beta)
    return traversal_grid(
        images.float().cpu().numpy(),
        VALUES,
        labels=[f"{run.objective.latent}, {number}" for number in range(len(images))],
        title=f"{title}, {config.dataset}",
    )


def _largest(scale: Scale, subject: Subject) -> list[TrainConfig]:
    return [
        *members(scale, subject, FLAT, betas=subject.ends[1:]),
        *members(scale, subject, DEEP, betas=subject.ends[1:], layers=subject.layers[-1:]),
    ]


TRAVERSALS = Item(
    title="Traversals of the top layer",
    source="Section 5, Appendix",
    jobs=traversal_jobs,
    draw=draw_traversals,
    claims=claim_traversals,
)
