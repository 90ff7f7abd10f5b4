"""Robustness to noise of the three models of CelebA: what Figure 8 and its appendix share."""

import math

from pyro_seatbelt.paper.claims import Claim, above
from pyro_seatbelt.paper.members import members
from pyro_seatbelt.paper.names import in_ascii, model_title, stands_for_celeba
from pyro_seatbelt.paper.results import Results
from pyro_seatbelt.paper.scale import CHAIN, MODELS, Scale
from pyro_seatbelt.training.config import TrainConfig


def noisy_models(scale: Scale) -> dict[str, list[TrainConfig]]:
    """Returns the deepest of every model by name, each at the betas of Figure 8."""
    subject = scale.subjects["celeba"]
    return {
        model_title(model, layers=depth if depth > 1 else None): members(
            scale, subject, model, betas=scale.noise_betas, layers=(depth,)
        )
        for model in MODELS
        for depth in subject.deepest(model)
    }


def all_noisy_models(scale: Scale, _: object) -> list[TrainConfig]:
    """Returns all of them."""
    return [config for configs in noisy_models(scale).values() for config in configs]


def log_likelihood(results: Results, config: TrainConfig, noise: float) -> float:
    """Returns the mean log p(x | z*) of clean images from noisy ones; NaN if not measured.

    Args:
        results: Where to look.
        config: The run.
        noise: The magnitude of the noise.
    """
    return results.number(config, f"noise.{noise:g}")


def robustness_claims(results: Results, noise: float) -> list[Claim]:
    """Beta-TCVAEs and Seatbelt-VAEs get more robust to noise with beta, beta-TCDLGMs less.

    Args:
        results: Where the runs are.
        noise: The magnitude of the noise.
    """
    return [
        _claim(results, configs[0], configs[-1], noise)
        for configs in noisy_models(results.scale).values()
    ]


def _claim(results: Results, low: TrainConfig, high: TrainConfig, noise: float) -> Claim:
    clean, noisy = (
        [log_likelihood(results, config, level) for config in (low, high)] for level in (0.0, noise)
    )
    drop = [clear - less for clear, less in zip(clean, noisy, strict=True)]
    rises = low.model != CHAIN
    sign = 1 if rises else -1
    gain = noisy[1] - noisy[0]
    higher, sturdier = above(sign * gain, 0), above(sign * (drop[0] - drop[1]), 0)
    return Claim(
        claim=f"noise-{noise:g}-{low.model}",
        text=f"{in_ascii(model_title(low.model))}s become "
        f"{'more' if rises else 'less'} robust to noise with increasing beta",
        paper="higher, with a smaller drop" if rises else "lower, with a larger drop",
        measured={
            "beta_low": low.beta,
            "beta_high": high.beta,
            "noisy at low beta": noisy[0],
            "noisy at high beta": noisy[1],
            "gain": gain,
            "clean at low beta": clean[0],
            "clean at high beta": clean[1],
            "drop at low beta": drop[0],
            "drop at high beta": drop[1],
            "noise": noise,
            "layers": low.layers,
            "models": sum(not math.isnan(value) for value in noisy),
            "dataset": low.dataset,
        },
        holds=higher if higher is sturdier else None,
        note="log p(x | z*) of the clean image from its noisy version, nats per image, one model "
        "a beta. Its level and the drop from the clean level must both say so; where they "
        f"disagree, nothing is decided.{stands_for_celeba(low.dataset)}",
    )
