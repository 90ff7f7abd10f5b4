"""What people get wrong with the objective, and the one line that says so."""

import warnings

import pyro
import pyro.distributions as dist
import pytest
import torch
from pyro.nn import PyroModule

from pyro_seatbelt import presets
from pyro_seatbelt.errors import InputError
from pyro_seatbelt.objectives import TraceTC_ELBO

X = torch.randn(12, 2, generator=torch.Generator().manual_seed(0))


def model_in(size):
    def model(x):
        with pyro.plate("data", size(x)):
            z = pyro.sample("z", dist.Normal(torch.zeros(2), 1.0).to_event(1))
            pyro.sample("x", dist.Normal(z, 1.0).to_event(1), obs=x[: size(x)])

    return model


def guide_in(size, q=None):
    def guide(x):
        with pyro.plate("data", size(x)):
            q_of = q or (lambda loc: dist.Normal(loc, 1.0))
            pyro.sample("z", q_of(x[: size(x)]).to_event(1))

    return guide


def of_all(x):
    return len(x)


@pytest.mark.parametrize(
    ("arguments", "options", "error", "message"),
    [
        (("z",), {"beta": "4"}, TypeError, "expected beta to be a number, got '4'"),
        (("z",), {"alpha": None}, TypeError, "expected alpha to be a number, got None"),
        ((None,), {}, TypeError, "expected latent to be the name of a site, or .* got None"),
        (("z",), {"plate": 3}, TypeError, "expected plate to be the name of a plate, got 3"),
    ],
)
def test_a_value_of_another_type(arguments, options, error, message):
    with pytest.raises(error, match=message):
        TraceTC_ELBO(*arguments, **options)


@pytest.mark.parametrize("name", ["alpha", "beta", "gamma", "free_bits"])
@pytest.mark.parametrize("value", [-5.0, float("nan"), float("inf")])
def test_a_weight_is_checked_when_it_is_assigned(name, value):
    elbo = TraceTC_ELBO("z")
    before = getattr(elbo, name)
    with pytest.raises(ValueError, match=f"expected {name} >= 0 and finite, got {value}"):
        setattr(elbo, name, value)
    assert getattr(elbo, name) == before
    setattr(elbo, name, 2)
    assert getattr(elbo, name) == 2
    assert not hasattr(TraceTC_ELBO, name)


def test_plates_of_two_sizes():
    elbo = TraceTC_ELBO("z")
    with pytest.raises(InputError, match="guide's stands for 12 images and the model's for 5"):
        elbo.loss(model_in(lambda x: 5), guide_in(of_all), X)


def test_a_plate_as_large_as_its_batch_is_pointed_at_once_when_the_batch_changes():
    elbo = TraceTC_ELBO("z")
    model, guide = model_in(of_all), guide_in(of_all)
    elbo.loss(model, guide, X)  # all data in one batch, as far as anyone can tell
    with pytest.warns(UserWarning, match=r"is 12 and then 7.*pyro.plate\('data', num_data, subs"):
        elbo.loss(model, guide, X[:7])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        elbo.loss(model, guide, X[:5])


def test_a_plate_that_says_how_large_the_data_set_is_is_not_pointed_at():
    family = presets.build("beta-tcvae", network="mlp", image_shape=(1, 8, 8), num_data=20)
    for count in (4, 7, 20):
        family.objective.loss(family.model, family.guide, torch.rand(count, 1, 8, 8))


def test_functions_have_no_parameters_to_optimise():
    loss = TraceTC_ELBO("z")(model_in(of_all), guide_in(of_all))
    assert loss(X).isfinite()
    with pytest.raises(InputError, match=r"are functions, so .* no parameters: give the optimizer"):
        torch.optim.Adam(loss.parameters())


def test_one_module_is_enough():
    class Guide(PyroModule):
        def __init__(self):
            super().__init__()
            self.net = torch.nn.Linear(2, 2)

        def forward(self, x):
            guide_in(of_all)(self.net(x))

    loss = TraceTC_ELBO("z")(model_in(of_all), Guide())
    assert len(list(loss.parameters())) == 2
    loss.zero_grad()


def test_a_family_without_a_closed_form_entropy():
    def flow(loc):
        return dist.TransformedDistribution(
            dist.Normal(loc, 1.0), [dist.transforms.SigmoidTransform()]
        )

    programs = model_in(of_all), guide_in(of_all, flow)
    assert isinstance(TraceTC_ELBO("z").loss(*programs, X), float)
    message = (
        r"site 'z': Independent\(TransformedDistribution, 1\) has no entropy.*analytic_entropy=F"
    )
    for options in ({}, {"free_bits": 0.1}):
        with pytest.raises(NotImplementedError, match=message):
            TraceTC_ELBO("z", analytic_entropy=True, **options).loss(*programs, X)
