"""Figure 4: what is left of faces at a strong beta."""

from pyro_seatbelt.evaluation import reconstruct
from pyro_seatbelt.paper.claims import Claim, above, all_of
from pyro_seatbelt.paper.item import Drawn, Item
from pyro_seatbelt.paper.members import members
from pyro_seatbelt.paper.names import model_title, stands_for_celeba
from pyro_seatbelt.paper.results import Results
from pyro_seatbelt.paper.scale import DEEP, FLAT, Scale, Subject
from pyro_seatbelt.plots import image_rows
from pyro_seatbelt.training.config import TrainConfig


def configs(scale: Scale, subject: Subject) -> list[TrainConfig]:
    """A beta-TCVAE and a deep Seatbelt-VAE with a strong beta."""
    return [
        *members(scale, subject, FLAT, betas=(scale.strong_beta,)),
        *members(scale, subject, DEEP, betas=(scale.strong_beta,), layers=subject.usual_layers),
    ]


def draw(results: Results) -> Drawn:
    """Draws inputs, and what either model makes of them."""
    rows = {}
    for config in configs(results.scale, results.scale.subjects["celeba"]):
        if (opened := results.open_run(config, num_images=8)) is None:
            continue
        run, x = opened
        rows["input"] = x.numpy()
        name = model_title(config.model, layers=config.layers if config.layers != 1 else None)
        rows[f"{name}\nβ = {config.beta:g}"] = reconstruct(run.model, run.guide, x).numpy()
    columns = ["dataset", "model", "layers", "beta", "mse", "ms_ssim", "l2"]
    figures = {"reconstructions": image_rows(rows)} if rows else {}
    return Drawn(figures, {"reconstructions": results.runs[columns]})


def claims(results: Results) -> list[Claim]:
    """A Seatbelt-VAE keeps more of a face than a beta-TCVAE."""
    flat, deep = configs(results.scale, results.scale.subjects["celeba"])
    mse, ms_ssim = (
        [results.number(config, column) for config in (flat, deep)] for column in ("mse", "ms_ssim")
    )
    return [
        Claim(
            claim="reconstructions",
            text="At a strong beta a deep Seatbelt-VAE keeps more of a face than a beta-TCVAE",
            paper="lower MSE, higher MS-SSIM",
            measured={
                "mse_tcvae": mse[0],
                "mse_seatbelt": mse[1],
                "ms_ssim_tcvae": ms_ssim[0],
                "ms_ssim_seatbelt": ms_ssim[1],
                "beta": deep.beta,
                "layers": deep.layers,
                "models": int(results.runs["mse"].notna().sum()),
                "dataset": deep.dataset,
            },
            holds=all_of(above(mse[0] - mse[1], 0), above(ms_ssim[1] - ms_ssim[0], 0)),
            note="The paper judges by eye; here the squared error and the structural similarity of "
            f"held-out images must both be better.{stands_for_celeba(deep.dataset)}",
        )
    ]


ITEM = Item(
    name="fig4",
    roles=("celeba",),
    configs=configs,
    draw=draw,
    claims=claims,
)
