"""A Pyro model and guide from two functions of tensors: any encoder and any decoder."""

from collections.abc import Callable, Sequence
from typing import Any, Literal, get_args

import pyro
import pyro.distributions as dist
import torch
from pyro.nn import PyroModule
from torch import Tensor, nn
from torch.distributions import Distribution, Independent, Normal

from pyro_seatbelt.errors import InputError
from pyro_seatbelt.models.likelihoods import DEFAULT_SCALE
from pyro_seatbelt.traces.evaluation_mode import evaluation_mode
from pyro_seatbelt.traces.reachable import reachable_modules

Spread = Literal["scale", "log_scale", "log_variance"]
"""What the second of an encoder's two tensors is."""

Likelihood = float | Callable[[Tensor], Distribution]
"""The scale of Gaussian pixels around the mean image, or what makes their distribution of it."""


class ModuleGuide(PyroModule):
    r"""The posterior :math:`q(z \mid x)` that an encoder gives.

    Args:
        encode: Maps images :math:`(B, *)` to a mean and a spread, each :math:`(B, *)`, or to a
            distribution of that shape. Modules that it reaches are parts of the guide.
        spread: What the second tensor is; not needed with a distribution.
        num_data: Size N of the data set that a batch stands for; by default the batch is all.
        latent: Name of the latent site.
        plate: Name of the plate over images.
    """

    def __init__(
        self,
        encode: Callable[[Tensor], Any],
        *,
        spread: Spread | None = None,
        num_data: int | None = None,
        latent: str = "z",
        plate: str = "data",
    ) -> None:
        # a PyroModule runs only under the setting that it was made with; this one under both
        with pyro.settings.context(module_local_params=True):
            super().__init__()
        self.reached = nn.ModuleList(reachable_modules(encode))
        # a module in a tuple is registered once, in `reached`
        self._encode = (encode,)
        self.spread = spread
        self.num_data = num_data
        self.latent = latent
        self.plate = plate

    def forward(self, x: Tensor) -> Tensor:
        """Draws the latents of images.

        Args:
            x: The images, shape :math:`(B, *)`.

        Returns:
            A draw, shape :math:`(B, *)`.
        """
        with pyro.plate(self.plate, self.num_data or len(x), subsample=x):
            z: Tensor = pyro.sample(self.latent, self.posterior(x))
        return z

    def posterior(self, x: Tensor) -> dist.Independent:
        """What the encoder says of images.

        Args:
            x: The images, shape :math:`(B, *)`.

        Returns:
            Of batch shape :math:`(B,)`.

        Raises:
            InputError: When the encoder gives no distribution of a vector per image.
        """
        found = self._encode[0](x)
        if not isinstance(found, Distribution):
            found = Normal(*_loc_and_scale(found, self.spread), validate_args=False)
        shape = found.batch_shape + found.event_shape
        if len(shape) < 2 or shape[0] != len(x):
            raise InputError(
                f"expected posteriors of shape ({len(x)}, *) from the encoder of {len(x)} images, "
                f"got {tuple(shape)}"
            )
        return _per_row(found, len(shape) - 1)


class ModuleModel(PyroModule):
    r"""A standard normal prior and the likelihood :math:`p(x \mid z)` that a decoder gives.

    Args:
        decode: Maps latents :math:`(B, *)` to mean images, or what `likelihood` makes a
            distribution of, or to a distribution over images. Modules that it reaches are parts of
            the model.
        guide: Knows the shape of the latents of an image.
        likelihood: The scale of Gaussian pixels, or a function from what is decoded to a
            distribution; not used where a distribution is decoded.
        latent_shape: Shape of the latents of an image; by default what the guide says of images.
        image: Name of the site of the image.
    """

    def __init__(
        self,
        decode: Callable[[Tensor], Any],
        guide: ModuleGuide,
        *,
        likelihood: Likelihood = DEFAULT_SCALE,
        latent_shape: Sequence[int] | None = None,
        image: str = "x",
    ) -> None:
        with pyro.settings.context(module_local_params=True):
            super().__init__()
        made = () if isinstance(likelihood, int | float) else (likelihood,)
        self.reached = nn.ModuleList(reachable_modules(decode, *made))
        self._decode = (decode,)
        self._guide = (guide,)
        self._likelihood = (likelihood,)
        self._shapes: dict[torch.Size, tuple[int, ...]] = {}
        self.latent_shape = None if latent_shape is None else tuple(latent_shape)
        self.image = image
        # on a buffer, so that .to() moves the prior's dtype and device
        self.register_buffer("zero", torch.zeros(()), persistent=False)

    def forward(self, x: Tensor | None = None, *, num_images: int = 1) -> Tensor:
        """Runs the generative program.

        Args:
            x: Observed images, shape :math:`(B, *)`; without them images are drawn.
            num_images: How many images to draw when `x` is None.

        Returns:
            The images: `x`, or a draw.
        """
        [guide] = self._guide
        shape = self._latent_shape(x)
        size = num_images if x is None else guide.num_data or len(x)
        with pyro.plate(guide.plate, size, subsample=x):
            like = self.zero if x is None else x
            prior = dist.Normal(like.new_zeros(shape), 1.0).to_event(len(shape))
            z = pyro.sample(guide.latent, prior)
            fn = self.images(z, len(shape), None if x is None else x.shape[1:])
            seen = None if x is None else x.reshape(len(x), *fn.event_shape)
            image: Tensor = pyro.sample(self.image, fn, obs=seen)
        return image

    def images(self, z: Tensor, rank: int, image_shape: torch.Size | None) -> dist.Independent:
        """What the decoder says of latents.

        Args:
            z: Latents, shape :math:`(*, B, *)`.
            rank: Dimensions of the latents of an image.
            image_shape: Shape of an image, if it is known.

        Returns:
            Of batch shape :math:`(*, B)`.

        Raises:
            InputError: When it is of images of another size.
        """
        lead = z.shape[: z.ndim - rank]
        found = self._decode[0](z.reshape(-1, *z.shape[len(lead) :]) if len(lead) > 1 else z)
        if not isinstance(found, Distribution):
            mean = found.reshape(*lead, *(image_shape or found.shape[1:]))
            [likelihood] = self._likelihood
            if isinstance(likelihood, int | float):
                found = Normal(mean, likelihood, validate_args=False)
            else:
                found = likelihood(mean)
        shape = found.batch_shape + found.event_shape
        fn = _per_row(found, len(shape) - len(lead))
        if image_shape is not None and fn.event_shape.numel() != image_shape.numel():
            raise InputError(
                f"expected images of shape {tuple(image_shape)} from the decoder, got "
                f"{tuple(fn.event_shape)}"
            )
        return fn

    def _latent_shape(self, x: Tensor | None) -> tuple[int, ...]:
        if self.latent_shape is not None:
            return self.latent_shape
        if x is None:
            raise InputError(
                "drawing images needs the shape of the latents: give latent_shape= to from_modules"
            )
        if x.shape[1:] not in self._shapes:
            [guide] = self._guide
            with evaluation_mode(guide):
                self._shapes[x.shape[1:]] = tuple(guide.posterior(x[:1]).event_shape)
        return self._shapes[x.shape[1:]]


