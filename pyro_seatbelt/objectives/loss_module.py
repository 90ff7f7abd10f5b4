"""The loss of a pair as a module for torch's optimizers."""

from collections.abc import Iterator

from pyro.infer.elbo import ELBOModule
from torch import nn

from pyro_seatbelt.errors import InputError


class LossModule(ELBOModule):
    """Pyro's loss module, which says so where model and guide leave it without parameters.

    Called with the arguments of model and guide it computes the loss.
    """

    def parameters(self, recurse: bool = True) -> Iterator[nn.Parameter]:
        """The parameters of model and guide.

        Args:
            recurse: Whether those of the modules inside count, too.

        Raises:
            InputError: When neither model nor guide is a module.
        """
        if recurse and not any(isinstance(each, nn.Module) for each in (self.model, self.guide)):
            raise InputError(
                "model and guide are functions, so elbo(model, guide) has no parameters: give the "
                "optimizer those of the modules that they use, or make model and guide PyroModules"
            )
        return super().parameters(recurse)
