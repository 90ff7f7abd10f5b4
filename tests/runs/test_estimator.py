import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from pyro_seatbelt.data import ResidentImages
from pyro_seatbelt.errors import InputError
from pyro_seatbelt.evaluation import evaluate_heldout, reconstruct
from pyro_seatbelt.runs import defend_run, load_run
from pyro_seatbelt.traces.posteriors import posterior_means


@pytest.fixture(scope="module")
def run(attackable):
    return load_run(attackable)


@pytest.fixture(scope="module")
def grey():
    return np.random.default_rng(0).integers(0, 256, (300, 1, 64, 64), dtype=np.uint8)


def test_latents_are_posterior_means_in_batches(run, grey):
    z = run.transform(grey)
    means = posterior_means(run.guide, torch.from_numpy(grey / 255).float())
    assert (z.shape, z.dtype) == ((300, 4), np.float32)
    np.testing.assert_allclose(z, np.hstack([means["z1"], means["z2"]]), rtol=1e-4, atol=1e-5)
    for same in (grey / 255, grey[:, 0], grey.reshape(300, -1), (grey / 255).astype(np.float32)):
        np.testing.assert_allclose(run.transform(same), z, rtol=1e-4, atol=1e-5)


def test_images_of_their_latents_are_reconstructions(run, grey):
    made = run.inverse_transform(run.transform(grey))
    expected = reconstruct(run.model, run.guide, torch.from_numpy(grey / 255).float())
    assert made.dtype == np.float32
    np.testing.assert_allclose(made, expected, rtol=1e-4, atol=1e-5)
    moved = run.transform(grey[:1]) + np.eye(4)
    assert len({image.tobytes() for image in run.inverse_transform(moved)}) == 4


def test_the_score_is_the_elbo_of_the_evaluation(run, grey):
    images = ResidentImages(torch.from_numpy(grey))
    heldout = evaluate_heldout(run.model, run.guide, images, torch.arange(300), latent="z2")
    assert run.score(grey) == pytest.approx(heldout.elbo, rel=1e-6)
    assert run.score(grey, seed=1) != run.score(grey)
    some = [run.score(grey[:2], num_draws=1, seed=seed) for seed in range(200)]
    error = np.std(some) / np.sqrt(200)
    assert abs(run.score(grey[:2], num_draws=500) - np.mean(some)) < 5 * error


def test_it_is_a_step_of_a_pipeline(run, grey):
    labels = (grey[:40].mean((1, 2, 3)) > grey[:40].mean()).astype(int)
    before = torch.get_rng_state()
    pipeline = make_pipeline(FunctionTransformer(run.transform), LogisticRegression())
    assert pipeline.fit(grey[:40], labels).predict(grey[:3]).shape == (3,)
    assert torch.equal(before, torch.get_rng_state())


def test_a_defended_run_has_the_score_of_its_guide(attackable, run, grey, tmp_path):
    defended = load_run(defend_run(attackable, {"mcmc_steps": 1}, out=tmp_path / "defended"))
    assert defended.score(grey[:4]) == run.score(grey[:4])
    assert defended.transform(grey[:4]).shape == (4, 4)
    assert not np.allclose(defended.transform(grey[:4]), run.transform(grey[:4]))


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (np.zeros((2, 64, 64, 1)), r"shape \(n, 4096\) or \(n, 64, 64\) or \(n, 1, 64, 64\), got"),
        (np.zeros((0, 4096)), r"got \(0, 4096\)"),
        (np.full((2, 4096), 1.5), r"pixels in \[0, 1\].*got \[1.5, 1.5\] of float64"),
        (np.full((2, 4096), np.nan), "images as an array of finite numbers"),
        (7, "images as an array of finite numbers"),
        ([["a"]], "images as an array of numbers: could not convert"),
    ],
)
def test_what_are_no_images_of_the_run(run, images, message):
    for method in (run.transform, run.score):
        with pytest.raises(InputError, match=message):
            method(images)


def test_what_are_no_latents_or_draws(run, grey):
    with pytest.raises(InputError, match=r"shape \(n, 4\), got \(2, 3\): z1, z2 side by side"):
        run.inverse_transform(np.zeros((2, 3)))
    with pytest.raises(InputError, match="num_draws >= 1, got 0"):
        run.score(grey, num_draws=0)
