"""The hierarchically factorised ELBO, written out, and the bounds that it becomes."""

import math

import pyro
import pyro.distributions as dist
import pytest
import torch
from pyro.infer import Trace_ELBO

from pyro_seatbelt import InputError, presets
from pyro_seatbelt.objectives import TraceHF_ELBO, TraceTC_ELBO
from pyro_seatbelt.objectives.aggregate import Mixture, log_weights
from pyro_seatbelt.objectives.grouped import total_correlation_within

SHAPE = (1, 4, 4)
NUM_DATA = 40
DIM = 5
GROUPS = (2, 3)


def pair(**options):
    torch.manual_seed(0)
    made = presets.build(
        "hfvae", network="mlp", features=8, latent_dim=DIM, image_shape=SHAPE, num_data=NUM_DATA,
        **options,
    )  # fmt: skip
    return made.model.double(), made.guide.double()


def images(count=9):
    generator = torch.Generator().manual_seed(1)
    return torch.rand(count, *SHAPE, generator=generator, dtype=torch.double)


class WrittenOut(Trace_ELBO):
    """Section 3 of Esmaeili et al. by weighted sampling, with every pair in memory."""

    def __init__(self, alpha, beta, within):
        super().__init__()
        self.weights = alpha, beta, within

    def _differentiable_loss_particle(self, model_trace, guide_trace):
        alpha, beta, within = self.weights
        q, x = guide_trace.nodes["z1"], model_trace.nodes["x"]
        z, fn = q["value"], q["fn"].base_dist
        batch, constant = len(z), math.log(NUM_DATA * len(z))
        pairs = -0.5 * ((z[:, None] - fn.loc) / fn.scale) ** 2 - fn.scale.log()
        pairs = pairs - 0.5 * math.log(2 * math.pi)  # (i, j, D)
        log_q_x = pairs.diagonal().sum(0)
        log_q = pairs.sum(2).logsumexp(1) - constant
        log_groups = [pairs[:, :, :2], pairs[:, :, 2:]]
        log_q_groups = sum(each.sum(2).logsumexp(1) - constant for each in log_groups)
        log_q_dims = (pairs.logsumexp(1) - constant).sum(1)
        log_p = (-0.5 * (z**2 + math.log(2 * math.pi))).sum(1)
        bound = (
            x["fn"].log_prob(x["value"])
            - alpha * (log_q_x - log_q)
            - beta * (log_q - log_q_groups)
            - within * (log_q_groups - log_q_dims)
            - (log_q_dims - log_p)
        )
        loss = -bound.sum() * NUM_DATA / batch
        return loss.item(), loss


@pytest.mark.parametrize("weights", [(1.0, 6.0, 2.0), (0.5, 0.0, 3.0)])
def test_the_loss_is_the_published_one(weights, assert_same_bound):
    model, guide = pair()
    alpha, beta, within = weights
    ours = TraceHF_ELBO("z1", groups=GROUPS, alpha=alpha, beta=beta, within=within)
    assert_same_bound((ours, model, guide), (WrittenOut(*weights), model, guide), images())


@pytest.mark.parametrize("estimator", ["mws", "mss"])
@pytest.mark.parametrize(
    ("groups", "beta", "within", "same"),
    [((1,) * DIM, 6.0, 2.0, 6.0), ((DIM,), 6.0, 2.0, 2.0), (GROUPS, 4.0, 4.0, 4.0)],
)
def test_groups_that_split_nothing_are_the_usual_decomposition(
    groups, beta, within, same, estimator, assert_same_bound
):
    model, guide = pair()
    ours = TraceHF_ELBO("z1", groups=groups, beta=beta, within=within, estimator=estimator)
    plain = TraceTC_ELBO("z1", beta=same, estimator=estimator)
    assert_same_bound((ours, model, guide), (plain, model, guide), images())


def test_reports_split_the_total_correlation():
    model, guide = pair()
    elbo = TraceHF_ELBO("z1", groups=GROUPS, beta=6.0, within=2.0, estimator="mss")
    reports = []
    with elbo.observing(reports.append):
        loss = elbo.loss(model, guide, images())
    [report] = reports
    parts = report.between_groups + report.within_groups
    assert parts == pytest.approx(report.total_correlation)
    assert report.objective == pytest.approx(-loss / NUM_DATA)
    penalty = 5 * report.between_groups + report.within_groups
    assert report.objective == pytest.approx(report.elbo - penalty)


class OtherNormal(dist.Normal):
    """A Normal that does not take the fast path."""


@pytest.mark.parametrize("estimator", ["mws", "mss"])
@pytest.mark.parametrize("draws", [(), (2,)])
def test_families_without_a_fast_path_have_the_same_sums(draws, estimator):
    generator = torch.Generator().manual_seed(0)
    z, loc, raw = torch.randn(3, *draws, 6, DIM, generator=generator, dtype=torch.double).unbind()
    scale = raw.exp()
    weights = log_weights(estimator, 6, 20, like=z)
    rows = torch.rand(*draws, 6, generator=generator, dtype=torch.double)
    fast, slow = (
        total_correlation_within(Mixture(z, kind(loc, scale), weights, rows, -1), GROUPS)
        for kind in (dist.Normal, OtherNormal)
    )
    assert fast.item() == pytest.approx(slow.item(), rel=1e-10)


def test_messages():
    with pytest.raises(ValueError, match="expected groups of one dimension or more, got \\(2, 0"):
        TraceHF_ELBO("z1", groups=(2, 0))
    with pytest.raises(ValueError, match="expected within >= 0 and finite, got -1"):
        TraceHF_ELBO("z1", groups=(2,), within=-1.0)
    with pytest.raises(InputError, match=r"groups: expected 5 dimensions together.* 2 \+ 2 = 4"):
        pair(groups=(2, 2))
    with (
        pyro.settings.context(module_local_params=True),
        pytest.raises(ValueError, match=r"expected groups of 5 dimensions together, got 2 = 2"),
    ):
        TraceHF_ELBO("z1", groups=(2,)).loss(*pair(), images())