def from_modules(
    encode: Callable[[Tensor], Any],
    decode: Callable[[Tensor], Any],
    *,
    spread: Spread | None = None,
    likelihood: Likelihood = DEFAULT_SCALE,
    num_data: int | None = None,
    latent_shape: Sequence[int] | None = None,
    latent: str = "z",
    image: str = "x",
    plate: str = "data",
) -> tuple[ModuleModel, ModuleGuide]:
    r"""Makes a Pyro pair of an encoder and a decoder, with a standard normal prior.

    The modules stay as they are and share their weights with the pair: training the pair trains
    them. Whatever takes a model and a guide takes this one: attacks, bounds, defences, measures.

    Args:
        encode: A module or a function from images :math:`(B, *)` to a mean and a spread, or to a
            :class:`torch.distributions.Distribution` of shape :math:`(B, *)`.
        decode: A module or a function from latents to mean images, or to a distribution over
            images.
        spread: What the second of the encoder's two tensors is: a standard deviation (`scale`),
            its logarithm (`log_scale`) or that of its square (`log_variance`).
        likelihood: For a decoder of mean images the scale of Gaussian pixels, in their units; or a
            function from what is decoded to a distribution, such as
            ``lambda p: Bernoulli(p)`` or ``Likelihood("bernoulli")``, which takes logits.
        num_data: Size N of the data set that a batch stands for, which training needs; by default
            the batch is all there is, as attacks have it.
        latent_shape: Shape of the latents of an image, for drawing images from the prior; else the
            encoder is asked, once for every shape of images.
        latent: Name of the latent site.
        image: Name of the site of the image.
        plate: Name of the plate over images.

    Returns:
        The model and the guide.

    Raises:
        InputError: For an unknown spread or a likelihood scale that is not positive; as the pair
            runs, when encoder or decoder give something else than is said here.

    Example:
        >>> from pyro_seatbelt.attacks import Attack, LatentKL
        >>> encoder, decoder = nn.Linear(16, 6), nn.Linear(3, 16)
        >>> model, guide = from_modules(
        ...     lambda x: encoder(x).chunk(2, -1), decoder, spread="log_variance"
        ... )
        >>> x, target = torch.rand(2, 4, 16)
        >>> Attack(LatentKL(), weights=[0.0])(model, guide, x, target).distance.shape
        torch.Size([4])
    """
    if spread is not None and spread not in get_args(Spread):
        raise InputError(f"expected spread {_among()}, got {spread!r}")
    if isinstance(likelihood, int | float) and not 0 < likelihood < float("inf"):
        raise InputError(f"expected a likelihood scale > 0, got {likelihood}")
    guide = ModuleGuide(encode, spread=spread, num_data=num_data, latent=latent, plate=plate)
    model = ModuleModel(
        decode, guide, likelihood=likelihood, latent_shape=latent_shape, image=image
    )
    return model, guide


def _loc_and_scale(found: Any, spread: Spread | None) -> tuple[Tensor, Tensor]:
    """Reads a mean and a scale from what an encoder gave."""
    if not isinstance(found, tuple | list) or len(found) != 2:
        what = f"{len(found)} things" if isinstance(found, tuple | list) else type(found).__name__
        raise InputError(
            "expected a mean and a spread, or a torch.distributions.Distribution, from the encoder,"
            f" got {what}: wrap it in a function that returns one of them"
        )
    loc, second = found
    if spread is None:
        raise InputError(
            f"the encoder gives two tensors: say what the second is with spread={_among()}"
        )
    if spread == "scale":
        return loc, second
    return loc, (second if spread == "log_scale" else second / 2).exp()


def _per_row(fn: Distribution, rank: int) -> dist.Independent:
    """Declares the last dimensions of a distribution as one value of a row, as Pyro needs it."""
    while isinstance(fn, Independent):
        fn = fn.base_dist
    per_row: dist.Independent = dist.Independent(fn, rank - len(fn.event_shape))
    return per_row


def _among() -> str:
    return " or ".join(map(repr, get_args(Spread)))
