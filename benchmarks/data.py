"""Batches a second from a resident set, beside a torch DataLoader over the same images.

    python -m benchmarks.data --batch-size 256

Everybody shuffles the same drawn chairs and hands out float pixels in [0, 1] on
the device. The loaders take one image at a time, as is usual: in this process,
or in workers that stay alive between rounds.
"""

import argparse
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, RandomSampler

from benchmarks.paired import in_turns, table
from pyro_seatbelt.data import ImageSource, MappedImages, ResidentImages, load_dataset, to_pixels


@dataclass(frozen=True)
class OneByOne(Dataset[Tensor]):
    """The images as a torch dataset."""

    pixels: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.pixels)

    def __getitem__(self, index: int) -> Tensor:
        return torch.from_numpy(self.pixels[index]).float().div_(255)


def from_source(images: ImageSource, batch_size: int, num_batches: int) -> Iterator[Tensor]:
    """Gathers batches as the training loop does."""
    for _ in range(num_batches):
        indices = torch.randint(len(images), (batch_size,), device=images.device)
        yield to_pixels(images.gather(indices))


def main() -> None:
    """Parses the command line and prints the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--batch-size", type=int, default=256)
    parser.add_argument("--num-batches", type=int, default=20, help="in a round")
    parser.add_argument("--ids", type=int, default=200, help="how many chairs")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    device = torch.device(options.device)
    images = load_dataset("synth-chairs", ids=options.ids).images
    pixels = images.gather(torch.arange(len(images))).numpy()
    resident = ResidentImages(pixels, device=device)
    mapped = MappedImages(pixels, device=device)

    def loader(workers: int) -> DataLoader[Tensor]:
        data = OneByOne(pixels)
        chosen = RandomSampler(data, num_samples=options.batch_size * options.num_batches)
        return DataLoader(
            data,
            options.batch_size,
            sampler=chosen,
            num_workers=workers,
            persistent_workers=workers > 0,
            pin_memory=device.type == "cuda",
        )

    def consume(batches: Callable[[], Iterator[Tensor]]) -> Callable[[], object]:
        def run() -> None:
            for batch in batches():
                assert batch.to(device, non_blocking=True).dtype == torch.float32
            if device.type == "cuda":
                torch.cuda.synchronize(device)

        return run

    def source(images: ImageSource) -> Callable[[], Iterator[Tensor]]:
        return lambda: from_source(images, options.batch_size, options.num_batches)

    here, beside = loader(0), loader(options.workers)
    rivals = {
        "resident": consume(source(resident)),
        "mapped": consume(source(mapped)),
        "DataLoader": consume(lambda: iter(here)),
        f"DataLoader, {options.workers} workers": consume(lambda: iter(beside)),
    }
    seconds = in_turns(rivals, rounds=options.rounds)
    print(
        f"torch {torch.__version__}, {device}, {options.threads} threads, {len(pixels)} images, "
        f"{options.num_batches} batches of {options.batch_size}, {options.rounds} rounds in turns"
    )
    print(table(seconds, base="resident"))
    for name, times in seconds.items():
        print(f"{name}: {options.num_batches / np.median(times):.0f} batches a second")


if __name__ == "__main__":
    main()
