"""AdamW with one cycle, for trainings of any length."""

from __future__ import annotations

import pytest
import torch

from surrogate import InputError, OneCycleAdamW


def rates(recipe: OneCycleAdamW, steps: int) -> list[float]:
    optimizer, schedule = recipe.build([torch.nn.Parameter(torch.ones(1))], steps)
    found = []
    for _ in range(steps):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return found


@pytest.mark.parametrize("steps", range(1, 31))
def test_every_number_of_steps_works(steps: int) -> None:
    found = rates(OneCycleAdamW(learning_rate=0.1), steps)  # OneCycleLR alone divides by zero at 5 steps
    assert max(found) <= 0.1
    assert min(found) > 0


@pytest.mark.parametrize("warmup", [0.1, 0.3])
def test_the_rate_rises_to_its_maximum_and_falls_to_almost_zero(warmup: float) -> None:
    found = rates(OneCycleAdamW(learning_rate=0.1, warmup=warmup), 1000)
    peak = found.index(max(found))
    assert peak == int(1000 * warmup) - 1
    assert found[peak] == pytest.approx(0.1)
    assert found[:peak] == sorted(found[:peak])
    assert found[peak:] == sorted(found[peak:], reverse=True)
    assert found[-1] < 1e-5 * 0.1


@pytest.mark.parametrize(
    "arguments",
    [{"learning_rate": 0.0}, {"learning_rate": float("nan")}, {"weight_decay": -1.0}, {"gradient_clip": 0.0}],
)
def test_wrong_settings_are_refused(arguments: dict[str, float]) -> None:
    with pytest.raises(InputError, match="positive learning_rate"):
        OneCycleAdamW(**arguments)


@pytest.mark.parametrize("warmup", [0.0, 1.0, -0.5, float("nan")])
def test_wrong_warmup_is_refused(warmup: float) -> None:
    with pytest.raises(InputError, match="a warmup between 0 and 1"):
        OneCycleAdamW(warmup=warmup)
