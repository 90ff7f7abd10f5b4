from itertools import pairwise

import pyro
import pytest
import torch
from scipy.optimize import minimize

from pyro_seatbelt.attacks import (
    LBFGSB,
    PGD,
    Attack,
    AttackResult,
    Ball,
    LatentKL,
    LatentL2,
    LatentW2,
    Output,
)
from pyro_seatbelt.errors import InputError
from pyro_seatbelt.executors import LocalProcesses

BACKENDS = ["scipy", "torch"]


@pytest.fixture
def chain(pairs):
    model, guide = pairs.ChainModel().double(), pairs.ChainGuide().double()
    return model, guide, pairs.images(3, 1).double(), pairs.images(3, 2).double()


def quick(backend="scipy", cap=60):
    return LBFGSB(backend=backend, max_iterations=cap)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    "objective", [LatentKL(), LatentW2("top"), LatentL2("draws"), Output()], ids=lambda o: o.name
)
def test_lowers_the_objective_and_records_what_it_did(chain, objective, backend):
    model, guide, x, target = chain
    weights = [0.0, 0.05, 1e6]
    result = Attack(objective, quick(backend), weights)(model, guide, x, target)
    assert result.mode == objective.name
    assert result.problem.tolist() == list(range(9))
    assert result.pair.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert result.weight.tolist() == weights * 3
    assert [result.stop[i] for i in (2, 5, 8)] == ["zero"] * 3
    at_zero, free = result.distance[2::3], result.distance[0::3]
    assert bool((free < at_zero).all())
    assert bool((result.value[1::3] < at_zero).all()), "no better than doing nothing"
    assert bool(((result.adversarial >= 0) & (result.adversarial <= 1)).all())
    inputs = x[result.pair]
    torch.testing.assert_close(result.adversarial, inputs + result.distortion)
    torch.testing.assert_close(result.norm, result.distortion.flatten(1).norm(dim=1))
    torch.testing.assert_close(result.value, result.distance + result.weight * result.norm)
    torch.testing.assert_close(result.l2_clean[2::3], torch.zeros(3, dtype=torch.float64))
    assert result.reconstruction.shape == inputs.shape
    assert bool((result.evaluations >= result.iterations).all())
    table = result.columns()
    assert {len(column) for column in table.values()} == {9}
    assert table["layers"][0] == "+".join(result.layers)
    assert "distortion" not in table


def test_both_backends_reach_the_same_values(chain):
    model, guide, x, target = chain
    one, other = (
        Attack(LatentKL(), quick(backend, 100), [0.1, 1.0])(model, guide, x, target)
        for backend in BACKENDS
    )
    torch.testing.assert_close(one.value, other.value, rtol=1e-2, atol=1e-6)


def test_reaches_what_scipy_reaches_on_the_same_function(chain):
    model, guide, x, target = chain
    weight = 0.1
    guide.eval()
    found = Attack(LatentKL("base"), quick(cap=150), [weight])(model, guide, x, target)

    def posterior(image):
        loc, scale = guide.heads[0](guide.encoder(image)).chunk(2, -1)
        return torch.distributions.Normal(loc, torch.nn.functional.softplus(scale) + 0.1)

    for row in range(3):
        with torch.no_grad():
            aim = posterior(target[row : row + 1])

        def function(d, row=row, aim=aim):
            d = torch.tensor(d, requires_grad=True)
            q = posterior(x[row : row + 1] + d.view(1, 1, 4, 4))
            value = torch.distributions.kl_divergence(q, aim).sum() + weight * d.norm()
            value.backward()
            return value.item(), d.grad.numpy()

        flat = x[row].flatten()
        reference = minimize(
            function,
            1e-8 * torch.rand(16, dtype=torch.float64).numpy(),
            jac=True,
            method="L-BFGS-B",
            bounds=list(zip((-flat).tolist(), (1 - flat).tolist(), strict=True)),
            options={"maxcor": 25, "maxiter": 150},
        )
        assert found.value[row].item() <= reference.fun * 1.01


def test_zero_test_settles_only_what_the_optimiser_cannot_improve(chain):
    model, guide, x, target = chain
    weights = [0.3, 1.0, 3.0, 10.0, 1e3]
    tested = Attack(LatentKL(), quick(), weights)(model, guide, x, target)
    settled = [row for row, n in enumerate(tested.evaluations.tolist()) if n == 1]
    assert 0 < len(settled) < 15
    untested = Attack(LatentKL(), quick(), weights, zero_test=False, start="uniform")
    searched = untested(model, guide, x, target)
    assert bool((searched.evaluations > 1).all())
    torch.testing.assert_close(searched.value[settled], tested.value[settled], rtol=1e-3, atol=1e-6)
    assert [tested.stop[row] for row in settled] == ["zero"] * len(settled)
    assert bool((tested.norm[settled] == 0).all())


