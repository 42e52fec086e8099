"""The base classes derive `init`, `step`, dtype and device from `forward` and the weights."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from surrogate import Grid, Operator, Stepper
from surrogate.operator import finite


class Recurrence(Stepper):
    """u_{n+1} = sum_j w_j u_{n-j}, as many frames at a time as asked for."""

    in_fields = out_fields = ("u", "v")
    domain = Grid(shape=(3,))
    dt = 1.0

    def __init__(self, history: int, horizon: int) -> None:
        super().__init__()
        self.history, self.horizon = history, horizon
        weights = torch.linspace(0.9, -0.5, history, dtype=torch.float64)
        self.weights = torch.nn.Parameter(weights)

    def forward(
        self,
        state: Tensor,
        static: Tensor | None = None,
        forcing: Tensor | None = None,
        parameters: Tensor | None = None,
    ) -> Tensor:
        frames = list(state.split(2, dim=1))
        for _ in range(self.horizon):
            past = reversed(frames[-self.history :])
            frames.append(sum((w * frame for w, frame in zip(self.weights, past, strict=True)), torch.zeros(())))
        return torch.cat(frames[self.history :], dim=1)


@pytest.mark.parametrize("history", [1, 2, 3, 5])
@pytest.mark.parametrize("horizon", [1, 2, 3, 4])
def test_the_window_shifts_as_in_a_loop_over_frames(history: int, horizon: int) -> None:
    stepper = Recurrence(history, horizon)
    state = torch.randn(4, history * 2, 3, dtype=torch.float64)
    carry = stepper.init(state)
    trajectory = list(state.split(2, dim=1))
    for _ in range(3):
        carry, new = stepper.step(carry)
        assert torch.equal(new, stepper(torch.cat(trajectory[-history:], dim=1)))
        trajectory += new.split(2, dim=1)
    single = Recurrence(history, 1)
    naive = list(state.split(2, dim=1))
    while len(naive) < len(trajectory):
        naive.append(single(torch.cat(naive[-history:], dim=1)))
    torch.testing.assert_close(torch.stack(trajectory), torch.stack(naive), rtol=1e-13, atol=1e-14)


def test_init_hands_statics_and_parameters_to_every_step() -> None:
    class Echo(Recurrence):
        def forward(
            self,
            state: Tensor,
            static: Tensor | None = None,
            forcing: Tensor | None = None,
            parameters: Tensor | None = None,
        ) -> Tensor:
            assert static is not None
            assert forcing is not None
            assert parameters is not None
            return state + 10 * static + 100 * forcing + 1000 * parameters[..., None]

    stepper = Echo(1, 1)
    carry = stepper.init(torch.zeros(1, 2, 3), torch.ones(1, 1, 3), torch.ones(1, 1))
    for step in range(1, 4):
        carry, new = stepper.step(carry, torch.full((1, 1, 3), float(step)))
        assert torch.all(new == 1010 * step + 100 * step * (step + 1) / 2)


def test_forward_follows_from_init_and_step() -> None:
    class Sum(Stepper):
        def init(self, state: Tensor, static: Tensor | None = None, parameters: Tensor | None = None) -> Any:
            assert static is not None
            assert parameters is not None
            return state + 10 * static + 100 * parameters[..., None]

        def step(self, carry: Any, forcing: Tensor | None = None) -> tuple[Any, Tensor]:
            assert forcing is not None
            return carry, carry + 1000 * forcing

    one = torch.ones(1, 1, 3)
    assert torch.equal(Sum()(one, one, one, torch.ones(1, 1)), 1111 * one)


def test_dtype_is_that_of_the_first_floating_weight() -> None:
    assert Recurrence(1, 1).dtype == torch.float64
    assert Recurrence(1, 1).float().dtype == torch.float32
    assert Recurrence(1, 1).device == torch.device("cpu")

    class Shift(Operator):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("count", torch.tensor(1))

    assert Shift().dtype == torch.get_default_dtype()


@pytest.mark.parametrize("value", [torch.nan, torch.inf, -torch.inf])
def test_finite_finds_every_kind_of_bad_value(value: float) -> None:
    frames = torch.zeros(2, 3, 4, 5)
    frames[1, 2, 3, 4] = value
    assert finite(frames).tolist() == [[True, True, True], [True, True, False]]
    assert list(Recurrence(1, 1).faults(frames, frames)) == ["is not finite"]
