"""Both implementations of L-BFGS-B are held to one contract."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy.optimize import minimize, rosen, rosen_der

from pyro_seatbelt.attacks import LBFGSB, minimise
from pyro_seatbelt.errors import InputError

BACKENDS = ["scipy", "torch"]
PROBLEMS, DIM = 6, 10


def rosenbrock(x, problems):
    x = x.clone().requires_grad_()
    steep = (20.0 * (problems + 1)).to(x)[:, None]
    values = (steep * (x[:, 1:] - x[:, :-1] ** 2) ** 2 + (1 - x[:, :-1]) ** 2).sum(1)
    return values.detach(), torch.autograd.grad(values.sum(), x)[0]


def quadratics(seed=0):
    generator = torch.Generator().manual_seed(seed)
    root = torch.randn(PROBLEMS, DIM, DIM, generator=generator, dtype=torch.float64)
    matrix = root @ root.mT / DIM + 0.05 * torch.eye(DIM, dtype=torch.float64)
    offset = 3 * torch.randn(PROBLEMS, DIM, generator=generator, dtype=torch.float64)

    def function(x, problems):
        product = torch.einsum("nij,nj->ni", matrix[problems].to(x), x)
        own = offset[problems].to(x)
        return 0.5 * (x * product).sum(1) - (own * x).sum(1), product - own

    return function


CASES = {
    # the upper bounds cut off the minimum (1, ..., 1) in some variables
    "rosenbrock": (rosenbrock, -1.0, torch.linspace(0.4, 2.0, DIM, dtype=torch.float64)),
    "quadratic": (quadratics(), -0.5, torch.full((DIM,), 0.5, dtype=torch.float64)),
}


def one_by_one(function, x0, lower, upper, settings):
    results = []
    for row in range(len(x0)):

        def single(v, row=row):
            values, gradients = function(torch.from_numpy(v.copy())[None], torch.tensor([row]))
            return values.item(), gradients[0].numpy()

        results.append(
            minimize(
                single,
                x0[row].numpy(),
                jac=True,
                method="L-BFGS-B",
                bounds=list(zip(lower.tolist(), upper.tolist(), strict=True)),
                options={
                    "maxcor": settings.memory,
                    "ftol": settings.factr * np.finfo(float).eps,
                    "gtol": settings.gtol,
                    "maxiter": settings.max_iterations,
                },
            )
        )
    return results


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("backend", BACKENDS)
def test_reaches_what_scipy_reaches_one_by_one(backend, case):
    function, low, upper = CASES[case]
    lower = torch.full_like(upper, low)
    x0 = torch.zeros(PROBLEMS, DIM, dtype=torch.float64)
    settings = LBFGSB(backend=backend, max_iterations=500)
    expected = one_by_one(function, x0, lower, upper, settings)
    found = minimise(function, x0, lower, upper, settings)
    for row, reference in enumerate(expected):
        if case == "quadratic":  # convex: one minimum
            assert found.value[row].item() == pytest.approx(reference.fun, rel=1e-7, abs=1e-9)
            np.testing.assert_allclose(found.x[row], reference.x, atol=1e-4)
        else:
            assert found.value[row].item() <= reference.fun * 1.01 + 1e-9
    assert bool(((found.x == upper) | (found.x == lower)).any(1).all()), "no bound is active"
    assert bool(((found.x <= upper) & (found.x >= lower)).all())
    assert bool((found.gradient_norm <= 1e-4).all())
    assert set(found.stop) <= {"gradient", "value", "line-search"}


def test_lockstep_makes_the_very_steps_of_scipy():
    # row by row arithmetic: nothing depends on who shares the batch, so the paths are the same
    def function(x, problems):
        rows = x.numpy()
        values = torch.tensor([rosen(row) for row in rows], dtype=torch.float64)
        return values, torch.from_numpy(np.stack([rosen_der(row) for row in rows]))

    x0 = torch.rand(5, DIM, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    upper = torch.full((DIM,), 0.9, dtype=torch.float64)
    settings = LBFGSB(backend="scipy", max_iterations=200)
    found = minimise(function, x0, -upper, upper, settings)
    for row, reference in enumerate(one_by_one(function, x0, -upper, upper, settings)):
        np.testing.assert_array_equal(found.x[row], reference.x)
        assert found.value[row] == reference.fun
        assert found.iterations[row] == reference.nit
        assert found.evaluations[row] == reference.nfev


@pytest.mark.parametrize("backend", BACKENDS)
def test_problem_that_turns_nan_is_retired_and_its_neighbours_go_on(backend):
    plain = quadratics()

    def function(x, problems):
        values, gradients = plain(x, problems)
        # problem 2 breaks once it has moved, problem 4 at once
        broken = (problems == 2) & (x.abs().amax(1) > 0) | (problems == 4)
        gradients = torch.where(broken[:, None], torch.nan, gradients)
        return torch.where(broken, torch.nan, values), gradients

    x0 = torch.zeros(PROBLEMS, DIM, dtype=torch.float64)
    bound = torch.tensor(0.5, dtype=torch.float64)
    settings = LBFGSB(backend=backend)
    clean = minimise(plain, x0, -bound, bound, settings)
    found = minimise(function, x0, -bound, bound, settings)
    assert [row for row, reason in enumerate(found.stop) if reason == "nan"] == [2, 4]
    assert found.value[2] == 0
    assert found.value[4].isnan()
    assert torch.equal(found.x[[2, 4]], x0[[2, 4]])
    others = [0, 1, 3, 5]
    torch.testing.assert_close(found.x[others], clean.x[others], rtol=0, atol=1e-6)


@pytest.mark.parametrize("backend", BACKENDS)
def test_caps_are_kept_and_named(backend):
    x0 = torch.zeros(PROBLEMS, DIM, dtype=torch.float64)
    bound = torch.tensor(2.0, dtype=torch.float64)
    few = minimise(rosenbrock, x0, -bound, bound, LBFGSB(backend=backend, max_iterations=3))
    assert few.stop == ("iterations",) * PROBLEMS
    assert few.iterations.tolist() == [3] * PROBLEMS
    settings = LBFGSB(backend=backend, max_evaluations=5)
    short = minimise(rosenbrock, x0, -bound, bound, settings)
    assert short.stop == ("evaluations",) * PROBLEMS


@pytest.mark.parametrize("backend", BACKENDS)
def test_stationary_start_stops_at_once(backend):
    x0 = torch.full((2, 3), 1.0, dtype=torch.float64)
    lower, upper = torch.tensor([1.0, 1, 1]), torch.tensor([2.0, 2, 2])
    found = minimise(
        lambda x, problems: ((x**2).sum(1), 2 * x), x0, lower, upper, LBFGSB(backend=backend)
    )
    assert found.stop == ("gradient", "gradient")
    assert found.evaluations.tolist() == [1, 1]


@pytest.mark.parametrize("backend", BACKENDS)
def test_finished_problems_leave_the_batch(backend):
    seen, advances = [], []

    def function(x, problems):
        seen.append(problems.tolist())
        return rosenbrock(x, problems)

    x0 = torch.full((PROBLEMS, DIM), 1.0, dtype=torch.float64)
    x0[1:3] = 0  # the others start at the minimum
    bound = torch.tensor(2.0, dtype=torch.float64)
    found = minimise(
        function,
        x0,
        -bound,
        bound,
        LBFGSB(backend=backend),
        progress=lambda *each: advances.append(each),
    )
    assert seen[0] == list(range(PROBLEMS))
    assert all(set(rows) <= {1, 2} for rows in seen[1:])
    assert found.evaluations.tolist() == [
        sum(row in rows for rows in seen) for row in range(PROBLEMS)
    ]
    assert advances[-1] == ("problems", PROBLEMS, PROBLEMS, {"round": len(seen)})
    assert all(a[1] <= b[1] for a, b in pairwise(advances))


@pytest.mark.parametrize("backend", BACKENDS)
def test_error_in_the_function_comes_through(backend):
    def broken(x, problems):
        raise RuntimeError("the network failed")

    x0 = torch.zeros(2, 2, dtype=torch.float64)
    with pytest.raises(RuntimeError, match="the network failed"):
        minimise(broken, x0, x0 - 1, x0 + 1, LBFGSB(backend=backend))


@pytest.mark.parametrize("backend", BACKENDS)
def test_wrong_shapes_are_named(backend):
    x0 = torch.zeros(2, 2, dtype=torch.float64)
    settings = LBFGSB(backend=backend)
    with pytest.raises(ValueError, match=r"values of shape \(2,\)"):
        minimise(lambda x, problems: (x, x), x0, x0 - 1, x0 + 1, settings)
    with pytest.raises(ValueError, match="problem 1 has a lower bound above"):
        minimise(rosenbrock, x0, torch.tensor([[0.0], [3.0]]), torch.tensor(1.0), settings)
    with pytest.raises(ValueError, match=r"shape \(problems, dimensions\), got \(2,\)"):
        minimise(rosenbrock, x0[0], x0 - 1, x0 + 1, settings)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"memory": 0}, "memory >= 1, got 0"),
        ({"factr": -1.0}, "factr >= 0"),
        ({"gtol": float("nan")}, "gtol >= 0"),
        ({"backend": "jax"}, "'auto', 'scipy' or 'torch', got 'jax'"),
    ],
)
def test_settings_out_of_range(settings, message):
    with pytest.raises(InputError, match=message):
        LBFGSB(**settings)


def test_torch_version_works_in_float32():
    x0 = torch.zeros(PROBLEMS, DIM)
    found = minimise(quadratics(), x0, x0 - 0.5, x0 + 0.5, LBFGSB(backend="torch"))
    exact = minimise(
        quadratics(), x0.double(), x0.double() - 0.5, x0.double() + 0.5, LBFGSB(backend="scipy")
    )
    assert found.x.dtype == torch.float32
    torch.testing.assert_close(found.x.double(), exact.x, rtol=0, atol=1e-3)
