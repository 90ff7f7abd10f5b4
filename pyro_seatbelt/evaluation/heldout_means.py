"""The means over held-out images, as training and an evaluation keep them."""

from pydantic import BaseModel, ConfigDict


class Heldout(BaseModel):
    r"""Means over held-out images, in nats per image.

    The three parts of the top layer add up to its KL. They use the exact aggregate posterior of
    the images evaluated, as if these were the data set: the mutual information cannot exceed the
    logarithm of their number, and near it is too low, and the total correlation too high
    (:func:`~pyro_seatbelt.evaluation.decomposition.saturation_warning`).

    Attributes:
        elbo: The evidence lower bound: weights 1, no floor.
        log_likelihood: :math:`\log p(x \mid z)`.
        kl: KL per latent site; the log-ratio of a site that one program has alone.
        mutual_information: Index-code mutual information of the top layer.
        total_correlation: Total correlation of the top layer; NaN, as the next, where its posterior
            has a joint density and no marginals, as a flow has.
        dimension_wise_kl: Dimension-wise KL of the top layer.
        active_units: Dimensions per site whose posterior mean varies over images by more than 0.01
            (a variance); a site without a mean, as a flow, is left out. The layers below the top
            have learned priors, hence no fixed scale: read their counts beside their KL.
        num_images: How many images were evaluated.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    elbo: float
    log_likelihood: float
    kl: dict[str, float]
    mutual_information: float
    total_correlation: float
    dimension_wise_kl: float
    active_units: dict[str, int]
    num_images: int
