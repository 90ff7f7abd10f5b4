"""What stands on the board: members of the family, and defences of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pyro_seatbelt.errors import InputError

PLAIN = "vae"
"""The entry that all others are compared with."""


@dataclass(frozen=True)
class Entry:
    """A model, with its defence if it has one.

    Attributes:
        title: Its name in prose.
        source: Where it is from.
        fields: Settings of its runs besides those of the scale.
        base: The entry whose trained runs it defends, if the defence acts at inference alone.
    """

    title: str
    source: str
    fields: Mapping[str, Any]
    base: str | None = None


_VAE = {"model": "vae"}
_TCVAE = {"model": "beta-tcvae", "beta": 10.0}
_SEATBELT = {"model": "seatbelt", "layers": 4, "beta": 10.0, "free_bits": 0.125}
_SMOOTH = {"smooth_weight": 10.0, "smooth_radius": 3.0, "attack_steps": 1}

ENTRIES: dict[str, Entry] = {
    PLAIN: Entry("VAE", "Kingma, Welling 2013", _VAE),
    "beta-tcvae": Entry("beta-TCVAE β=10", "Chen et al. 2018", _TCVAE),
    "seatbelt": Entry("Seatbelt-VAE L=4 β=10", "Willetts et al.", _SEATBELT),
    "factor-vae": Entry("FactorVAE β=10", "Kim, Mnih 2018", {"model": "factor-vae", "beta": 10.0}),
    "hfvae": Entry(
        "HFVAE β=10, two halves", "Esmaeili et al. 2019", {"model": "hfvae", "beta": 10.0}
    ),
    "ladder-vae": Entry(
        "Ladder VAE L=4", "Sønderby et al. 2016", {"model": "ladder-vae", "layers": 4}
    ),
    "biva": Entry(
        "BIVA L=4", "Maaløe et al. 2019", {"model": "biva", "layers": 4, "free_bits": 0.125}
    ),
    "vae-noise": Entry("VAE, noise", "Vincent et al. 2008", _VAE | {"input_noise": 0.2}),
    "vae-smoothing": Entry(
        "VAE, noise and smoothing",
        "Cohen et al. 2019",
        _VAE | {"input_noise": 0.2, "smoothing": 0.2},
        base="vae-noise",
    ),
    "vae-mcmc": Entry(
        "VAE, MCMC at inference", "Kuzina et al. 2022", _VAE | {"mcmc_steps": 5}, base="vae"
    ),
    "vae-adversarial": Entry(
        "VAE, adversarial training",
        "Madry et al. 2018",
        _VAE | {"adversarial_radius": 3.0, "attack_steps": 1},
    ),
    "vae-lipschitz": Entry(
        "VAE, Lipschitz networks",
        "Barrett et al. 2022",
        _VAE | {"network": "lipschitz", "features": 128},
    ),
    "seatbelt-noise": Entry(
        "Seatbelt-VAE L=4, noise", "Willetts; Vincent", _SEATBELT | {"input_noise": 0.2}
    ),
    "vae-smooth": Entry("VAE, smooth encoder", "Cemgil et al. 2020", _VAE | _SMOOTH),
    "beta-tcvae-smooth": Entry(
        "beta-TCVAE β=10, smooth encoder", "Chen; Cemgil et al.", _TCVAE | _SMOOTH
    ),
    "seatbelt-smooth": Entry(
        "Seatbelt-VAE L=4, smooth encoder", "Willetts; Cemgil", _SEATBELT | _SMOOTH
    ),
}
"""The entries by name."""


def entries_named(names: Sequence[str] = ()) -> dict[str, Entry]:
    """Returns some entries with all that they need.

    Args:
        names: Which; none stand for all.

    Returns:
        The entries in the order of the board: the plain VAE, and the bases of what is named, are
        always among them.

    Raises:
        InputError: If there is no such entry.

    Example:
        >>> list(entries_named(["seatbelt"]))
        ['vae', 'seatbelt']
    """
    for name in names:
        if name not in ENTRIES:
            raise InputError(f"unknown entry '{name}': choose from {', '.join(ENTRIES)}")
    wanted = {PLAIN, *names} if names else set(ENTRIES)
    wanted |= {base for name in wanted if (base := ENTRIES[name].base) is not None}
    return {name: entry for name, entry in ENTRIES.items() if name in wanted}
