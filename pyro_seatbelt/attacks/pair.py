"""A model and a guide, read through their traces."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import pyro
import torch
from pyro import poutine
from pyro.poutine import Trace
from torch import Tensor

from pyro_seatbelt.attacks.latent_draws import LatentDraws
from pyro_seatbelt.attacks.modes import Layers
from pyro_seatbelt.errors import InputError
from pyro_seatbelt.traces.at_mean import at_mean
from pyro_seatbelt.traces.evaluation_mode import evaluation_mode
from pyro_seatbelt.traces.frozen_noise import FrozenNoise, frozen_noise
from pyro_seatbelt.traces.generators import kept_generators
from pyro_seatbelt.traces.log_prob import per_row, weigh
from pyro_seatbelt.traces.plates import batch_plate, data_plate, find_plate
from pyro_seatbelt.traces.posteriors import Posterior, read_posterior
from pyro_seatbelt.traces.programs import Program
from pyro_seatbelt.traces.reconstruction import mean_image
from pyro_seatbelt.traces.sites import Site, describe, sample_sites

_RECONSTRUCTION_SEED = 1 << 32


@dataclass(frozen=True)
class Pair:
    """A model and a guide whose posteriors an attack can read.

    Attributes:
        guide: The guide.
        model: The model, if there is one.
        plate: Name of the guide's plate over the batch.
        model_plate: Name of the model's.
        latents: Every latent site, base layer first where the model tells the order.
        layers: The sites that the attack looks at.
        context: Further arguments of guide and model, a row for each image or problem that the
            pair is run on.
        target_context: Those of the targets.
    """

    guide: Program
    model: Program | None
    plate: str
    model_plate: str
    latents: tuple[str, ...]
    layers: tuple[str, ...]
    context: tuple[Tensor, ...] = ()
    target_context: tuple[Tensor, ...] = ()

    def of_rows(self, rows: Tensor) -> "Pair":
        """The pair with the context of some of its images, by index."""
        if not self.context:
            return self
        some, aims = (tuple(each[rows] for each in c) for c in (self.context, self.target_context))
        return replace(self, context=some, target_context=aims)

    def of_targets(self) -> "Pair":
        """The pair with the targets' context for its own."""
        return replace(self, context=self.target_context) if self.context else self

    def beside(self, draws: LatentDraws, problems: Tensor) -> tuple[Tensor, ...]:
        """The context of some problems, once per draw."""
        return tuple(draws.repeat(each[problems]) for each in self.context)

    def trace_guide(self, x: Tensor, draws: LatentDraws, problems: Tensor) -> Trace:
        """Runs the guide on the images of some problems, once per draw.

        Args:
            x: Images, shape `(n * K, *image)`.
            draws: The draws.
            problems: Which problems they are, shape `(n,)`.

        Raises:
            InputError: When a site is to be at its mean and has none.
        """
        if draws.noise is not None:
            program = frozen_noise(self.guide, draws.noise, draws.rows(problems), plate=self.plate)
            return poutine.trace(program).get_trace(x, *self.beside(draws, problems))
        try:
            return poutine.trace(at_mean(self.guide)).get_trace(x, *self.beside(draws, problems))
        except NotImplementedError as error:
            reason = str(error).partition(";")[0]
            raise InputError(f"noise='mean': {reason}: use noise='frozen', which draws") from error

    def posteriors(self, trace: Trace) -> dict[str, Posterior]:
        """The posteriors of the attacked layers."""
        return {site: self.posterior(trace, site) for site in self.layers}

    def posterior(self, trace: Trace, site: str) -> Posterior:
        """The distribution at one site.

        Raises:
            InputError: When the site is not inside the plate over the batch.
        """
        node = sample_sites(trace)[site]
        return read_posterior(site, node["fn"], node["value"], self.axis(node))

    def is_of_images(self, node: Site) -> bool:
        """Whether a site has a value for each image: all images share a global latent's."""
        return find_plate(node, self.plate, self.model_plate) is not None

    def reconstruct(self, x: Tensor) -> Tensor:
        """The mean images with every layer at its mean, without gradients.

        A layer without a mean (a flow, a label) is drawn instead, with noise that all images
        share and that no search has seen: the images that are compared differ in nothing else.

        Args:
            x: Images, shape `(n, *image)`, to which the context belongs.

        Returns:
            Of the same shape.
        """
        assert self.model is not None
        noise, rows = FrozenNoise([0], seed=_RECONSTRUCTION_SEED), [0] * len(x)
        guide = frozen_noise(at_mean(self.guide, strict=False), noise, rows, plate=self.plate)
        with evaluation_mode(self.model, self.guide):
            return mean_image(self.model, guide, x, *self.context)

    def axis(self, node: Site) -> int:
        """The dimension of a site's values that runs over the batch."""
        return data_plate(node, self.plate, self.model_plate).axis

    def log_prob(self, node: Site) -> Tensor:
        """Log-density of a site's value for each row, in nats: `(n,)` (see :func:`per_row`)."""
        return per_row(node, self.plate, self.model_plate)

    def weigh(self, node: Site, terms: Tensor) -> Tensor:
        """Applies a site's scale and mask to terms in its batch shape: `(n,)`."""
        return weigh(node, terms, self.plate, self.model_plate)


