import numpy as np
import pyro.distributions as dist
import pytest
import torch
import xarray as xr

from pyro_seatbelt.attacks.posterior_draws import overlap, posterior_draws
from pyro_seatbelt.errors import InputError


@pytest.fixture
def batches(pairs):
    return {name: pairs.images(2, seed) for seed, name in enumerate(("x", "x+d", "target"))}


def test_draws_have_the_moments_of_the_posterior(pairs, batches):
    guide = pairs.ChainGuide(layers=1)
    tree = posterior_draws(guide, batches, num_draws=4000)
    guide.eval()
    for name, x in batches.items():
        loc, scale = guide.heads[0](guide.encoder(x)).chunk(2, -1)
        scale = torch.nn.functional.softplus(scale) + 0.1
        draws = tree["posterior"]["z1"].sel(image=name)
        assert draws.dims == ("chain", "draw", "pair", "z1_dim")
        np.testing.assert_allclose(draws.mean("draw")[0], loc.detach(), atol=0.1)
        np.testing.assert_allclose(draws.std("draw")[0], scale.detach(), rtol=0.1)


def test_draws_of_any_family_and_of_chosen_layers(pairs, batches):
    model, guide = pairs.ChainModel(), pairs.ChainGuide(family=dist.Laplace)
    tree = posterior_draws(guide, batches, model=model, layers="top", num_draws=5, pairs=[4, 9])
    assert list(tree["posterior"].data_vars) == ["z2"]
    assert tree["posterior"]["pair"].values.tolist() == [4, 9]
    again = posterior_draws(guide, batches, model=model, layers="top", num_draws=5, pairs=[4, 9])
    xr.testing.assert_equal(tree, again)


def test_netcdf_keeps_it(pairs, batches, tmp_path):
    tree = posterior_draws(pairs.ChainGuide(), batches, num_draws=5)
    tree.to_netcdf(tmp_path / "draws.nc", engine="h5netcdf")
    with xr.open_datatree(tmp_path / "draws.nc", engine="h5netcdf") as read:
        xr.testing.assert_equal(read["posterior"].to_dataset(), tree["posterior"].to_dataset())


@pytest.mark.filterwarnings("default")  # those of plotting libraries are not ours
def test_arviz_plots_it(pairs, batches, monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "Agg")
    import arviz_plots
    from matplotlib import pyplot as plt

    plt.switch_backend("Agg")
    tree = posterior_draws(pairs.ChainGuide(), batches, num_draws=50)
    arviz_plots.plot_forest(tree, coords={"pair": 0}, backend="matplotlib")
    arviz_plots.plot_dist(
        tree,
        var_names=["z1"],
        sample_dims=["draw"],
        coords={"pair": 0, "chain": 0},
        aes={"color": ["image"]},
        cols=["z1_dim"],
        visuals=dict.fromkeys(
            ("credible_interval", "point_estimate", "point_estimate_text"), False
        ),
        backend="matplotlib",
    )
    forest, densities = (plt.figure(number) for number in plt.get_fignums())
    assert forest.axes
    assert sum(len(ax.lines) for ax in densities.axes) >= 3 * 3  # a density an image and dimension
    plt.close("all")


def test_batches_must_be_alike(pairs):
    with pytest.raises(InputError, match="expected batches of images of one shape"):
        posterior_draws(pairs.ChainGuide(), {"x": pairs.images(2, 0), "y": pairs.images(3, 0)})


def test_overlap_of_gaussians():
    rng = np.random.default_rng(0)
    draws = rng.normal(size=(20_000, 2))
    for shift in (0.5, 1.0, 2.0):
        exact = 2 * dist.Normal(0.0, 1.0).cdf(torch.tensor(-shift / 2)).item()
        assert overlap(draws, rng.normal(size=(20_000, 2)) + shift) == pytest.approx(
            exact, abs=0.02
        )
