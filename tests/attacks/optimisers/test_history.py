import torch

from pyro_seatbelt.attacks.optimisers.history import History

ROWS, DIM, MEMORY = 3, 8, 4


def inverse_bfgs(pairs):
    """The textbook recursion on a dense matrix, oldest pair first."""
    step, change = pairs[-1]
    matrix = (step @ change) / (change @ change) * torch.eye(DIM, dtype=step.dtype)
    for step, change in pairs:
        rho = 1 / (step @ change)
        left = torch.eye(DIM, dtype=step.dtype) - rho * torch.outer(step, change)
        matrix = left @ matrix @ left.T + rho * torch.outer(step, step)
    return matrix


def test_compact_form_is_the_recursion_over_the_last_pairs():
    generator = torch.Generator().manual_seed(0)
    root = torch.randn(ROWS, DIM, DIM, generator=generator, dtype=torch.float64)
    hessian = root @ root.mT / DIM + 0.2 * torch.eye(DIM, dtype=torch.float64)
    history = History.empty(torch.zeros(ROWS, DIM, dtype=torch.float64), MEMORY)
    kept = [[] for _ in range(ROWS)]
    for turn in range(3 * MEMORY):
        step = torch.randn(ROWS, DIM, generator=generator, dtype=torch.float64)
        change = torch.einsum("nij,nj->ni", hessian, step)
        if turn % 3 == 1:
            change[turn % ROWS] *= -1  # this row's curvature is negative: it is not stored
        vector = torch.randn(ROWS, DIM, generator=generator, dtype=torch.float64)
        history, products = history.remember(step, change, vector)
        found = history.inverse(vector, products)
        for row in range(ROWS):
            if step[row] @ change[row] > 0:
                kept[row] = [*kept[row], (step[row], change[row])][-MEMORY:]
            if kept[row]:
                expected = inverse_bfgs(kept[row]) @ vector[row]
                torch.testing.assert_close(found[row], expected, rtol=1e-3, atol=1e-3)
            else:
                assert torch.equal(found[row], vector[row])


def test_forgotten_rows_start_anew_and_others_stay():
    step = torch.ones(2, DIM, dtype=torch.float64)
    history = History.empty(step, MEMORY)
    history, products = history.remember(step, 2 * step, step)
    history = history.forget(torch.tensor([True, False]))
    found = history.inverse(step, products)
    assert torch.equal(found[0], step[0])
    torch.testing.assert_close(found[1], step[1] / 2)
    assert history.rows(torch.tensor([False, True])).stored.tolist() == [1]