def test_untargeted_attack_does_damage(chain):
    model, guide, x, _ = chain
    result = Attack(LatentKL(), quick(), [0.0, 0.1], ball=Ball("linf", 0.2))(model, guide, x)
    assert not result.targeted
    assert bool((result.distance[0::2] > 0.5).all())
    torch.testing.assert_close(result.value, -result.distance + result.weight * result.norm)
    assert result.distortion.abs().max().item() <= 0.2 + 1e-12
    gentle = Attack(LatentKL(), PGD(steps=1, step_size=1e-9), [0.0], ball=Ball("linf", 0.2))
    assert bool((result.distance[0::2] > 100 * gentle(model, guide, x).distance).all())
    torch.testing.assert_close(result.target_nll, -result.input_log_likelihood)


@pytest.mark.parametrize("targeted", [True, False])
@pytest.mark.parametrize("norm", ["l2", "linf"])
def test_norm_balls_are_respected(chain, norm, targeted):
    model, guide, x, target = chain
    ball = Ball(norm, 0.3)
    attack = Attack(LatentKL(), PGD(steps=30, restarts=2), [0.0], ball=ball)
    result = attack(model, guide, x, target if targeted else None)
    flat = result.distortion.flatten(1)
    size = flat.norm(dim=1) if norm == "l2" else flat.abs().amax(1)
    assert bool((size <= 0.3 + 1e-9).all())
    assert bool((size > 0.25).all())
    nothing = Attack(LatentKL(), PGD(steps=1, step_size=1e-9), [0.0], ball=ball)(
        model, guide, x, target if targeted else None
    )
    assert bool((result.value < nothing.value).all())
    if norm == "linf":
        boxed = Attack(LatentKL(), quick(), [0.0], ball=ball)(
            model, guide, x, target if targeted else None
        )
        assert bool((boxed.distortion.abs() <= 0.3 + 1e-12).all())
        assert bool((boxed.value < nothing.value).all())


@pytest.mark.parametrize("backend", BACKENDS)
def test_problem_that_turns_nan_is_retired_and_named(chain, backend):
    model, guide, x, target = chain
    clean = Attack(LatentKL(), quick(backend), [0.01, 0.1])(model, guide, x, target)
    x = x.clone()
    mark = 0.123456789
    x[1, 0, 0, 0] = mark

    class Fragile(type(guide)):
        def forward(self, x):
            moved = (x[:, 0, 0, 0] - mark).abs() < 0.1
            broken = moved & (x[:, 0, 0, 0] != mark)
            super().forward(torch.where(broken[:, None, None, None], torch.nan, x))

    fragile = Fragile().double()
    result = Attack(LatentKL(), quick(backend), [0.01, 0.1])(model, fragile, x, target)
    assert [row for row, reason in enumerate(result.stop) if reason == "nan"] == [2, 3]
    assert bool(result.value.isfinite()[[0, 1, 4, 5]].all())
    others = [0, 1, 4, 5]
    torch.testing.assert_close(result.value[others], clean.value[others], rtol=1e-3, atol=1e-5)


def test_input_that_is_broken_from_the_start(chain):
    model, guide, x, target = chain

    class Broken(type(guide)):
        def forward(self, images):
            same = (images == x[1]).flatten(1).all(1)
            super().forward(torch.where(same[:, None, None, None], torch.nan, images))

    result = Attack(LatentKL(), quick(), [0.1])(model, Broken().double(), x, target)
    assert result.stop[1] == "nan"
    assert result.value[1].isnan()
    assert result.value[[0, 2]].isfinite().all()
    assert result.evaluations[1] == 1


def test_a_pair_is_read_once_whatever_the_groups(chain):
    model, guide, x, target = chain
    batches = []

    def counted(images):
        batches.append(len(images))
        return guide(images)

    bound = Attack(LatentKL(), quick(cap=1), [0.1, 1e9], batch=1).bind(model, counted, x, target)
    assert batches[:2] == [2, 3]  # what tells the plate over the batch
    before = len(batches)
    dict(bound.run())
    assert set(batches[before:]) == {1}


