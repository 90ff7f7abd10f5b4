"""A scale of the reproduction: what stands for every data set, and the models trained on it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from pyro_seatbelt.runs.evaluate_options import EvaluateOptions

Role = Literal["chairs", "faces", "celeba", "sprites"]

FLAT = "beta-tcvae"
"""Models of one layer: at beta = 1 this is the plain VAE, whose objective is the same."""

CHAIN = "beta-tcdlgm"
DEEP = "seatbelt"
MODELS = (FLAT, CHAIN, DEEP)
"""The members of the family that the paper compares."""


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What stands for one of the paper's data sets, and the grid of models that it gets.

    Attributes:
        fields: Settings of its runs, besides those of the scale; `dataset` among them.
        betas: Weights of the total correlation, ascending.
        layers: Depths of the Seatbelt-VAEs besides 1, ascending.
        chain_betas: Weights for the beta-TCDLGMs.
        chain_layers: Their depths.
        latent_dims: Lengths of a latent layer: the paper's ||z||.
    """

    fields: Mapping[str, Any]
    betas: tuple[float, ...]
    layers: tuple[int, ...]
    chain_betas: tuple[float, ...]
    chain_layers: tuple[int, ...]
    latent_dims: tuple[int, ...] = (10,)

    @property
    def dataset(self) -> str:
        """The data set."""
        return str(self.fields["dataset"])

    def betas_of(self, model: str) -> tuple[float, ...]:
        """The weights that a model is trained with."""
        return self.chain_betas if model == CHAIN else self.betas

    def layers_of(self, model: str) -> tuple[int, ...]:
        """The depths that it is trained with."""
        return {FLAT: (1,), CHAIN: self.chain_layers}.get(model, self.layers)

    def deepest(self, model: str) -> tuple[int, ...]:
        """The largest of them; none where there is no such model."""
        return self.layers_of(model)[-1:]

    @property
    def usual_layers(self) -> tuple[int, ...]:
        """The depth of the Seatbelt-VAEs of Figure 4 and Table 1: L = 4, or else the deepest."""
        return (4,) if 4 in self.layers else self.deepest(DEEP)

    @property
    def max_layers(self) -> int:
        """The depth of the deepest Seatbelt-VAE; one layer is a flat model."""
        return max(self.layers, default=1)

    @property
    def ends(self) -> tuple[float, float]:
        """The least and the largest beta."""
        return self.betas[0], self.betas[-1]


@dataclass(frozen=True, kw_only=True)
class Scale:
    """What is trained, attacked and evaluated.

    Attributes:
        name: Its name, and that of its folder.
        title: What it is, in a line.
        subjects: What stands for each of the paper's data sets.
        fields: Settings of every run.
        free_bits: Floor under the KL of every latent dimension of hierarchies, in nats; models
            of one layer have none.
        strong_beta: The beta of Figure 4.
        noise_betas: The betas of Figure 8.
        pairs: Input-target pairs of an attack.
        weights: Penalties lambda of an attack.
        max_iterations: Cap on the iterations of a problem.
        evaluation: How runs are evaluated.
        halving: Whether a layer has half the dimensions of the one below, and not as many.
        note: What it does differently from the paper.
    """

    name: str
    title: str
    subjects: Mapping[Role, Subject]
    fields: Mapping[str, Any]
    free_bits: float
    strong_beta: float
    noise_betas: tuple[float, ...]
    pairs: int
    weights: tuple[float, ...]
    max_iterations: int
    evaluation: EvaluateOptions = field(default_factory=EvaluateOptions)
    halving: bool = False
    note: str = ""

    def sizes(self, latent_dim: int, layers: int) -> dict[str, Any]:
        """Returns the settings that say how long the layers of a run are.

        Args:
            latent_dim: Of the lowest layer.
            layers: How many there are.

        Example:
            >>> from pyro_seatbelt.paper.scales import SCALES
            >>> SCALES["laptop"].sizes(10, 3), SCALES["published"].sizes(96, 3)
            ({'latent_dim': 10}, {'latent_dims': (96, 48, 24)})
        """
        if not self.halving:
            return {"latent_dim": latent_dim}
        return {"latent_dims": tuple(max(1, latent_dim >> above) for above in range(layers))}

    def distinct(self, *roles: Role) -> list[Subject]:
        """Returns what stands for some data sets, each once.

        Example:
            >>> from pyro_seatbelt.paper.scales import SCALES
            >>> [each.dataset for each in SCALES["laptop"].distinct("chairs", "faces", "celeba")]
            ['synth-chairs', 'synth-faces']
        """
        return list(self.by_role(*roles).values())

    def by_role(self, *roles: Role) -> dict[Role, Subject]:
        """Returns the same by role: what stands for several data sets is the first of them."""
        first: dict[str, Role] = {}
        for role in roles:
            first.setdefault(self.subjects[role].dataset, role)
        return {role: self.subjects[role] for role in first.values()}
