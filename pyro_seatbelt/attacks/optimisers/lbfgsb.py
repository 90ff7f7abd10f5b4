"""L-BFGS-B on many problems at once: the settings, and the choice of implementation."""

from dataclasses import asdict, dataclass
from typing import Literal

from torch import Tensor

from pyro_seatbelt.attacks.ball import Ball
from pyro_seatbelt.attacks.optimisers.lockstep import minimise_in_lockstep
from pyro_seatbelt.attacks.optimisers.minimum import Minimum
from pyro_seatbelt.attacks.optimisers.optimiser import BatchedFunction, Optimiser, check_box
from pyro_seatbelt.attacks.optimisers.projected import minimise_projected
from pyro_seatbelt.errors import InputError
from pyro_seatbelt.progress import Progress, silent

Backend = Literal["auto", "scipy", "torch"]


@dataclass(frozen=True, kw_only=True)
class LBFGSB(Optimiser):
    """Settings of L-BFGS-B; the defaults are the paper's, with a cap on the iterations.

    Attributes:
        memory: Number of corrections (`m`).
        factr: Stops when the relative decrease is under this many machine precisions.
        gtol: Stops when the largest component of the projected gradient is under this.
        max_iterations: Cap on the iterations of a problem.
        max_evaluations: Cap on its evaluations, checked between iterations.
        max_line_search: Cap on the evaluations of one line search.
        backend: `scipy` runs SciPy's own optimiser on every problem in lockstep, in float64 on
            the CPU. `torch` is a batched projected L-BFGS that stays on the device. `auto` takes
            `scipy` for problems on the CPU and `torch` for others.

    Raises:
        InputError: For a setting out of range.

    References:
        | A Limited Memory Algorithm for Bound Constrained Optimization (Byrd et al., 1995)

    Example:
        Fewer digits and little memory, for many large images:

        >>> import torch
        >>> quick = LBFGSB(memory=5, factr=1e7, gtol=1e-3, max_evaluations=500, max_line_search=10)
        >>> x0 = torch.tensor([[3.0], [4.0]], dtype=torch.float64)
        >>> def square(x, problems):
        ...     return (x**2).sum(1), 2 * x
        >>> found = quick.minimise(square, x0, torch.tensor(1.0), torch.tensor(5.0))
        >>> found.x.tolist(), found.stop
        ([[1.0], [1.0]], ('gradient', 'gradient'))
    """

    memory: int = 25
    factr: float = 10.0
    gtol: float = 1e-5
    max_iterations: int = 100
    max_evaluations: int = 15_000
    max_line_search: int = 20
    backend: Backend = "auto"

    def __post_init__(self) -> None:
        for name in ("memory", "max_iterations", "max_evaluations", "max_line_search"):
            if getattr(self, name) < 1:
                raise InputError(f"expected {name} >= 1, got {getattr(self, name)}")
        for name in ("factr", "gtol"):
            if not getattr(self, name) >= 0:
                raise InputError(f"expected {name} >= 0, got {getattr(self, name)}")
        if self.backend not in ("auto", "scipy", "torch"):
            raise InputError(f"expected backend 'auto', 'scipy' or 'torch', got {self.backend!r}")

    def minimise(
        self,
        function: BatchedFunction,
        x0: Tensor,
        lower: Tensor,
        upper: Tensor,
        *,
        ball: Ball | None = None,
        seeds: Tensor | None = None,
        progress: Progress = silent,
    ) -> Minimum:
        """Minimises P problems in boxes together (see :class:`Optimiser`)."""
        del seeds  # nothing is drawn
        self.check_ball(ball)
        x0, lower, upper = check_box(x0, lower, upper, ball)
        settings = asdict(self)
        backend = settings.pop("backend")
        in_lockstep = backend == "scipy" or (backend == "auto" and x0.device.type == "cpu")
        search = minimise_in_lockstep if in_lockstep else minimise_projected
        return search(function, x0, lower, upper, **settings, progress=progress)
