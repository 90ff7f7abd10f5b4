r"""Hamiltonian Monte Carlo behind a guide: draws that an attack on the guide alone does not steer.

References:
    | Alleviating Adversarial Attacks on Variational Autoencoders with MCMC (Kuzina et al., 2022)
    | https://arxiv.org/abs/2203.09940
    | MCMC using Hamiltonian dynamics (Neal, 2011)
    | https://arxiv.org/abs/1206.1901
"""

from collections.abc import Mapping
from typing import Any

import pyro
import torch
from pyro import poutine
from pyro.poutine.messenger import Messenger
from pyro.poutine.util import site_is_subsample
from torch import Tensor, nn
from torch.distributions import Distribution, Independent, constraints

from pyro_seatbelt.traces.at_mean import at_mean
from pyro_seatbelt.traces.inner_draws import inner_draw, standard_normal, standard_uniform
from pyro_seatbelt.traces.log_prob import per_row
from pyro_seatbelt.traces.plates import data_plate, rows_first
from pyro_seatbelt.traces.programs import Program
from pyro_seatbelt.traces.sites import describe, sample_sites

Values = dict[str, Tensor]
"""Values of the latent sites by name."""


class RefinedGuide(nn.Module):
    r"""A guide whose draws go through a few steps of a chain that leaves the posterior invariant.

    The chain starts at a draw from :math:`q(z \mid x)` (at its mean under
    :func:`~pyro_seatbelt.traces.at_mean.at_mean`) and moves all layers jointly by Hamiltonian
    steps on :math:`\log p(x, z_1 \dots z_L)`. The values of the sites are its end, so that
    whatever decodes them - reconstructions, coverage, the output attack - sees the chain, and
    gradients reach the image through all of it: leapfrog steps are differentiated twice, and
    an acceptance with the random numbers given passes the gradient of the branch that it took.

    The end of a chain has no density in closed form. The distributions at the sites stay those of
    the guide, given the start: latent attacks and latent figures are of q. For bounds use
    :attr:`plain`: the bound with these values would be none.

    Momenta have the standard deviations 1 / s, where s is that of the guide with every layer at its
    mean, so that the step size is in units of the posterior and the mass does not depend on
    the state, which invariance needs.

    Args:
        guide: The guide, with continuous unbounded latents inside the plate.
        model: The model, which observes images and has the same latents. It is no submodule of this
            one: whoever moves or evaluates a pair does that to both.
        num_steps: Steps of the chain.
        step_size: Size of a leapfrog step, in posterior standard deviations.
        num_leapfrog: Leapfrog steps in each step of the chain.
        plate: Name of the plate over images.

    Raises:
        ValueError: If a number is out of bounds.

    Example:
        >>> from pyro_seatbelt import presets
        >>> family = presets.build("vae", network="mlp", image_shape=(1, 8, 8), num_data=100)
        >>> guide = RefinedGuide(family.guide, family.model, num_steps=2)
        >>> trace = poutine.trace(guide).get_trace(torch.rand(5, 1, 8, 8))
        >>> trace.nodes["z1"]["value"].shape
        torch.Size([5, 10])
    """

    def __init__(
        self,
        guide: Program,
        model: Program,
        num_steps: int,
        *,
        step_size: float = 0.25,
        num_leapfrog: int = 1,
        plate: str = "data",
    ) -> None:
        super().__init__()
        for name, least in (("num_steps", num_steps), ("num_leapfrog", num_leapfrog)):
            if least < 1:
                raise ValueError(f"expected {name} >= 1, got {least}")
        if not step_size > 0:
            raise ValueError(f"expected step_size > 0, got {step_size}")
        self.plain = guide
        self._model = (model,)  # a tuple, or else torch would register it
        self.num_steps = num_steps
        self.step_size = step_size
        self.num_leapfrog = num_leapfrog
        self.plate = plate

    def forward(self, x: Tensor) -> Any:
        """Draws every latent of images, refined.

        Args:
            x: Pixels in [0, 1], shape `(n, *image)`.

        Returns:
            What the guide returns.

        Raises:
            InputError: When a latent is not inside the plate.
            NotImplementedError: When a latent is discrete or bounded.
        """
        tracked = torch.is_grad_enabled()
        with _Start(self.plate) as start:
            self.plain(x)
        scales = {name: fn.stddev for name, fn in start.fns.items()}
        if len(scales) > 1:  # an upper layer's scale would depend on the state at which it begins
            with _Start(self.plate) as middle:
                at_mean(self.plain)(x)
            scales = {name: fn.stddev for name, fn in middle.fns.items()}
        # validation would raise where a proposal is not a number, which is rejected instead
        with torch.enable_grad(), pyro.validation_enabled(False):
            end = self._chain(x, start, scales, tracked=tracked)
        with torch.no_grad(), _Sites(end, start.fns):
            return self.plain(x)

    def _chain(self, x: Tensor, start: "_Start", scales: Values, *, tracked: bool) -> Values:
        z = start.values
        if not tracked:
            z = {name: value.requires_grad_() for name, value in z.items()}
        force, log_p = self._force(x, z, tracked=tracked)
        for step in range(self.num_steps):
            momenta = {
                name: inner_draw(
                    f"{name}/momentum{step}", standard_normal(value), axis=start.axes[name]
                )
                for name, value in z.items()
            }  # in units of 1 / scale
            new, new_force, new_log_p, speed = z, force, log_p, momenta
            for _ in range(self.num_leapfrog):
                speed = _kick(speed, new_force, scales, self.step_size / 2)
                new = {
                    name: value + self.step_size * scales[name] * speed[name]
                    for name, value in new.items()
                }
                new_force, new_log_p = self._force(x, new, tracked=tracked)
                speed = _kick(speed, new_force, scales, self.step_size / 2)
            before = log_p - _kinetic(momenta, start.axes)
            after = new_log_p - _kinetic(speed, start.axes)
            uniform = inner_draw(f"accept{step}", standard_uniform(log_p))
            accepted = uniform.log() < (after - before).detach()  # not a number: rejected
            z = _choose(accepted, new, z, start.axes)
            force = _choose(accepted, new_force, force, start.axes)
            log_p = torch.where(accepted, new_log_p, log_p)
        return z if tracked else {name: value.detach() for name, value in z.items()}

    def _force(self, x: Tensor, z: Values, *, tracked: bool) -> tuple[Values, Tensor]:
        """The gradient of log p(x, z) in z, and log p(x, z) for each row, in nats."""
        if tracked:  # a start at a constant has no graph of its own
            z = {
                name: value if value.requires_grad else value.requires_grad_()
                for name, value in z.items()
            }
        with poutine.block(), poutine.trace() as traced, _Sites(z, {}):
            self._model[0](x)
        sites = sample_sites(traced.trace).values()
        log_p = torch.stack([per_row(site, self.plate) for site in sites]).sum(0)
        slopes = torch.autograd.grad(log_p.sum(), list(z.values()), create_graph=tracked)
        return dict(zip(z, slopes, strict=True)), log_p


