import logging
import time

import pytest
import torch

from pyro_seatbelt import presets
from pyro_seatbelt.data import ResidentImages
from pyro_seatbelt.runs.heldout import HeldoutNumbers


@pytest.mark.parametrize(
    ("trained", "took", "said"),
    [
        pytest.param(2.0, 9.0, 1, id="longer than training"),
        pytest.param(10.0, 9.0, 0, id="shorter"),
        pytest.param(0.1, 3.0, 0, id="of seconds"),
    ],
)
def test_an_evaluation_that_takes_longer_than_training_is_named_once(
    trained, took, said, monkeypatch, caplog
):
    clock = iter([0.0, *(c for n in range(3) for c in ((n + 1) * trained + n * took,
                                                       (n + 1) * (trained + took)))])  # fmt: skip
    family = presets.build("vae", network="mlp", image_shape=(1, 8, 8), num_data=8)
    images = ResidentImages(torch.zeros(8, 1, 8, 8, dtype=torch.uint8))
    with monkeypatch.context() as patch, caplog.at_level(logging.WARNING):
        patch.setattr(time, "monotonic", lambda: next(clock))
        evaluate = HeldoutNumbers(family, images, torch.arange(8), seed=0)
        found = [evaluate() for _ in range(3)]
    assert [each["num_images"] for each in found] == [8, 8, 8]
    messages = [record.getMessage() for record in caplog.records]
    assert len(messages) == said
    assert all("took 9 s, the training before it 2 s: a larger --eval-every" in m for m in messages)
