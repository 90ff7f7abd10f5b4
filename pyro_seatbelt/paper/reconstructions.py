"""Figure 4: what is left of faces at a strong beta."""

import math

from pyro_seatbelt.data import to_pixels
from pyro_seatbelt.evaluation import reconstruct
from pyro_seatbelt.paper.claims import Claim, above, all_of
from pyro_seatbelt.paper.item import Drawn, Item
from pyro_seatbelt.paper.members import DEEP, FLAT, jobs, members
from pyro_seatbelt.paper.results import Results, named, pick
from pyro_seatbelt.paper.scales import Scale
from pyro_seatbelt.plots import image_rows
from pyro_seatbelt.runs.figures import evenly_spaced
from pyro_seatbelt.runs.images import open_same_data
from pyro_seatbelt.runs.open import load_run
from pyro_seatbelt.sweeps.jobs import Job
from pyro_seatbelt.training.config import TrainConfig

NUM_IMAGES = 8


def strong_jobs(scale: Scale) -> list[Job]:
    """A beta-TCVAE and a deep Seatbelt-VAE of CelebA with a strong beta."""
    return jobs(scale, _configs(scale))


def draw_reconstructions(results: Results) -> Drawn:
    """Draws Figure 4: inputs, and what either model makes of them."""
    rows = {}
    for config in _configs(results.scale):
        folder = results.run_folder(config)
        if folder is None:
            continue
        run = load_run(folder)
        dataset, split = open_same_data(folder, run.config, run.record)
        x = to_pixels(dataset.images.gather(evenly_spaced(split.heldout, NUM_IMAGES)))
        rows["input"] = x.numpy()
        name = named(config.model, layers=config.layers if config.layers != 1 else None)
        rows[f"{name}\nβ = {config.beta:g}"] = reconstruct(run.model, run.guide, x).numpy()
    columns = [
        column
        for column in ("dataset", "model", "layers", "beta", "mse", "ms_ssim", "l2")
        if column in results.runs
    ]
    figures = {"reconstructions": image_rows(rows)} if rows else {}
    return Drawn(figures, {"reconstructions": results.runs[columns]})


def claim_reconstructions(results: Results) -> list[Claim]:
    """A Seatbelt-VAE keeps more of a face than a beta-TCVAE."""
    flat, deep = (
        {
            column: float(rows[column].astype(float).mean()) if len(rows) else math.nan
            for column in ("mse", "ms_ssim")
        }
        for rows in (pick(results.runs, model=model) for model in (FLAT, DEEP))
    )
    config = _configs(results.scale)[-1]
    stand_in = "" if config.dataset == "celeba" else f" {config.dataset} stands for CelebA."
    return [
        Claim(
            claim="reconstructions",
            item="fig4",
            text="At a strong beta a deep Seatbelt-VAE keeps more of a face than a beta-TCVAE",
            source="Section 5.1, Figure 4",
            paper="lower MSE, higher MS-SSIM",
            measured={
                "mse_tcvae": flat["mse"],
                "mse_seatbelt": deep["mse"],
                "ms_ssim_tcvae": flat["ms_ssim"],
                "ms_ssim_seatbelt": deep["ms_ssim"],
                "beta": config.beta,
                "layers": config.layers,
                "models": int(results.runs["mse"].notna().sum()),
                "dataset": config.dataset,
            },
            holds=all_of(
                above(flat["mse"] - deep["mse"], 0), above(deep["ms_ssim"] - flat["ms_ssim"], 0)
            ),
            note="The paper judges by eye; here the squared error and the structural similarity of "
            f"held-out images must both be better.{stand_in}",
        )
    ]


def _configs(scale: Scale) -> list[TrainConfig]:
    subject = scale.subjects["celeba"]
    depth = 4 if 4 in subject.layers else subject.layers[-1]
    strong = (scale.strong_beta,)
    return [
        *members(scale, subject, FLAT, betas=strong),
        *members(scale, subject, DEEP, betas=strong, layers=(depth,)),
    ]


FIG4 = Item(
    title="Reconstructions at a strong beta",
    source="Section 5.1, Figure 4",
    jobs=strong_jobs,
    draw=draw_reconstructions,
    claims=claim_reconstructions,
)
