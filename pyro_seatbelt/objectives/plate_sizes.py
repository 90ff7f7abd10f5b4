"""What the plates over images say of the size of the data set."""

import warnings

from pyro.poutine import Trace

from pyro_seatbelt.errors import InputError
from pyro_seatbelt.traces.plates import find_plate
from pyro_seatbelt.traces.sites import sample_sites


class PlateSizes:
    """Looks at the plates of one objective's traces as they come.

    A plate as large as its batch may stand for all of the data, or for a batch of it by mistake:
    that is pointed at, once, when the batch changes.
    """

    def __init__(self) -> None:
        self._whole: int | None = None  # size of a plate that its batch filled; -1 once said

    def check(self, model_trace: Trace, guide_trace: Trace, latent: str, plate: str) -> None:
        """Raises on plates that stand for two data sets, before Pyro does on their shapes.

        Args:
            model_trace: Trace of the model.
            guide_trace: Trace of the guide.
            latent: A latent site inside the plate.
            plate: Name of the plate.

        Raises:
            InputError: When model and guide stand for data sets of two sizes.
        """
        sites = [sample_sites(trace).get(latent) for trace in (model_trace, guide_trace)]
        p, q = (None if site is None else find_plate(site, plate) for site in sites)
        if p is not None and q is not None and p.num_data != q.num_data:
            raise InputError(
                f"plate '{plate}': the guide's stands for {q.num_data} images and the "
                f"model's for {p.num_data}: give both the same num_data"
            )
        if q is None or q.size != q.num_data:
            return
        if self._whole not in (None, -1, q.size):
            warnings.warn(
                f"plate '{plate}': the data set's size N is {self._whole} and then {q.size}, "
                "as large as the batch each time, and N counts in the decomposition: if these are "
                f"batches of one data set, write pyro.plate('{plate}', num_data, subsample=x)",
                stacklevel=2,
            )
            self._whole = -1
        elif self._whole is None:
            self._whole = q.size
