"""What every optimiser of attacks keeps to, whatever its method."""

import json
from dataclasses import asdict
from itertools import pairwise
from typing import get_args

import pytest
import torch

from pyro_seatbelt.attacks import LBFGSB, OPTIMISERS, Ball
from pyro_seatbelt.attacks.modes import OptimiserName
from pyro_seatbelt.errors import InputError

PROBLEMS, DIM = 6, 5
GENERATOR = torch.Generator().manual_seed(0)
STEEP = 1 + 3 * torch.rand(PROBLEMS, DIM, generator=GENERATOR, dtype=torch.float64)
GOAL = torch.randn(PROBLEMS, DIM, generator=GENERATOR, dtype=torch.float64)
LOWER = -torch.rand(PROBLEMS, DIM, generator=GENERATOR, dtype=torch.float64) - 0.1
UPPER = torch.rand(PROBLEMS, DIM, generator=GENERATOR, dtype=torch.float64) + 0.1
START = torch.zeros(PROBLEMS, DIM, dtype=torch.float64)


FORMS = {name: make(100) for name, make in OPTIMISERS.items()}
FORMS["lbfgsb-torch"] = LBFGSB(backend="torch")


@pytest.fixture(params=FORMS)
def optimiser(request):
    return FORMS[request.param]


@pytest.fixture
def ball(optimiser):
    """None, or a ball that holds the whole box for an optimiser that cannot do without one."""
    return None if None in optimiser.balls else Ball("linf", 2.0)


def test_every_name_has_one():
    assert set(OPTIMISERS) == set(get_args(OptimiserName))


def bowls(x, problems):
    """Bowls whose minima are outside of some bounds; a row at a time, so that rounding does not
    depend on who shares the batch."""
    rows = [
        ((steep * (point - goal).square()).sum(), 2 * steep * (point - goal))
        for point, steep, goal in zip(x, STEEP[problems].to(x), GOAL[problems].to(x), strict=True)
    ]
    return torch.stack([value for value, _ in rows]), torch.stack([slope for _, slope in rows])


def test_every_point_is_in_the_box_and_the_best_is_the_answer(optimiser, ball):
    visits = []

    def watched(x, problems):
        assert bool(((x >= LOWER[problems]) & (x <= UPPER[problems])).all())
        values, gradients = bowls(x, problems)
        visits.extend(zip(problems.tolist(), x, values.tolist(), strict=True))
        return values, gradients

    found = optimiser.minimise(watched, START - 9, LOWER, UPPER, ball=ball)
    best = torch.minimum(torch.maximum(GOAL, LOWER), UPPER)
    torch.testing.assert_close(found.x, best, rtol=0, atol=0.15)
    for problem in range(PROBLEMS):
        own = [(point, value) for row, point, value in visits if row == problem]
        point, value = min(own, key=lambda each: each[1])
        assert found.value[problem].item() == value
        assert torch.equal(found.x[problem], point)
    step = torch.minimum(torch.maximum(found.x - bowls(found.x, torch.arange(6))[1], LOWER), UPPER)
    torch.testing.assert_close(found.gradient_norm, (step - found.x).abs().amax(1))
    assert "nan" not in found.stop


def test_a_problem_that_breaks_is_retired_and_moves_no_neighbour(optimiser, ball):
    def brittle(x, problems):
        values, gradients = bowls(x, problems)
        # problem 2 breaks once it has moved, problem 4 at once, problem 5 in its slope alone
        broken = (problems == 2) & (x != 0).any(1) | (problems == 4)
        slopes = torch.where((broken | (problems == 5))[:, None], torch.inf, gradients)
        return torch.where(broken, torch.nan, values), slopes

    clean = optimiser.minimise(bowls, START, LOWER, UPPER, ball=ball)
    found = optimiser.minimise(brittle, START, LOWER, UPPER, ball=ball)
    assert [row for row, reason in enumerate(found.stop) if reason == "nan"] == [2, 4, 5]
    assert found.value[2] == bowls(START, torch.arange(PROBLEMS))[0][2]
    assert found.value[[4, 5]].isnan().all()
    assert torch.equal(found.x[[2, 4, 5]], START[[2, 4, 5]])
    assert found.evaluations[[2, 4, 5]].tolist() == [2, 1, 1]
    assert torch.equal(found.x[[0, 1, 3]], clean.x[[0, 1, 3]])
    assert torch.equal(found.value[[0, 1, 3]], clean.value[[0, 1, 3]])
    assert torch.equal(found.evaluations[[0, 1, 3]], clean.evaluations[[0, 1, 3]])


