"""The parts of the bound."""

from typing import NamedTuple

from torch import Tensor


class Terms(NamedTuple):
    """The parts of the bound, as scaled sums over the data plate, in nats.

    Like Pyro's losses the sums stand for all N images of the plate (and for
    every vectorised particle); divide by `num_images` for nats per image.

    Attributes:
        log_likelihood: Log-probability of the observed sites.
        lower_kl: Log-ratio of guide and model at every latent site but the top.
        mutual_information: Index-code mutual information of the top layer; without the constant
            entropy of the empirical distribution, log N (Eq 9).
        total_correlation: Total correlation of the top layer.
        dimension_wise_kl: Dimension-wise KL of the top layer.
        kl: Log-ratio of guide and model per latent site, the top layer included.
        num_images: How many images the sums stand for.
    """

    log_likelihood: Tensor
    lower_kl: Tensor
    mutual_information: Tensor
    total_correlation: Tensor
    dimension_wise_kl: Tensor
    kl: dict[str, Tensor]
    num_images: Tensor

    @property
    def elbo(self) -> Tensor:
        """The evidence lower bound: all weights 1, no floor."""
        return (
            self.log_likelihood
            - self.lower_kl
            - self.mutual_information
            - self.total_correlation
            - self.dimension_wise_kl
        )


class TermsPerImage(NamedTuple):
    """One particle's bound for people to read: floats, nats per image.

    The three parts of the top layer are stratified (MSS) estimates whatever
    the objective trains with, because weighted sampling (MWS) is off by
    multiples of log N. MSS overestimates the mutual information, less so the
    larger the batch; from one image alone the three are NaN.

    Attributes:
        objective: What is maximised: the bound with its weights and floors.
        elbo: The bound with all weights 1 and no floor.
        log_likelihood: Log-probability of the image.
        kl: KL per latent site, from the same draws.
        mutual_information: Index-code mutual information of the top layer.
        total_correlation: Total correlation of the top layer.
        dimension_wise_kl: Dimension-wise KL of the top layer.
    """

    objective: float
    elbo: float
    log_likelihood: float
    kl: dict[str, float]
    mutual_information: float
    total_correlation: float
    dimension_wise_kl: float
