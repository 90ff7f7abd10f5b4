import pyro
import pyro.distributions as dist
import pytest
import torch

from pyro_seatbelt import presets
from pyro_seatbelt.data import ResidentImages
from pyro_seatbelt.evaluation import encode
from pyro_seatbelt.evaluation.encodings import in_pieces, rows_of


def test_posteriors_are_kept_image_by_image():
    pair = presets.build("dlgm", layers=2, network="mlp", image_shape=(1, 8, 8), num_data=99)
    images = ResidentImages(torch.randint(0, 256, (30, 1, 8, 8), dtype=torch.uint8))
    whole = encode(pair.guide, images, torch.arange(30), batch_size=7)
    some = encode(pair.guide, images, torch.tensor([4, 9]))
    chosen = rows_of(whole["z1"].posterior, torch.tensor([4, 9]))
    torch.testing.assert_close(chosen.loc, some["z1"].posterior.loc)
    assert whole["z2"].draws.shape == (30, 10)


def test_pieces_are_the_whole():
    whole = dist.Normal(torch.randn(2500, 3), 1.0)
    pieces = in_pieces(whole)
    assert [len(piece.loc) for piece in pieces] == [1024, 1024, 452]
    torch.testing.assert_close(torch.cat([piece.loc for piece in pieces]), whole.loc)


def test_messages():
    images = ResidentImages(torch.zeros(5, 1, 1, 1, dtype=torch.uint8))
    with pytest.raises(ValueError, match="at least one image to encode, got none"):
        encode(lambda x: None, images, torch.arange(0))

    def crowded(x):
        with pyro.plate("data", 5, subsample=x), pyro.plate("more", 3):
            pyro.sample("z", dist.Normal(torch.zeros(2), 1.0).to_event(1))

    with pytest.raises(NotImplementedError, match="expected one vector per image"):
        encode(crowded, images, torch.arange(5))

    def transformed(x):
        with pyro.plate("data", 5, subsample=x):
            pyro.sample("z", dist.LogNormal(torch.zeros(len(x), 2), 1.0).to_event(1))

    encode(transformed, images, torch.arange(5))
    with pytest.raises(NotImplementedError, match="family of plain parameters"):
        rows_of(
            dist.TransformedDistribution(
                dist.Normal(torch.zeros(5, 2), 1.0), dist.transforms.ExpTransform()
            ),
            torch.arange(3),
        )
