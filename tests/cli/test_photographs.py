"""Photographs, as scikit-image ships them, through every command: RGB all the way."""

import json

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import load_file

PHOTOGRAPHS = ("astronaut", "cat", "coffee", "rocket")


@pytest.fixture
def photographs(workplace):
    """Four pieces of each of the photographs."""
    data = pytest.importorskip("skimage.data")
    folder = workplace / "photographs"
    folder.mkdir()
    for name in PHOTOGRAPHS:
        whole = getattr(data, name)()
        half, width = whole.shape[0] // 2, whole.shape[1] // 2
        for number in range(4):
            top, left = half * (number // 2), width * (number % 2)
            piece = whole[top : top + half, left : left + width]
            Image.fromarray(piece).save(folder / f"{name}-{number}.png")
    return folder


@pytest.mark.usefixtures("blank_figures")
def test_photographs_are_learned_attacked_and_measured(seatbelt, photographs, workplace):
    small = (
        "--network",
        "mlp",
        "--hidden",
        "16",
        "--features",
        "16",
        "--layers",
        "2",
        "--latent-dim",
        "2",
    )
    result = seatbelt(
        *("train", "--dataset", "folder", "--data-dir", photographs, *small, "--holdout", "0.25"),
        *("--steps", "2", "--batch-size", "4", "--device", "cpu", "--out", "run"),
    )
    assert result.exit_code == 0, result.output
    assert json.loads((workplace / "run" / "run.json").read_text())["image_shape"] == [3, 64, 64]
    result = seatbelt(
        *("attack", "run", "--pairs", "1", "--lambda", "1", "--max-iterations", "2"),
        *("--mode", "latent", "--mode", "output", "--processes", "1", "--json"),
    )
    assert result.exit_code == 0, result.output
    for report in json.loads(result.stdout):
        [adversarial] = load_file(report["files"]["images"])["adversarial"]
        assert adversarial.shape == (3, 64, 64)
        assert np.ptp(adversarial, axis=0).max() > 0.1  # colours, not greys
    result = seatbelt("evaluate", "run", "--images", "4", "--iwae-samples", "1", "--json")
    assert result.exit_code == 0, result.output
    assert (workplace / "run" / "evaluation" / "figures" / "reconstructions.png").is_file()
    result = seatbelt("report", "run")
    assert result.exit_code == 0, result.output
    assert (workplace / "run" / "report.html").stat().st_size > 10_000
