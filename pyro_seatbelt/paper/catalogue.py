"""Every figure and table of the paper by name, with what it shows and where it is there."""

from typing import NamedTuple


class Listed(NamedTuple):
    """What is known of an item without making it.

    Attributes:
        title: What it shows.
        source: Where it is in the paper.
    """

    title: str
    source: str


CATALOGUE: dict[str, Listed] = {
    "fig1": Listed("Latent attacks as images", "Section 5.2, Figure 1"),
    "fig3": Listed("ELBO against beta", "Section 5.1, Figure 3"),
    "fig4": Listed("Reconstructions at a strong beta", "Section 5.1, Figure 4"),
    "fig5": Listed("Attack objectives of beta-TCVAEs against beta", "Section 5.2, Figure 5"),
    "fig6": Listed("-log p(target | z~) of attacks over beta and L", "Section 5.2, Figure 6"),
    "fig7": Listed("Attack objectives over beta and L", "Section 5.2, Figure 7"),
    "fig8": Listed("Robustness to noise", "Section 5.3, Figure 8"),
    "table1": Listed(
        "Change of the norms of encoders and decoders with beta", "Section 5.4, Table 1"
    ),
    "mig": Listed("Mutual information gap at the top layer", "Section 5, Appendix"),
    "kl-collapse": Listed("KL of every layer against beta", "Section 5.1, Appendix"),
    "layers": Listed("Latent attacks on single layers", "Section 4, Appendix"),
    "l2": Listed(
        "L2 distance from the target to the adversarial reconstruction", "Section 5.2, Appendix"
    ),
    "small-noise": Listed("Robustness to smaller noise", "Section 5.3, Appendix"),
    "traversals": Listed("Traversals of the top layer", "Section 5, Appendix"),
    "heart": Listed("Attacks that try to rotate a heart", "Section 5.2, Appendix"),
    "w2": Listed("Latent attacks by the 2-Wasserstein distance", "the authors' later paper"),
    "why": Listed("Where factors of 10^3 and 10^7 can come from", "Section 5.2"),
}
"""In the order of the paper. Figure 2 is a drawing of the model, and needs no run."""
