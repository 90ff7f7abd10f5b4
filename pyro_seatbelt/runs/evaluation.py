"""The numbers of an evaluation, as they lie in the folder of a run."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal, NamedTuple

from pydantic import BaseModel, ConfigDict

from pyro_seatbelt.evaluation.decomposition import saturation_warning
from pyro_seatbelt.evaluation.heldout_means import Heldout
from pyro_seatbelt.runs.evaluate_options import EvaluateOptions
from pyro_seatbelt.runs.folder import RunFolder, RunRecord
from pyro_seatbelt.runs.measured import read_record

NOISE_QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
"""Levels of :attr:`NoiseLevel.quantiles`."""

SCORES = {
    "mig": "mutual information gap (MIG)",
    "dci_disentanglement": "DCI disentanglement",
    "dci_completeness": "DCI completeness",
    "dci_informativeness": "DCI informativeness",
    "sap": "separated attribute predictability (SAP)",
}
"""What the scores of disentanglement are called."""


class Quantity(NamedTuple):
    """A number of an evaluation, as people read it.

    Attributes:
        name: What it is.
        value: The number.
        form: How a terminal writes it, as `format` reads it.
        unit: Its unit.
        note: What it is of.
    """

    name: str
    value: float
    form: str = ".2f"
    unit: str = ""
    note: str = ""


class NoiseLevel(BaseModel):
    r"""How well clean images are explained from their noisy versions.

    Attributes:
        scale: Standard deviation of the noise, on data from -1 to 1.
        log_likelihood: :math:`\log p(x \mid z)` of the clean image, mean over images, nats.
        std: Its standard deviation over images.
        quantiles: Its quantiles over images, at 5, 25, 50, 75 and 95 %.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)

    scale: float
    log_likelihood: float
    std: float
    quantiles: list[float]


class Evaluation(Heldout):
    r"""Everything that was measured of a trained run: the content of `evaluation.json`.

    Means over held-out images in nats per image, pixels in [0, 1], unless it is said otherwise.
    The bound and its parts are those of :class:`~pyro_seatbelt.evaluation.Heldout`, from one draw
    per image, or from more of fewer than 512 images.

    Attributes:
        step: Step of the checkpoint.
        seed: Seed of the draws.
        num_aggregate: Training images at most that disentanglement is measured on.
        versions: Of the packages that decide the numbers.
        fingerprint: SHA-256 of the data.
        parts_of: Which images the mutual information, total correlation and dimension-wise KL of
            the top layer are of, with the exact aggregate posterior of these: the held-out ones,
            or `num_aggregate` training images in the files of earlier versions, where the three
            do not add up to the held-out KL.
        iwae: Importance-weighted bound of `iwae_samples` draws, a lower bound too that grows with
            their number. Its gap to the ELBO is measured on at most 128 of the images.
        iwae_samples: Draws per image.
        precision: Arithmetic that all of it was measured in.
        mse: Mean squared error of reconstructions through posterior means.
        ms_ssim: Multi-scale structural similarity of these, three scales at 64x64.
        l2: Euclidean distance of these.
        weight_norm: L2 norm of the weights, without biases and normalisation: `encoder`, the
            guide's image encoder with the linear map to its first posterior, and `decoder`.
        noise: What Gaussian noise does, the clean images first.
        disentanglement: `mig`, `dci_disentanglement`, `dci_completeness`, `dci_informativeness`
            and `sap` of the top layer on training images; None without known factors.
        mig: Mutual information gap by layer; None without known factors.
    """

    model_config = ConfigDict(allow_inf_nan=False)

    step: int
    seed: int
    num_aggregate: int
    versions: Mapping[str, str]
    fingerprint: str
    parts_of: Literal["held-out images", "training images"] = "training images"
    iwae: float
    iwae_samples: int
    precision: Literal["float32", "float64"] = "float32"
    mse: float
    ms_ssim: float
    l2: float
    weight_norm: dict[str, float]
    noise: list[NoiseLevel]
    disentanglement: dict[str, float] | None
    mig: dict[str, float] | None

    @property
    def quantities(self) -> list[Quantity]:
        """The numbers that stand alone, in the order of terminal and page."""
        nats, made = "nats per image", "of reconstructions"
        return [
            Quantity("ELBO", self.elbo, unit=nats),
            Quantity(f"bound of {self.iwae_samples} draws (IWAE)", self.iwae, unit=nats),
            Quantity("log p(x | z)", self.log_likelihood, unit=nats),
            Quantity("mean squared error", self.mse, ".5f", "pixels in [0, 1]", made),
            Quantity("L2 distance", self.l2, ".3f", "pixels in [0, 1]", made),
            Quantity("MS-SSIM", self.ms_ssim, ".4f", note=f"{made}, 1 is perfect"),
            *(
                Quantity(f"weights of the {name}, L2", norm)
                for name, norm in self.weight_norm.items()
            ),
        ]

    @property
    def scores(self) -> list[Quantity]:
        """The scores of disentanglement; none without known factors."""
        found = self.disentanglement or {}
        return [Quantity(SCORES.get(name, name), score, ".3f") for name, score in found.items()]

    @property
    def parts_warning(self) -> str:
        """Says so where the images are too few for the parts of the top layer's KL."""
        count = self.num_images if self.parts_of == "held-out images" else self.num_aggregate
        return saturation_warning(self.mutual_information, count)

    def answers(self, options: EvaluateOptions, record: RunRecord, step: int | None) -> bool:
        """Tells whether this is what some options ask for.

        Args:
            options: The options.
            record: What the run says of itself.
            step: Step of the run's newest checkpoint.
        """
        found = (
            self.step, self.fingerprint, self.seed, self.num_images, self.num_aggregate,
            self.iwae_samples, self.precision, tuple(level.scale for level in self.noise),
        )  # fmt: skip
        wanted = (
            step, record.fingerprint, options.seed,
            *options.counts(record.num_heldout, record.num_train),
            options.iwae_samples, options.precision, options.scales,
        )  # fmt: skip
        return found == wanted


class EvaluationFolder:
    """Paths in the folder of an evaluation.

    Args:
        path: The folder, `evaluation` in the folder of a run.

    Example:
        >>> EvaluationFolder(Path("runs/first/evaluation")).numbers.name
        'evaluation.json'
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def numbers(self) -> Path:
        """The numbers."""
        return self.path / "evaluation.json"

    @property
    def tree(self) -> Path:
        """Draws and numbers per image, for ArviZ."""
        return self.path / "evaluation.nc"

    @property
    def figures(self) -> Path:
        """Folder of the figures."""
        return self.path / "figures"


def read_evaluation(folder: Path) -> Evaluation | None:
    """Reads the evaluation of a run.

    Args:
        folder: The folder of the run.

    Returns:
        Its numbers, or None if it has not been evaluated.

    Raises:
        InputError: If the file is damaged.
    """
    path = EvaluationFolder(RunFolder(folder).evaluation).numbers
    return read_record(path, Evaluation, remedy=f"remove {path.parent} and evaluate again")