def test_bound_to_other_images_it_is_the_attack_on_those(chain):
    model, guide, x, target = chain
    attack = Attack(LatentKL("top"), quick(cap=3), [0.1])
    blank = attack.bind(model, guide, torch.zeros_like(x[:1]))
    [(_, result)] = blank.on(x, target).run()
    assert result.columns() == attack(model, guide, x, target).columns()
    assert blank.on(x, target).arguments == attack.bind(model, guide, x, target).arguments
    with pytest.raises(InputError, match="the target equals the input"):
        blank.on(x, x)


def test_groups_are_fixed_and_stand_alone(chain):
    model, guide, x, target = chain
    attack = Attack(LatentKL(), quick(cap=20), [0.01, 0.1, 1.0], batch=4, samples=2)
    bound = attack.bind(model, guide, x, target)
    assert bound.groups == [range(4), range(4, 8), range(8, 9)]
    whole = attack(model, guide, x, target)
    resumed = dict(bound.run(skip={0, 2}))
    assert list(resumed) == [1]
    assert torch.equal(resumed[1].distortion, whole.distortion[4:8])
    assert resumed[1].problem.tolist() == [4, 5, 6, 7]
    assert resumed[1].columns() == {name: column[4:8] for name, column in whole.columns().items()}


def test_processes_do_not_change_the_result(chain):
    model, guide, x, target = chain
    attack = Attack(Output(), quick(cap=15), [0.0, 0.01, 0.1], batch=3)
    seen = []
    parts = attack.bind(model, guide, x, target).run(
        executor=LocalProcesses(2, start="fork"), progress=lambda *each: seen.append(each)
    )
    several = AttackResult.concatenate([part for _, part in parts])
    single = attack(model, guide, x, target)
    assert several.columns() == single.columns()
    assert torch.equal(several.adversarial, single.adversarial)
    assert torch.equal(several.reconstruction, single.reconstruction)
    assert {(stage, total) for stage, _, total, _ in seen} <= {("problems", 9)}


def test_spawned_processes_need_a_pair_that_pickles(chain):
    model, guide, x, target = chain
    attack = Attack(LatentKL(), quick(), [0.1], batch=1)

    def closure(x):
        guide(x)

    parts = attack.bind(model, closure, x, target).run(executor=LocalProcesses(2))
    with pytest.raises(InputError, match="several processes need a model and a guide that pickle"):
        list(parts)


@pytest.mark.slow
def test_spawned_processes_do_not_change_the_result():
    from pyro_seatbelt import presets

    family = presets.build("seatbelt", layers=2, network="mlp", image_shape=(1, 8, 8), num_data=9)
    x, target = torch.rand(2, 2, 1, 8, 8)
    attack = Attack(LatentKL(), quick(cap=10), [0.01, 0.1], batch=2)
    bound = attack.bind(family.model, family.guide, x, target)
    spawned = bound.run(executor=LocalProcesses(2))
    single = attack(family.model, family.guide, x, target)
    assert AttackResult.concatenate([p for _, p in spawned]).columns() == single.columns()


def test_nothing_of_the_pair_is_changed(chain):
    model, guide, x, target = chain
    guide.encoder[0].eval()
    next(guide.parameters()).requires_grad_(False)
    before = [
        (p.requires_grad, p.grad, p.detach().clone())
        for p in [*model.parameters(), *guide.parameters()]
    ]
    modes = [module.training for module in guide.modules()]
    generator = torch.get_rng_state()
    inputs = x.clone()
    Attack(LatentKL(), quick(cap=5), [0.0, 0.1])(model, guide, x, target)
    for old, p in zip(before, [*model.parameters(), *guide.parameters()], strict=True):
        assert old[0] == p.requires_grad
        assert p.grad is None
        assert torch.equal(old[2], p)
    assert modes == [module.training for module in guide.modules()]
    assert torch.equal(generator, torch.get_rng_state())
    assert torch.equal(inputs, x)
    assert pyro.settings.get("validate_poutine")


def test_same_seed_same_result_and_no_grad_outside_is_no_obstacle(chain):
    model, guide, x, target = chain
    attack = Attack(LatentKL(), quick(cap=20), [0.1], samples=2)
    with torch.no_grad():
        one = attack(model, guide, x, target)
    assert one.columns() == attack(model, guide, x, target).columns()
    other = Attack(LatentKL(), quick(cap=20), [0.1], samples=2, seed=1)
    assert one.columns() != other(model, guide, x, target).columns()


def test_means_instead_of_draws(chain):
    model, guide, x, target = chain
    one, other = (
        Attack(LatentKL(), quick(cap=20), [0.1], noise="mean", start="gradient", seed=seed)(
            model, guide, x, target
        )
        for seed in (0, 1)
    )
    assert torch.equal(one.distance, other.distance)


