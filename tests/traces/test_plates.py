import pyro
import pyro.distributions as dist
import pytest
import torch
from pyro import poutine

from pyro_seatbelt.errors import InputError
from pyro_seatbelt.traces.plates import (
    DataPlate,
    batch_plate,
    data_plate,
    draws_first,
    find_plate,
    plate_nesting,
    rows_first,
)


def grouped(x):
    """Three groups an image, in a plate left of the images, and one number for all of them."""
    pyro.sample("shared", dist.Normal(0.0, 1.0))
    with pyro.plate("images", 60, subsample=x), pyro.plate("groups", 3, dim=-3):
        pyro.sample("z", dist.Normal(torch.zeros(7), 1.0).to_event(1))


def trace(program, size):
    return poutine.trace(program).get_trace(torch.rand(size, 4))


def test_a_site_tells_its_plate_and_a_value_its_dimension():
    site = trace(grouped, 5).nodes["z"]
    assert site["value"].shape == (3, 1, 5, 7)
    plate = data_plate(site, "images")
    assert plate == DataPlate(dim=-1, axis=2, size=5, num_data=60)
    assert site["value"].shape[plate.axis] == 5
    assert find_plate(site, "groups").axis == 0
    assert find_plate(site, "data") is None
    assert find_plate(site, "data", "images") == plate


def test_a_site_outside_is_named_with_its_plates():
    sites = trace(grouped, 5).nodes
    with pytest.raises(InputError, match=r"site 'z' is not inside .* 'data' \(its plates: .*'imag"):
        data_plate(sites["z"], "data")
    with pytest.raises(InputError, match=r"site 'shared' is not inside .*'images' \(.*: none\)"):
        data_plate(sites["shared"], "images")


def test_a_sequential_plate_has_no_dimension():
    def program(x):
        for i in pyro.plate("data", len(x)):
            pyro.sample(f"z{i}", dist.Normal(x[i], 1.0).to_event(1))

    assert find_plate(trace(program, 3).nodes["z2"], "data") is None
    with pytest.raises(InputError, match=r"plate of the model .*found 0 \(plates: none\)"):
        batch_plate("model", trace(program, 2), trace(program, 3))


def test_the_plate_over_images_is_the_one_whose_size_follows():
    # the groups have three elements whatever the images
    assert batch_plate("guide", trace(grouped, 2), trace(grouped, 3)) == "images"

    def twice(x):
        with pyro.plate("images", len(x), dim=-1), pyro.plate("others", len(x), dim=-2):
            pyro.sample("z", dist.Normal(0.0, 1.0))

    with pytest.raises(InputError, match=r"found 2 \(plates: '.*', '.*'\)"):
        batch_plate("guide", trace(twice, 2), trace(twice, 3))


def test_nesting_is_that_of_the_deepest_site():
    assert plate_nesting(trace(grouped, 5)) == 3
    assert plate_nesting(trace(lambda x: pyro.sample("a", dist.Normal(0.0, 1.0)), 5)) == 0


def test_rows_and_draws_come_first_one_element_at_a_time():
    value = torch.rand(4, 2, 5, 3)  # draws, groups, images, dimensions
    rows = rows_first(value, 2)
    drawn = draws_first(value, 0, 2)
    assert torch.equal(draws_first(value, -4, -2), drawn)
    for i in range(5):
        assert torch.equal(rows[i], value[:, :, i].flatten())
        for k in range(4):
            assert torch.equal(drawn[k, i], value[k, :, i].flatten())
    assert torch.equal(draws_first(value, None, 2), rows[None])
