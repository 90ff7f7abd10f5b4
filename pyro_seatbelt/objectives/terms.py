"""The parts of the bound."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from pyro_seatbelt.family import Weights


class Parts(NamedTuple):
    r"""The KL of a decomposed site in parts, as scaled sums over the data plate, in nats.

    Attributes:
        mutual_information: :math:`\log q(z \mid \mathrm{pa}) - \log q(z)`.
        total_correlation: :math:`\log q(z) - \sum_j \log q(z_j)`; NaN where the posterior has a
            joint density and no marginals, as a flow has.
        dimension_wise_kl: :math:`\sum_j \log q(z_j) - \log p(z)`; NaN there, too.
        aggregate_kl: :math:`\log q(z) - \log p(z)`, the two together, whether or not they can be
            told apart.
        joint: The family of a posterior without marginals in closed form; None if it has them.
    """

    mutual_information: Tensor
    total_correlation: Tensor
    dimension_wise_kl: Tensor
    aggregate_kl: Tensor
    joint: str | None = None

    def weighted(self, site: str, weights: Weights) -> list[tuple[float, Tensor]]:
        """The parts, each once, with their weights.

        Args:
            site: The site, for the message.
            weights: Its weights.

        Raises:
            NotImplementedError: When total correlation and dimension-wise KL have two weights and
                cannot be told apart.
        """
        if self.joint is not None:
            if weights.beta != weights.gamma:
                raise NotImplementedError(
                    f"site '{site}' cannot be decomposed with beta={weights.beta:g} and "
                    f"gamma={weights.gamma:g}: total correlation and dimension-wise KL need the "
                    f"marginals of q, and {self.joint} has its joint density alone; give both one "
                    "weight (alpha may be another: it weighs the mutual information), or decompose "
                    "a factorised family or a multivariate normal"
                )
            return [(weights.alpha, self.mutual_information), (weights.beta, self.aggregate_kl)]
        return [
            (weights.alpha, self.mutual_information),
            (weights.beta, self.total_correlation),
            (weights.gamma, self.dimension_wise_kl),
        ]


class Terms(NamedTuple):
    """The parts of the bound, as scaled sums over the data plate, in nats.

    Like Pyro's losses the sums stand for all N images of the plate (and for
    every vectorised particle); divide by `num_images` for nats per image.

    Attributes:
        log_likelihood: Log-probability of the observed sites.
        lower_kl: Log-ratio of guide and model at every latent site that is not decomposed.
        mutual_information: Index-code mutual information of the decomposed sites together; without
            the constant entropy of the empirical distribution, log N (Eq 9).
        total_correlation: Total correlation of the decomposed sites together.
        dimension_wise_kl: Dimension-wise KL of the decomposed sites together.
        kl: Log-ratio of guide and model per latent site, the decomposed ones included.
        parts: The parts of each decomposed site.
        num_images: How many images the sums stand for.
    """

    log_likelihood: Tensor
    lower_kl: Tensor
    mutual_information: Tensor
    total_correlation: Tensor
    dimension_wise_kl: Tensor
    kl: dict[str, Tensor]
    parts: dict[str, Parts]
    num_images: Tensor

    @property
    def elbo(self) -> Tensor:
        """The evidence lower bound: all weights 1, no floor."""
        decomposed = sum(
            part.mutual_information + part.aggregate_kl for part in self.parts.values()
        )
        return self.log_likelihood - self.lower_kl - decomposed


class TermsPerImage(NamedTuple):
    """One particle's bound for people to read: floats, nats per image.

    The three parts of the decomposed sites together are stratified (MSS) estimates whatever
    the objective trains with, because weighted sampling (MWS) is off by
    multiples of log N. MSS overestimates the mutual information, less so the
    larger the batch; from one image alone the three are NaN, and so are the last two where a
    posterior has no marginals.

    Attributes:
        objective: What is maximised: the bound with its weights and floors.
        elbo: The bound with all weights 1 and no floor.
        log_likelihood: Log-probability of the image.
        kl: KL per latent site, from the same draws.
        mutual_information: Index-code mutual information of the decomposed sites.
        total_correlation: Total correlation of the decomposed sites.
        dimension_wise_kl: Dimension-wise KL of the decomposed sites.
    """

    objective: float
    elbo: float
    log_likelihood: float
    kl: dict[str, float]
    mutual_information: float
    total_correlation: float
    dimension_wise_kl: float

    @staticmethod
    def of(
        terms: Terms,
        weighted: Sequence[tuple[float, Tensor]],
        others: Sequence[Tensor | None],
    ) -> "TermsPerImage":
        """Makes numbers of the bound's terms.

        Args:
            terms: The terms.
            weighted: The parts of the KL with their weights.
            others: What floors and the like add to the loss, if there are any.
        """
        elbo = terms.log_likelihood - terms.lower_kl
        for name in terms.parts:
            elbo = elbo - terms.kl[name]
        objective = elbo
        for weight, part in weighted:
            if weight != 1:  # a part may be NaN
                objective = objective - (weight - 1) * part
        for more in others:
            if more is not None:
                objective = objective - more

        parts = {
            "objective": objective,
            "elbo": elbo,
            "log_likelihood": terms.log_likelihood,
            "mutual_information": terms.mutual_information,
            "total_correlation": terms.total_correlation,
            "dimension_wise_kl": terms.dimension_wise_kl,
        }
        sums = torch.stack([*parts.values(), *terms.kl.values()])
        numbers = (sums / terms.num_images).tolist()  # one wait for the device, not one each
        return TermsPerImage(
            **dict(zip(parts, numbers, strict=False)),
            kl=dict(zip(terms.kl, numbers[len(parts) :], strict=True)),
        )
