"""Ridge regression against a direct solution."""

from __future__ import annotations

import pytest
import torch

from surrogate.datasets.errors import InputError
from surrogate.forecasters import Ridge

Pair = tuple[torch.Tensor, torch.Tensor]


def windows(count: int, seed: int) -> Pair:
    """Return windows of noisy oscillations with random levels and amplitudes."""
    generator = torch.Generator().manual_seed(seed)
    t = torch.arange(17.0).double()[None, :, None]
    phase, level, size = (torch.rand(count, 1, 2, generator=generator).double() for _ in range(3))
    series = 10 * level + (0.5 + size) * torch.sin(0.7 * t + 6.3 * phase)
    series = series + 0.1 * torch.randn(series.shape, generator=generator, dtype=torch.float64)
    return series[:, :12], series[:, 12:]


@pytest.mark.parametrize("constant", [False, True])
def test_it_is_the_minimum_that_a_direct_solver_finds(constant):
    x, y = windows(60, 0)
    network = Ridge(2, history=12, horizon=5, penalties=[0.03], constants=[constant]).double()
    network.solve([(x[:13], y[:13]), (x[13:], y[13:])], [windows(20, 1)])
    mean, scale = x.mean(1, keepdim=True), (x.var(1, correction=0, keepdim=True) + 1e-5).sqrt()
    rows = ((x - mean) / scale).mT.reshape(-1, 12)
    targets = ((y - mean) / scale).mT.reshape(-1, 5)
    # least squares with the penalty as further rows, solved by orthogonal transformations
    strength = (0.03 * rows.square().sum(0).mean()).sqrt()
    inputs = torch.cat([rows, torch.ones(len(rows), 1).double()], dim=1) if constant else rows
    size = inputs.shape[1]
    augmented = torch.cat([inputs, strength * torch.eye(size).double()])
    direct = torch.linalg.lstsq(augmented, torch.cat([targets, torch.zeros(size, 5)])).solution
    torch.testing.assert_close(network.linear.weight.mT, direct[:12], rtol=0, atol=1e-11)
    expected_constant = direct[12] if constant else torch.zeros(5).double()
    torch.testing.assert_close(network.linear.bias, expected_constant, rtol=0, atol=1e-11)


@pytest.mark.parametrize("subtract_last", [False, True])
@pytest.mark.parametrize("drift", [0.0, 2.0])
def test_the_validation_part_chooses_penalty_and_constant(subtract_last, drift):
    x, y = windows(60, 2)
    truth = windows(50, 3)
    y, after = y + 3 * drift, truth[1] + drift  # a drift that goes on, if not as fast
    options = {"history": 12, "horizon": 5, "subtract_last": subtract_last}
    errors = {}
    for penalty in (1e-6, 1e-2, 1.0):
        for constant in (False, True):
            single = Ridge(2, penalties=[penalty], constants=[constant], **options).double()
            outcome = single.solve([(x, y)], [(truth[0], after)])
            errors[penalty, constant] = float((single(truth[0]) - after).detach().square().mean())
            assert outcome["validation_loss"] == pytest.approx(errors[penalty, constant], rel=1e-9)
    chosen = Ridge(2, penalties=[1e-6, 1e-2, 1.0], **options).double().solve([(x, y)], [(truth[0], after)])
    assert (chosen["penalty"], chosen["constant"]) == min(errors, key=errors.__getitem__)


def test_a_drift_of_the_training_part_is_learned_only_if_it_goes_on():
    x, y = windows(60, 4)
    truth, after = windows(50, 5)
    network = Ridge(2, history=12, horizon=5).double()
    assert network.solve([(x, y + 2)], [(truth, after + 2)])["constant"]
    assert not network.solve([(x, y + 2)], [(truth, after)])["constant"]
    assert network.linear.bias.abs().max() == 0


def test_constant_series_give_constant_forecasts():
    x, y = torch.full((4, 12, 2), 3.0), torch.full((4, 5, 2), 3.0)
    network = Ridge(2, history=12, horizon=5)
    network.solve([(x, y)], [(x, y)])
    torch.testing.assert_close(network(x), y)


def test_choices_of_nothing_are_refused():
    with pytest.raises(InputError, match=r"positive penalties, got \[0\.0\]"):
        Ridge(2, history=12, horizon=5, penalties=[0.0])
    with pytest.raises(InputError, match=r"True or False in `constants`, or both, got \[\]"):
        Ridge(2, history=12, horizon=5, constants=[])


def test_no_windows_are_refused():
    network = Ridge(2, history=12, horizon=5)
    with pytest.raises(InputError, match=r"windows to learn from and to choose by, got 0\. Give longer parts"):
        network.solve([], [windows(2, 0)])
