"""Measuring trained models."""

from typing import TYPE_CHECKING

from pyro_seatbelt.lazy import lazily

if TYPE_CHECKING:
    from pyro_seatbelt.evaluation.disentanglement import Disentanglement, disentanglement_scores
    from pyro_seatbelt.evaluation.encodings import Encoding, encode
    from pyro_seatbelt.evaluation.heldout import (
        HeldoutImages,
        evaluate_heldout,
        evaluate_heldout_images,
    )
    from pyro_seatbelt.evaluation.heldout_means import Heldout
    from pyro_seatbelt.evaluation.importance import (
        Bound,
        WeightedDraws,
        importance_weighted_bound,
        weighted_draws,
    )
    from pyro_seatbelt.evaluation.mig import mutual_information_gap
    from pyro_seatbelt.evaluation.noise import NoiseRobustness, noise_robustness
    from pyro_seatbelt.evaluation.prior_draws import prior_images
    from pyro_seatbelt.evaluation.quality import Quality, reconstruction_quality
    from pyro_seatbelt.evaluation.traversals import traverse
    from pyro_seatbelt.evaluation.units import active_units
    from pyro_seatbelt.evaluation.weight_norms import weight_norm
    from pyro_seatbelt.traces.evaluation_mode import evaluation_mode
    from pyro_seatbelt.traces.reconstruction import reconstruct

__all__ = [
    "Bound",
    "Disentanglement",
    "Encoding",
    "Heldout",
    "HeldoutImages",
    "NoiseRobustness",
    "Quality",
    "WeightedDraws",
    "active_units",
    "disentanglement_scores",
    "encode",
    "evaluate_heldout",
    "evaluate_heldout_images",
    "evaluation_mode",
    "importance_weighted_bound",
    "mutual_information_gap",
    "noise_robustness",
    "prior_images",
    "reconstruct",
    "reconstruction_quality",
    "traverse",
    "weight_norm",
    "weighted_draws",
]

# a report needs its statistics without torch; torchmetrics and scikit-learn take seconds, too
__getattr__ = lazily(
    __name__,
    {
        "disentanglement": ["Disentanglement", "disentanglement_scores"],
        "encodings": ["Encoding", "encode"],
        "heldout": ["HeldoutImages", "evaluate_heldout", "evaluate_heldout_images"],
        "heldout_means": ["Heldout"],
        "importance": ["Bound", "WeightedDraws", "importance_weighted_bound", "weighted_draws"],
        "mig": ["mutual_information_gap"],
        "noise": ["NoiseRobustness", "noise_robustness"],
        "prior_draws": ["prior_images"],
        ".traces.evaluation_mode": ["evaluation_mode"],
        ".traces.reconstruction": ["reconstruct"],
        "quality": ["Quality", "reconstruction_quality"],
        "traversals": ["traverse"],
        "units": ["active_units"],
        "weight_norms": ["weight_norm"],
    },
)
