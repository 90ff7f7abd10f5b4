"""What the dimensions of the top layer do to an image."""

from matplotlib.figure import Figure

from pyro_seatbelt.evaluation import traverse
from pyro_seatbelt.paper.claims import Claim
from pyro_seatbelt.paper.item import Drawn, Item
from pyro_seatbelt.paper.members import members
from pyro_seatbelt.paper.names import model_title
from pyro_seatbelt.paper.results import Results
from pyro_seatbelt.paper.scale import DEEP, FLAT, Role, Scale, Subject
from pyro_seatbelt.plots import traversal_grid
from pyro_seatbelt.training.config import TrainConfig

ROLES: tuple[Role, ...] = ("sprites", "chairs")
VALUES = (-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0)


def configs(scale: Scale, subject: Subject) -> list[TrainConfig]:
    """A beta-TCVAE and a deep Seatbelt-VAE."""
    high = subject.ends[1:]
    return [
        *members(scale, subject, FLAT, betas=high),
        *members(scale, subject, DEEP, betas=high, layers=subject.deepest(DEEP)),
    ]


def draw(results: Results) -> Drawn:
    """Draws a figure per run, a row per dimension of the top layer."""
    figures = {}
    for subject in results.scale.distinct(*ROLES):
        for config in configs(results.scale, subject):
            figure = _traversals(results, config)
            if figure is not None:
                figures[f"{subject.dataset}-{config.model}-L{config.layers}"] = figure
    return Drawn(figures, {})


def claims(results: Results) -> list[Claim]:
    """A high gap does not make traversals interpretable: that is for people to see."""
    return [
        Claim(
            claim="traversals",
            text="A high MIG at the top layer does not imply that traversals of it show factors "
            "that people can interpret",
            paper="to be seen",
            measured={"models": len(results.runs)},
            holds=None,
            note="No number decides this: look at the figures.",
        )
    ]


def _traversals(results: Results, config: TrainConfig) -> Figure | None:
    if (opened := results.open_run(config, num_images=1)) is None:
        return None
    run, x = opened
    latent = run.objective.latent
    images = traverse(run.model, run.guide, x, latent=latent, values=VALUES)
    title = model_title(config.model, layers=config.layers, beta=config.beta)
    return traversal_grid(
        images.float().cpu().numpy(),
        VALUES,
        labels=[f"{latent}, {number}" for number in range(len(images))],
        title=f"{title}, {config.dataset}",
    )


ITEM = Item(
    name="traversals",
    roles=ROLES,
    configs=configs,
    draw=draw,
    claims=claims,
)