def read_pair(
    model: Program | None,
    guide: Program,
    x: Tensor,
    layers: Layers = "all",
    *,
    of_bound: bool = False,
    context: Sequence[Tensor] = (),
    target_context: Sequence[Tensor] | None = None,
) -> Pair:
    """Looks at a model and a guide before an attack.

    The pair is run on two images and on three: the plate whose size follows is the plate over
    the batch.

    Args:
        model: The model; it tells the order of the layers.
        guide: The guide.
        x: Images, at least one, shape `(n, *image)`.
        layers: `all` of them, the `top` (which the model samples first), the `base` (which it
            samples last), or the names of some.
        of_bound: Whether the attack reads the bound of the whole pair and not the layers'
            posteriors: then layers without gradients or outside the plate may be among them.
        context: Further arguments of both, a row for each image.
        target_context: Those of the targets; by default those of the images.

    Returns:
        What an attack needs to know.

    Raises:
        InputError: When the guide cannot take the images, has no plate over the batch, has no
            such layers, or holds something at one of them that an attack cannot use.
    """
    three = torch.arange(3, device=x.device) % len(x)
    beside = (context, context if target_context is None else target_context)
    context, aims = (check_context(each, x) for each in beside)
    sample = [each[three] for each in (x, *context)]
    # an image on which the networks fail is retired by the attack: it is no reason to refuse
    with kept_generators(x.device), pyro.validation_enabled(False):
        traces = [_run(guide, [each[:size] for each in sample], "guide") for size in (2, 3)]
        nodes = sample_sites(traces[-1])
        latents = [name for name, node in nodes.items() if not node["is_observed"]]
        for name in latents:
            if isinstance(layers, str) or name in layers:
                _refuse_delta(name, nodes[name])
        plate = model_plate = batch_plate("guide", *traces)
        if model is not None:
            runs = [
                _run(poutine.replay(model, trace=trace), [s[:size] for s in sample], "model")
                for size, trace in zip((2, 3), traces, strict=True)
            ]
            latents = _base_first(runs[-1], latents)
            model_plate = batch_plate("model", *runs)
    pair = Pair(guide, model, plate, model_plate, tuple(latents), (), context, aims)
    pair = replace(pair, layers=_choose(layers, pair.latents, ordered=model is not None))
    usable = [s for s in pair.layers if nodes[s]["fn"].has_rsample and pair.is_of_images(nodes[s])]
    if not (of_bound and usable):
        for site in pair.layers:
            _check_site(pair, site, nodes[site], usable)
    return pair


def check_context(context: Sequence[Any], x: Tensor) -> tuple[Tensor, ...]:
    """Finds out whether context belongs to images.

    Args:
        context: Further arguments of a model and a guide, a row for each image.
        x: The images, shape `(n, *image)`.

    Raises:
        InputError: When something is no tensor or has another number of rows.
    """
    for each in context:
        if not isinstance(each, Tensor) or each.ndim == 0 or len(each) != len(x):
            shape = tuple(each.shape) if isinstance(each, Tensor) else type(each).__name__
            raise InputError(
                f"context: expected tensors with a row for each of {len(x)} images, got {shape}"
            )
    return tuple(context)


def _run(program: Program, rows: Sequence[Tensor], kind: str) -> Trace:
    x, *context = rows
    try:
        return poutine.trace(program).get_trace(x, *context)
    except (RuntimeError, ValueError, IndexError, TypeError) as error:
        first = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise InputError(
            f"the {kind} cannot run on {len(x)} images of shape {tuple(x.shape[1:])}: {first}"
        ) from error


def _base_first(model_trace: Trace, latents: list[str]) -> list[str]:
    """Orders the layers from the image upwards: a model samples its top layer first."""
    own = [name for name, node in sample_sites(model_trace).items() if not node["is_observed"]]
    missing = [name for name in own if name not in latents]
    if missing:
        raise InputError(
            f"model site '{missing[0]}' has no posterior: the guide's sites are "
            f"{', '.join(latents) or 'none'}; sample it in the guide"
        )
    return [*reversed(own), *(name for name in latents if name not in own)]


def _choose(layers: Layers, latents: tuple[str, ...], *, ordered: bool) -> tuple[str, ...]:
    if not latents:
        raise InputError("the guide has no latent site: there is nothing to attack")
    if layers == "all":
        return latents
    if isinstance(layers, str) and layers in ("top", "base"):
        if not ordered:
            raise InputError(
                f"layers='{layers}' needs the model, which tells the order of the layers: pass "
                "the model, or name the sites"
            )
        return (latents[-1] if layers == "top" else latents[0],)
    names = [layers] if isinstance(layers, str) else list(layers)
    for name in names:
        if name not in latents:
            raise InputError(
                f"the guide has no latent site '{name}': choose among {', '.join(latents)}, or "
                "all, top, base"
            )
    if not names:
        raise InputError("expected one layer or more, got none")
    return tuple(dict.fromkeys(names))


def _refuse_delta(name: str, node: Site) -> None:
    if "Delta" in describe(node["fn"]):
        raise InputError(
            f"site '{name}' holds a Delta, as autoguides such as AutoNormal put there: it is no "
            "posterior of an image; write a guide whose networks read x and sample "
            f"pyro.sample('{name}', dist.Normal(loc, scale).to_event(1))"
        )


def _check_site(pair: Pair, name: str, node: Site, usable: list[str]) -> None:
    others = f"attack the other layers with layers={usable}, or " if usable else ""
    if not node["fn"].has_rsample:
        raise InputError(
            f"site '{name}': {describe(node['fn'])} has no rsample, so no gradient reaches the "
            f"image; {others}use a reparameterised distribution"
        )
    if usable and not pair.is_of_images(node):
        raise InputError(
            f"site '{name}' is not inside a vectorised plate '{pair.plate}', so all images share "
            f"its value: {others}sample it inside the plate"
        )
    pair.axis(node)
