"""Looking out for steps that broke, without waiting for the device at each."""

import torch
from torch import Tensor


class Watch:
    """Tells whether every step so far could be believed, and which was the first that could not.

    On the CPU a step is looked at before it is taken. Elsewhere that would be a wait for the device
    in every step: there a flag on the device goes up with the first broken step and stays up, and
    the optimiser takes no step under it (`found_inf`, which the fused ones of torch heed). Whenever
    it is read, the weights are those before the step that broke.

    Args:
        optimizer: The optimiser.
        after: How many steps have been taken.
        device: Where the flag is; None looks at once.

    Example:
        >>> optimizer = torch.optim.SGD([torch.nn.Parameter(torch.ones(1))], lr=1.0, fused=True)
        >>> watch = Watch(optimizer, after=10, device=torch.device("cpu"))
        >>> [watch.see(torch.tensor(sound)) for sound in (True, True, False, True)]
        [True, True, True, True]
        >>> watch.first_broken()
        13
    """

    def __init__(
        self, optimizer: torch.optim.Optimizer, *, after: int, device: torch.device | None
    ) -> None:
        self._after = after
        self._broken: int | None = None
        self._flag: Tensor | None = None
        if device is not None:
            self._flag = torch.zeros((), device=device)
            self._good = torch.zeros((), dtype=torch.int64, device=device)
            optimizer.found_inf = self._flag  # type: ignore[attr-defined]

    @property
    def waits(self) -> bool:
        """Whether every step is looked at before it is taken."""
        return self._flag is None

    def see(self, sound: Tensor) -> bool:
        """Takes note of a step.

        Args:
            sound: Whether it can be believed, a boolean scalar on the device.

        Returns:
            Whether to take it; true where that is not known yet.
        """
        if self._flag is None:
            if sound:
                self._after += 1
            elif self._broken is None:
                self._broken = self._after + 1
            return self._broken is None
        self._flag.copy_(torch.maximum(self._flag, (~sound).to(self._flag)))
        self._good.add_(1 - self._flag.to(self._good))
        return True

    def first_broken(self) -> int | None:
        """The number of the first step that broke; None if none has. Waits for the device."""
        if self._flag is None:
            return self._broken
        broken, good = torch.stack([self._flag.to(self._good), self._good]).tolist()
        return self._after + good + 1 if broken else None


def watch_for(optimizer: torch.optim.Optimizer, device: torch.device, *, after: int) -> Watch:
    """The watch of an optimiser: by a flag on CUDA where it heeds one, else at once.

    Args:
        optimizer: The optimiser.
        device: Where it is.
        after: How many steps have been taken.

    Example:
        >>> optimizer = torch.optim.Adam([torch.nn.Parameter(torch.ones(1))], fused=True)
        >>> watch_for(optimizer, torch.device("cpu"), after=0).waits
        True
    """
    heeds = all(group.get("fused") for group in optimizer.param_groups)
    return Watch(optimizer, after=after, device=device if device.type == "cuda" and heeds else None)
