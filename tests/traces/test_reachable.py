from functools import partial

import pytest
from pyro import poutine
from torch import nn

from pyro_seatbelt.traces.evaluation_mode import evaluation_mode
from pyro_seatbelt.traces.frozen_noise import FrozenNoise, frozen_noise
from pyro_seatbelt.traces.reachable import reachable_modules

GLOBAL = nn.Linear(1, 1)


def of_global(x):
    return [GLOBAL(each) for each in (lambda: x, x)]


def of_function(x):
    return of_global(x)


def of_default(x, net=GLOBAL):
    return net(x)


class Callable:
    def __init__(self, net):
        self.net = net

    def __call__(self, x):
        return self.net(x)

    def program(self, x):
        return self.net(x)


@pytest.mark.parametrize(
    "program",
    [
        GLOBAL,
        GLOBAL.forward,
        of_global,
        of_function,
        of_default,
        lambda x: 2 * GLOBAL(x),
        partial(of_default, 1),
        partial(lambda x, net: net(2 * x), net=GLOBAL),
        Callable(GLOBAL),
        Callable(GLOBAL).program,
        Callable([{"net": GLOBAL}]),
        poutine.scale(of_global, 0.5),
        frozen_noise(poutine.mask(of_global, True), FrozenNoise([0]), [0]),
    ],
)
def test_a_module_is_found_and_put_into_eval_mode(program):
    assert reachable_modules(program) == [GLOBAL]
    with evaluation_mode(program):
        assert not GLOBAL.training
    assert GLOBAL.training


def test_each_is_found_once_and_what_calls_itself_ends():
    one, other = nn.Linear(1, 1), nn.Linear(1, 1)

    def program(x):
        return program(other(one(x)))

    assert set(reachable_modules(program, None, program, one)) == {one, other}
    assert len(reachable_modules(program, one)) == 2


def test_a_name_that_is_not_bound_yet_is_passed_over():
    def program(x):
        return later(x)

    assert reachable_modules(program) == []
    later = nn.Linear(1, 1)
    assert reachable_modules(program) == [later]


def test_what_a_function_does_not_name_is_not_found():
    assert reachable_modules(lambda x: x, len, print) == []
