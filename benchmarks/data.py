"""Batches from a resident set, beside a torch DataLoader over the same images."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import torch
import typer
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, RandomSampler

from benchmarks.paired import compared, in_turns
from benchmarks.result import Result
from pyro_seatbelt.data import ImageSource, MappedImages, ResidentImages, load_dataset, to_pixels


@dataclass(frozen=True)
class OneByOne(Dataset[Tensor]):
    """The images as a torch dataset."""

    pixels: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.pixels)

    def __getitem__(self, index: int) -> Tensor:
        return torch.from_numpy(self.pixels[index]).float().div_(255)


def data(
    batch_size: int = 256,
    num_batches: Annotated[int, typer.Option(help="In a round.")] = 20,
    ids: Annotated[int, typer.Option(help="How many chairs.")] = 150,
    workers: int = 2,
    rounds: int = 10,
    device: str = "cuda" if torch.cuda.is_available() else "cpu",
) -> Result:
    """Time batches of images beside a torch DataLoader.

    Everybody shuffles the same drawn chairs and hands out float pixels in [0, 1] on the device.
    The loaders take one image at a time, as is usual: in this process, or in workers that stay
    alive between rounds.
    """
    place = torch.device(device)
    images = load_dataset("synth-chairs", ids=ids).images
    pixels = images.gather(torch.arange(len(images))).numpy()

    def loader(workers: int) -> DataLoader[Tensor]:
        data = OneByOne(pixels)
        return DataLoader(
            data,
            batch_size,
            sampler=RandomSampler(data, num_samples=batch_size * num_batches),
            num_workers=workers,
            persistent_workers=workers > 0,
            pin_memory=place.type == "cuda",
        )

    def consume(batches: Callable[[], Iterator[Tensor]]) -> Callable[[], object]:
        def run() -> None:
            for batch in batches():
                assert batch.to(place, non_blocking=True).dtype == torch.float32
            if place.type == "cuda":
                torch.cuda.synchronize(place)

        return run

    def source(images: ImageSource) -> Callable[[], object]:
        return consume(lambda: _from_source(images, batch_size, num_batches))

    here, beside = loader(0), loader(workers)
    rivals = {
        "DataLoader": consume(lambda: iter(here)),
        f"DataLoader, {workers} workers": consume(lambda: iter(beside)),
        "mapped": source(MappedImages(pixels, device=place)),
        "resident": source(ResidentImages(pixels, device=place)),
    }
    return Result(
        title=f"{num_batches} batches of {batch_size} images",
        rows=compared(in_turns(rivals, rounds=rounds), base="DataLoader"),
        settings={"rounds": rounds, "threads": torch.get_num_threads(), "device": device},
    )


def _from_source(images: ImageSource, batch_size: int, num_batches: int) -> Iterator[Tensor]:
    """Gathers batches as the training loop does."""
    for _ in range(num_batches):
        indices = torch.randint(len(images), (batch_size,), device=images.device)
        yield to_pixels(images.gather(indices))
