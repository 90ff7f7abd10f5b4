"""One gradient step, in which nothing waits for the device."""

from typing import Any, NamedTuple

from torch import Tensor
from torch.nn.utils import clip_grads_with_norm_, get_total_norm

from pyro_seatbelt.training.divergence import sound
from pyro_seatbelt.training.fabric import Fabric
from pyro_seatbelt.training.watch import Watch


class Taken(NamedTuple):
    """Numbers of a step, on the device.

    Attributes:
        loss: The loss, in nats per image; over several processes their mean.
        norm: The 2-norm of the gradient.
    """

    loss: Tensor
    norm: Tensor


class GradientStep:
    """Takes a step along the gradient of a loss on a batch.

    Args:
        loss: Fabric's wrapper of the loss module.
        optimizer: Fabric's wrapper of the optimiser.
        fabric: The device and its arithmetic.
        num_data: How many images the loss is a sum over.
        clip_norm: Largest 2-norm of the gradient; longer ones are scaled down.
        watch: Looks whether the step can be believed.
    """

    def __init__(
        self,
        loss: Any,
        optimizer: Any,
        fabric: Fabric,
        *,
        num_data: int,
        clip_norm: float | None,
        watch: Watch,
    ) -> None:
        self._loss = loss
        self._optimizer = optimizer
        self._fabric = fabric
        self._num_data = num_data
        self._clip_norm = clip_norm
        self._parameters = list(loss.parameters())
        self._watch = watch

    @property
    def waits(self) -> bool:
        """Whether it waits for the device to see whether it can be taken."""
        return self._watch.waits

    def __call__(self, x: Tensor) -> Taken:
        """Takes the step, if the watch lets it.

        Args:
            x: Pixels, shape `(B, *image)`.
        """
        taken = self.gradients(x)
        if self._watch.see(sound(taken.loss, x) & taken.norm.isfinite()):
            if self._clip_norm is not None:
                clip_grads_with_norm_(self._with_gradients(), self._clip_norm, taken.norm)
            self._optimizer.step()
        return taken

    def gradients(self, x: Tensor) -> Taken:
        """Leaves the gradients of a batch in the parameters."""
        loss = self._loss(x) / self._num_data
        self._optimizer.zero_grad()
        self._fabric.backward(loss)
        norm = get_total_norm([each.grad for each in self._with_gradients()])
        value = loss.detach()
        if self._fabric.world_size > 1:
            value = self._fabric.all_reduce(value, reduce_op="mean")
        return Taken(value, norm)

    def _with_gradients(self) -> list[Any]:
        return [each for each in self._parameters if each.grad is not None]