class _Start(Messenger):
    """Draws the latents of a guide as inner draws, hidden from every trace outside."""

    def __init__(self, plate: str) -> None:
        super().__init__()
        self.plate = plate
        self.values: Values = {}
        self.fns: dict[str, Distribution] = {}
        self.axes: dict[str, int] = {}

    def _pyro_sample(self, msg: Any) -> None:
        if site_is_subsample(msg) or msg["is_observed"]:
            msg["stop"] = True
            return
        name, fn = msg["name"], msg["fn"]
        _check_unbounded(name, fn)
        self.axes[name] = data_plate(msg, self.plate).axis
        if not msg["done"]:
            msg["value"] = inner_draw(name, fn, axis=self.axes[name], central=True)
        self.fns[name], self.values[name] = fn, msg["value"]
        msg["done"] = msg["stop"] = True


class _Sites(Messenger):
    """Gives latent sites values, and distributions where there are some."""

    def __init__(self, values: Values, fns: Mapping[str, Distribution]) -> None:
        super().__init__()
        self.values = values
        self.fns = fns

    def _pyro_sample(self, msg: Any) -> None:
        if msg["name"] in self.values:
            msg["value"] = self.values[msg["name"]]
            msg["fn"] = self.fns.get(msg["name"], msg["fn"])
            msg["done"] = True


def _check_unbounded(name: str, fn: Distribution) -> None:
    base = fn
    while isinstance(base, Independent):
        base = base.base_dist
    if base.support not in (constraints.real, constraints.real_vector):
        raise NotImplementedError(
            f"site '{name}': a chain moves latents over the reals, and {describe(fn)} is discrete "
            "or bounded; use a Normal or another unbounded distribution"
        )


def _kick(speed: Values, force: Values, scales: Values, size: float) -> Values:
    return {name: each + size * scales[name] * force[name] for name, each in speed.items()}


def _kinetic(momenta: Values, axes: Mapping[str, int]) -> Tensor:
    parts = [rows_first(each, axes[name]).square().sum(1) for name, each in momenta.items()]
    return torch.stack(parts).sum(0) / 2


def _choose(accepted: Tensor, new: Values, old: Values, axes: Mapping[str, int]) -> Values:
    return {
        name: torch.where(
            accepted.view([-1 if dim == axes[name] else 1 for dim in range(value.ndim)]),
            value,
            old[name],
        )
        for name, value in new.items()
    }