def test_more_rows_or_fewer_change_nothing_but_rounding(chain):
    model, guide, x, target = chain
    one, other = (
        Attack(LatentKL("base"), quick(), [1.0, 3.0], rows=rows, samples=2)(model, guide, x, target)
        for rows in (2, 64)
    )
    torch.testing.assert_close(one.value, other.value, rtol=1e-4, atol=1e-6)


def test_guide_alone_can_be_attacked(chain):
    _, guide, x, target = chain
    result = Attack(LatentKL(), quick(cap=10), [0.1])(None, guide, x, target)
    assert result.reconstruction is None
    assert result.target_nll is None
    assert result.columns()["l2_target"] == [None] * 3
    with pytest.raises(InputError, match="output attack reads the model"):
        Attack(Output(), quick())(None, guide, x, target)


def test_tutorial_vae_in_float32(pairs):
    vae = pairs.TutorialVAE()
    x, target = pairs.images(2, 1), pairs.images(2, 2)
    for objective in (LatentKL(), Output()):
        result = Attack(objective, quick(), [0.0, 100.0])(vae.model, vae.guide, x, target)
        assert bool((result.value[0::2] < result.value[1::2]).all())
        assert result.reconstruction.shape == (4, 1, 4, 4)
    assert vae.encoder.training


def test_progress_counts_every_problem(chain):
    model, guide, x, target = chain
    seen = []
    attack = Attack(LatentKL(), quick(), [0.1, 1e6], batch=4)
    result = attack(model, guide, x, target, progress=lambda *each: seen.append(each))
    assert {(stage, total) for stage, _, total, _ in seen} == {("problems", 6)}
    assert seen[-1][1] == 6
    assert all(b[1] >= a[1] for a, b in pairwise(seen))
    # the look at 0 is an evaluation that no round counts
    longest = [result.evaluations[:4].max() - 1, result.evaluations[4:].max() - 1]
    assert seen[-1][3] == {"round": sum(longest)}


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Attack(LatentKL(), weights=[]), "one weight or more, got none"),
        (lambda: Attack(LatentKL(), weights=[0.1, -1.0]), "lambda >= 0, got -1"),
        (lambda: Attack(LatentKL(), weights=[float("nan")]), "lambda >= 0, got nan"),
        (lambda: Attack(LatentKL(), samples=0), "samples >= 1, got 0"),
        (lambda: Attack(LatentKL(), rows=0), "rows >= 1, got 0"),
        (lambda: Attack(LatentKL(), noise="none"), "'frozen' or 'fresh' or 'mean', got 'none'"),
        (lambda: Attack(LatentKL(), start="zero"), "'gradient' or 'uniform', got 'zero'"),
        (lambda: Attack(LatentKL(), noise="mean", samples=3), "samples=3 means nothing"),
        (lambda: Attack(LatentKL(), PGD()), "PGD needs a ball"),
        (lambda: Attack(LatentKL(), ball=Ball("l2", 1.0)), "use PGD"),
        (lambda: Attack(LatentKL(), limits=(1.0, 0.0)), "low < high"),
    ],
)
def test_settings_that_mean_nothing(make, message):
    with pytest.raises(InputError, match=message):
        make()


def test_images_that_cannot_be_attacked(chain):
    model, guide, x, target = chain
    attack = Attack(LatentKL(), quick(), [0.1])

    def refused(match, x=x, target=target, **options):
        with pytest.raises(InputError, match=match):
            attack(model, guide, x, target, **options)

    same = target.clone()
    same[1] = x[1]
    refused("pair 1: the target equals the input", target=same)
    refused(r"expected inputs and targets alike, got \(3, 1, 4, 4\)", target=target[:2])
    refused(r"inputs with pixels in \[0, 1\], got \[0, 2\]", x=2 * x)
    refused(r"targets with pixels in \[0, 1\]", target=target - 1)
    refused("floating dtype, got", x=(255 * x).to(torch.uint8))
    refused("processes >= 1, got 0", processes=0)
    refused("guide cannot run on", x=torch.rand(3, 1, 5, 5), target=torch.rand(3, 1, 5, 5))


def test_guide_that_does_not_look_at_the_image(chain):
    _, _, x, target = chain

    def blind(x):
        with pyro.plate("data", len(x)):
            loc = torch.zeros(len(x), 3, dtype=x.dtype)
            pyro.sample("z", pyro.distributions.Normal(loc, 1.0).to_event(1))

    with pytest.raises(InputError, match="posteriors at z do not depend on the image"):
        Attack(LatentKL(), quick(), [0.1])(None, blind, x, target)
