"""Both implementations of L-BFGS-B beside SciPy; the contract is in `tests/contracts`."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.optimize import minimize, rosen, rosen_der
from threadpoolctl import threadpool_limits

from pyro_seatbelt.attacks import LBFGSB
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
    found = settings.minimise(function, x0, lower, upper)
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


def rosenbrock_by_rows(x, problems):
    # row by row arithmetic: nothing depends on who shares the batch
    rows = x.numpy()
    values = torch.tensor([rosen(row) for row in rows], dtype=torch.float64)
    return values, torch.from_numpy(np.stack([rosen_der(row) for row in rows]))


def paths(minimise):
    """The points that every problem was asked for, in order."""
    asked = [[] for _ in range(PROBLEMS)]

    def function(x, problems):
        for row, point in zip(problems.tolist(), x, strict=True):
            asked[row].append(point.numpy().copy())
        return rosenbrock_by_rows(x, problems)

    found = minimise(function)
    return [np.stack(each) for each in asked], found


def furthest(one, other):
    """The largest difference of two paths; they may end a step apart."""
    assert abs(len(one) - len(other)) <= 2
    steps = min(len(one), len(other))
    return np.abs(one[:steps] - other[:steps]).max()


def test_lockstep_makes_the_steps_of_scipy():
    """Within rounding: LAPACK's last digits depend on its kernels and on its threads.

    In lockstep it has one thread. SciPy alone has as many as the machine: without AVX-512 its
    triangular solves then round otherwise, and after some steps the points differ by 1e-14.
    """
    x0 = torch.rand(PROBLEMS, DIM, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    upper = torch.full((DIM,), 0.9, dtype=torch.float64)
    settings = LBFGSB(backend="scipy", max_iterations=200)

    def in_lockstep(settings):
        return paths(lambda function: settings.minimise(function, x0, -upper, upper))

    ours, found = in_lockstep(settings)
    theirs, reference = paths(lambda function: one_by_one(function, x0, -upper, upper, settings))
    others, _ = in_lockstep(replace(settings, memory=4))
    for row in range(PROBLEMS):
        assert len(ours[row]) > 15
        assert furthest(ours[row], theirs[row]) < 1e-7
        assert found.value[row].item() == pytest.approx(reference[row].fun, rel=1e-12)
        steps = min(len(ours[row]), len(others[row]))
        assert np.abs(ours[row][:steps] - others[row][:steps]).max() > 1e-4, "any step would do"


@pytest.mark.parametrize("threads", [1, 2])
def test_the_steps_do_not_depend_on_the_threads_of_the_machine(threads):
    x0 = torch.rand(PROBLEMS, DIM, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    upper = torch.full((DIM,), 0.9, dtype=torch.float64)
    settings = LBFGSB(backend="scipy", max_iterations=200)
    with threadpool_limits(1, user_api="blas"):
        alone = one_by_one(rosenbrock_by_rows, x0, -upper, upper, settings)
    with threadpool_limits(threads, user_api="blas"):
        found = settings.minimise(rosenbrock_by_rows, x0, -upper, upper)
    for row, reference in enumerate(alone):
        np.testing.assert_array_equal(found.x[row], reference.x)
        assert found.iterations[row] == reference.nit
        assert found.evaluations[row] == reference.nfev


@pytest.mark.parametrize("backend", BACKENDS)
def test_caps_are_kept_and_named(backend):
    x0 = torch.zeros(PROBLEMS, DIM, dtype=torch.float64)
    bound = torch.tensor(2.0, dtype=torch.float64)
    few = LBFGSB(backend=backend, max_iterations=3).minimise(rosenbrock, x0, -bound, bound)
    assert few.stop == ("iterations",) * PROBLEMS
    assert few.iterations.tolist() == [3] * PROBLEMS
    settings = LBFGSB(backend=backend, max_evaluations=5)
    short = settings.minimise(rosenbrock, x0, -bound, bound)
    assert short.stop == ("evaluations",) * PROBLEMS


@pytest.mark.parametrize("backend", BACKENDS)
def test_stationary_start_stops_at_once(backend):
    x0 = torch.full((2, 3), 1.0, dtype=torch.float64)
    lower, upper = torch.tensor([1.0, 1, 1]), torch.tensor([2.0, 2, 2])
    found = LBFGSB(backend=backend).minimise(
        lambda x, problems: ((x**2).sum(1), 2 * x), x0, lower, upper
    )
    assert found.stop == ("gradient", "gradient")
    assert found.evaluations.tolist() == [1, 1]


@pytest.mark.parametrize("backend", BACKENDS)
def test_finished_problems_leave_the_batch(backend):
    seen, told = [], []

    def function(x, problems):
        seen.append(problems.tolist())
        return rosenbrock(x, problems)

    x0 = torch.full((PROBLEMS, DIM), 1.0, dtype=torch.float64)
    x0[1:3] = 0  # the others start at the minimum
    bound = torch.tensor(2.0, dtype=torch.float64)
    found = LBFGSB(backend=backend).minimise(
        function, x0, -bound, bound, progress=lambda *each: told.append(each)
    )
    assert seen[0] == list(range(PROBLEMS))
    assert all(set(rows) <= {1, 2} for rows in seen[1:])
    assert found.stop[0] == "gradient"
    assert told[-1] == ("problems", PROBLEMS, PROBLEMS, {"round": len(seen)})


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
    found = LBFGSB(backend="torch").minimise(quadratics(), x0, x0 - 0.5, x0 + 0.5)
    exact = LBFGSB(backend="scipy").minimise(
        quadratics(), x0.double(), x0.double() - 0.5, x0.double() + 0.5
    )
    assert found.x.dtype == torch.float32
    torch.testing.assert_close(found.x.double(), exact.x, rtol=0, atol=1e-3)
