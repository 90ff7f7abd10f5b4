"""A trained pair as ONNX graphs, for programs that have neither torch nor Pyro."""

from pathlib import Path
from typing import Any, NamedTuple

import pyro
import torch
from pyro import poutine
from torch import Tensor, nn

from pyro_seatbelt.files import make_folder, write_atomically, writing
from pyro_seatbelt.guides import BottomUp, TopDown
from pyro_seatbelt.lazy import needed
from pyro_seatbelt.models import Hierarchy, ImageShape
from pyro_seatbelt.traces.at_mean import at_mean
from pyro_seatbelt.traces.evaluation_mode import evaluation_mode


class Exported(NamedTuple):
    """The graphs of a pair.

    Attributes:
        encoder: From `x`, pixels in [0, 1] of shape `(n, C, H, W)`, to `z1_mean`, `z1_scale`, ...:
            `(n, D_i)` each, with every layer given the means of the others.
        decoder: From `z`, all layers side by side, the lowest first, `(n, D)`, to `mean`, the mean
            images `(n, C, H, W)`.
    """

    encoder: Path
    decoder: Path


class _Encoder(nn.Module):
    def __init__(self, guide: BottomUp | TopDown) -> None:
        super().__init__()
        self.guide = guide

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        nodes: Any = poutine.trace(at_mean(self.guide)).get_trace(x).nodes
        posteriors = [nodes[name]["fn"] for name in self.guide.latents]
        return tuple(part for fn in posteriors for part in (fn.mean, fn.stddev))


class _Decoder(nn.Module):
    def __init__(self, model: Hierarchy, lengths: list[int], image_shape: ImageShape) -> None:
        super().__init__()
        self.model, self.lengths, self.image_shape = model, lengths, image_shape

    def forward(self, z: Tensor) -> Tensor:
        data = dict(zip(self.model.latents, z.split(self.lengths, 1), strict=True))
        program = poutine.condition(self.model, data=data)
        # images of any content give the plate its size; len() would fix it
        images = z.new_zeros(z.shape[0], *self.image_shape)
        nodes: Any = poutine.trace(program).get_trace(images).nodes
        mean: Tensor = nodes[self.model.image]["fn"].mean
        return mean


def export_onnx(
    model: Hierarchy, guide: BottomUp | TopDown, image_shape: ImageShape, folder: Path
) -> Exported:
    """Writes `encoder.onnx` and `decoder.onnx`, for batches of any size.

    Args:
        model: The model.
        guide: The guide, without a defence at inference.
        image_shape: Channels, height and width.
        folder: Where they go; it is made if it is not there.

    Returns:
        The two files.

    Raises:
        InputError: When they cannot be written.
        ModuleNotFoundError: When what torch exports with is not installed.
    """
    x = torch.full((2, *image_shape), 0.5).to(next(guide.parameters()))
    with evaluation_mode(model, guide, seed=0), pyro.validation_enabled(False):
        encoder = _Encoder(guide)
        lengths = [part.shape[1] for part in encoder(x)[::2]]
        decoder = _Decoder(model, lengths, image_shape)
        names = [f"{name}_{part}" for name in guide.latents for part in ("mean", "scale")]
        graphs = {
            "encoder.onnx": _graph(encoder, x, "x", names),
            "decoder.onnx": _graph(decoder, x.new_zeros(2, sum(lengths)), "z", ["mean"]),
        }
    with writing(folder):
        make_folder(folder)
    for name, content in graphs.items():
        write_atomically(folder / name, content)
    return Exported(*(folder / name for name in graphs))


def _graph(network: nn.Module, example: Tensor, name: str, outputs: list[str]) -> bytes:
    with needed("torch.onnx", extra="onnx"):
        program: Any = torch.onnx.export(
            network.eval(),
            (example,),
            dynamo=True,
            dynamic_shapes=({0: torch.export.Dim("n")},),
            input_names=[name],
            output_names=outputs,
            verbose=False,
        )
    content: bytes = program.model_proto.SerializeToString()
    return content
