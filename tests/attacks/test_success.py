import pytest
import torch

from pyro_seatbelt.attacks import Attack, LatentKL
from pyro_seatbelt.errors import InputError
from pyro_seatbelt.evaluation import reconstruct


@pytest.fixture
def attacked(pairs):
    model, guide = pairs.ChainModel(), pairs.ChainGuide()
    x, target = pairs.images(3, 1), pairs.images(3, 2)
    return model, guide, x, target, Attack(LatentKL(), weights=[0.0, 0.3, 1e6])


def test_the_share_covered_is_that_of_reconstructions(attacked):
    model, guide, x, target, attack = attacked
    result = attack(model, guide, x, target)
    clean, aim = (reconstruct(model, guide, images) for images in (x, target))
    made = reconstruct(model, guide, result.adversarial)
    for row, pair in enumerate(result.pair):
        left = (made[row] - aim[pair]).norm() / (clean[pair] - aim[pair]).norm()
        assert result.covered[row].item() == pytest.approx(max(0.0, 1 - left.item()), abs=1e-5)
    assert result.success(covered=0.9)[result.weight == 0].all()
    assert not result.success(covered=0.01)[result.weight == 1e6].any()
    assert "covered" in result.columns()


def test_criteria_hold_together(attacked):
    *pair, attack = attacked
    result = attack(*pair)
    near, far = result.success(distance=1e-3), result.success(distance=1e9)
    assert torch.equal(near, result.distance <= 1e-3)
    assert bool(far.all())
    assert near.any()
    assert not near.all()
    assert torch.equal(result.success(covered=2.0, distance=1e9), torch.zeros(9, dtype=torch.bool))


def test_maximum_damage_is_successful_from_a_distance_on(attacked):
    model, guide, x, _, attack = attacked
    result = attack(model, guide, x)
    assert torch.equal(result.success(distance=1.0), result.distance >= 1.0)
    assert result.covered is None
    with pytest.raises(InputError, match="attack with the model and with targets, or give dist"):
        result.success(covered=0.5)


def test_retired_problems_and_missing_criteria(attacked):
    _, guide, x, target, attack = attacked
    result = attack(None, guide, x, target)
    with pytest.raises(InputError, match="criterion of success: give covered=, distance= or both"):
        result.success()
    with pytest.raises(InputError, match="attack with the model"):
        result.success(covered=0.5)
    with torch.no_grad():
        guide.encoder[1].weight[:, 0] = torch.inf  # 0 * inf: images with a black first pixel fail
    x, target = x.clone(), target.clone()
    x[:, 0, 0, 0], target[:, 0, 0, 0] = 0.0, 0.5
    retired = attack(None, guide, x, target)
    assert set(retired.stop) == {"nan"}
    assert not retired.success(distance=1e9).any()