def test_a_problem_alone_goes_the_way_that_it_goes_in_company(optimiser, ball):
    together = optimiser.minimise(bowls, START, LOWER, UPPER, ball=ball)
    alone = optimiser.minimise(
        lambda x, problems: bowls(x, problems + 3),
        START[3:4],
        LOWER[3:4],
        UPPER[3:4],
        ball=ball,
        seeds=torch.tensor([3]),
    )
    assert torch.equal(alone.x[0], together.x[3])
    assert alone.stop[0] == together.stop[3]


def test_progress_and_evaluations_are_those_of_the_calls(optimiser, ball):
    asked, told = [], []

    def counted(x, problems):
        asked.append(problems.tolist())
        return bowls(x, problems)

    found = optimiser.minimise(
        counted, START, LOWER, UPPER, ball=ball, progress=lambda *each: told.append(each)
    )
    assert found.evaluations.tolist() == [
        sum(row in rows for rows in asked) for row in range(PROBLEMS)
    ]
    assert bool((found.iterations < found.evaluations).all())
    assert {(stage, total) for stage, _, total, _ in told} == {("problems", PROBLEMS)}
    assert [numbers["round"] for *_, numbers in told] == list(range(1, len(asked) + 1))
    assert all(0 <= a[1] <= b[1] <= PROBLEMS for a, b in pairwise(told))


def test_no_problem_is_no_error(optimiser, ball):
    found = optimiser.minimise(
        lambda x, problems: (x.sum(1), x), START[:0], LOWER[:0], UPPER[:0], ball=ball
    )
    assert found.x.shape == (0, DIM)
    assert found.value.shape == found.iterations.shape == (0,)
    assert found.stop == ()


def test_float32_stays_float32(optimiser, ball):
    single = (each.float() for each in (START, LOWER, UPPER))
    found = optimiser.minimise(bowls, *single, ball=ball)
    assert {found.x.dtype, found.value.dtype, found.gradient_norm.dtype} == {torch.float32}


def test_balls_are_kept_to_or_refused(optimiser):
    for norm in ("l2", "linf"):
        ball = Ball(norm, 0.2)
        if norm not in optimiser.balls:
            with pytest.raises(InputError, match=f"a ball of the {norm} norm is none: use PGD"):
                optimiser.minimise(bowls, START, LOWER, UPPER, ball=ball)
            continue
        sizes = []

        def watched(x, problems, norm=norm, sizes=sizes):
            sizes.extend(torch.linalg.vector_norm(x, 2 if norm == "l2" else torch.inf, dim=1))
            return bowls(x, problems)

        found = optimiser.minimise(watched, START, LOWER, UPPER, ball=ball)
        assert max(sizes) <= 0.2 + 1e-12
        assert bool((found.value < bowls(START, torch.arange(PROBLEMS))[0]).all())
    if None not in optimiser.balls:
        with pytest.raises(InputError, match="needs a ball, as in Attack"):
            optimiser.minimise(bowls, START, LOWER, UPPER)


def test_an_error_in_the_function_comes_through(optimiser, ball):
    def broken(x, problems):
        raise RuntimeError("the network failed")

    with pytest.raises(RuntimeError, match="the network failed"):
        optimiser.minimise(broken, START, LOWER, UPPER, ball=ball)


def test_wrong_shapes_are_named(optimiser, ball):
    def minimise(function=bowls, x0=START, lower=LOWER, upper=UPPER):
        optimiser.minimise(function, x0, lower, upper, ball=ball)

    with pytest.raises(ValueError, match=r"values of shape \(6,\)"):
        minimise(lambda x, problems: (x, x))
    with pytest.raises(ValueError, match=r"gradients of shape \(6, 5\)"):
        minimise(lambda x, problems: (x.sum(1), x.sum(1)))
    with pytest.raises(ValueError, match="problem 1 has a lower bound above"):
        minimise(lower=torch.arange(6.0)[:, None] - 0.5, upper=torch.tensor(0.25))
    with pytest.raises(ValueError, match=r"shape \(problems, dimensions\), got \(5,\)"):
        minimise(x0=START[0])


def test_settings_can_be_written_down_and_read_back(optimiser):
    written = json.dumps(asdict(optimiser))
    assert type(optimiser)(**json.loads(written)) == optimiser
    assert hash(optimiser) == hash(type(optimiser)(**json.loads(written)))
