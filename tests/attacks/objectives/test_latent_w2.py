import pyro.distributions as dist
import torch
from pyro import poutine

from pyro_seatbelt.attacks import LatentW2


def test_wasserstein_distance_of_gaussians(bind, chain):
    model, guide, x, target = chain
    rows = torch.arange(5)
    closed = bind(LatentW2("base"), model, guide, x, target)(x, rows)
    q, p = (poutine.trace(guide).get_trace(i).nodes["z1"]["fn"].base_dist for i in (x, target))
    quantiles = (torch.arange(200_000, dtype=x.dtype) + 0.5) / 200_000
    normal = dist.Normal(x.new_zeros(()), 1.0).icdf(quantiles)
    transport = (q.loc - p.loc) + (q.scale - p.scale) * normal[:, None, None]
    torch.testing.assert_close(closed, transport.square().mean(0).sum(1).sqrt(), rtol=1e-4, atol=0)
    sampled = bind(LatentW2("base", estimator="samples"), model, guide, x, target, samples=4000)
    torch.testing.assert_close(sampled(x, rows), closed, rtol=0.05, atol=0)
