"""The posteriors of the targets of an attack."""

from collections.abc import Mapping

import torch
from torch import Tensor

from pyro_seatbelt.attacks.latent_draws import LatentDraws
from pyro_seatbelt.attacks.pair import Pair
from pyro_seatbelt.traces.posteriors import Posterior, gaussian_posterior


class TargetPosteriors:
    """The targets' posteriors: kept where all are Gaussian, read again at each call if not.

    Args:
        pair: The model and the guide.
        target: The target of every problem, shape `(P, *image)`.
        draws: The draws of every problem.
    """

    _ROWS = 256

    def __init__(self, pair: Pair, target: Tensor, draws: LatentDraws) -> None:
        self.pair = pair.of_targets()
        self.target = target
        self.draws = draws
        self.kept: dict[str, Posterior] | None = None
        problems = torch.arange(len(target), device=target.device)
        parts = []
        for some in problems.split(max(1, self._ROWS // draws.num)):
            parts.append(self._read(some))
            if any(posterior.loc is None for posterior in parts[-1].values()):
                return
        self.kept = {
            site: gaussian_posterior(
                site,
                torch.cat([p.loc for part in parts if (p := part[site]).loc is not None]),
                torch.cat([p.scale for part in parts if (p := part[site]).scale is not None]),
                torch.cat([part[site].value for part in parts]),
            )
            for site in pair.layers
        }

    def of(self, problems: Tensor) -> Mapping[str, Posterior]:
        """The posteriors of some problems' targets, without gradients."""
        if self.kept is None:
            return self._read(problems)
        rows = self.draws.rows(problems).to(problems.device)
        return {
            site: gaussian_posterior(site, p.loc[rows], p.scale[rows], p.value[rows])
            for site, p in self.kept.items()
            if p.loc is not None and p.scale is not None
        }

    def _read(self, problems: Tensor) -> dict[str, Posterior]:
        with torch.no_grad():
            x = self.draws.repeat(self.target[problems])
            return self.pair.posteriors(self.pair.trace_guide(x, self.draws, problems))
