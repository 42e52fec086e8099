"""Sums of objectives."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from surrogate import Grid, InputError
from surrogate.datasets import Normalizer, Signature
from surrogate.training import SurrogateStepper
from surrogate.training.objectives import H1, MeanSquare, Noise, RelativeL2, Sum, Unrolled

GRID = Grid((8,), periodic=True)


def test_a_sum_is_that_of_its_terms_each_with_the_windows_it_wants() -> None:
    torch.manual_seed(0)
    signature = Signature(("u",), ("u",), GRID, dt=0.1)
    model = SurrogateStepper(nn.Conv1d(1, 1, 1), signature, {"input": Normalizer(["u"]), "output": Normalizer(["u"])})
    batch = {"x": torch.randn(3, 1, 8), "y": torch.randn(3, 4, 8)}
    terms = [(1.0, RelativeL2()), (0.5, H1(0.2)), (2.0, Unrolled(4)), (0.25, Unrolled(2, pushforward=True))]
    whole = RelativeL2() + 0.5 * H1(0.2) + (Unrolled(4) + 0.125 * Unrolled(2, pushforward=True)) * 2.0
    assert whole == Sum(tuple(terms))
    assert repr(eval(repr(whole))) == repr(whole)
    assert whole.frames(signature) == 4
    first = batch["y"][:, :1]
    expected = RelativeL2()(model(batch["x"]), first, GRID) + 0.5 * H1(0.2)(model(batch["x"]), first, GRID)
    expected = expected + 2 * Unrolled(4).losses(model, batch, 0)
    expected = expected + 0.25 * Unrolled(2, pushforward=True).losses(model, batch, 0)
    torch.testing.assert_close(whole.losses(model, batch, 0), expected, rtol=1e-6, atol=0)


def test_the_text_of_an_objective_says_all() -> None:
    """It is part of the identity of a training."""
    texts = {
        repr(objective)
        for objective in [
            RelativeL2(),
            H1(0.1),
            H1(0.2),
            MeanSquare(),
            RelativeL2() + H1(0.1),
            RelativeL2() + 0.5 * H1(0.1),
            Unrolled(2),
            Unrolled(3),
            Unrolled({0: 2, 1: 3}),
            Unrolled(3, H1(0.1)),
            Unrolled(3, pushforward=True),
            Unrolled(3, truncate=1),
            Noise(RelativeL2(), 0.1),
            Noise(RelativeL2(), 0.2),
            Noise(Unrolled(3), 0.2),
        ]
    }
    assert len(texts) == 15


@pytest.mark.parametrize("weight", [0.0, -1.0, float("nan"), float("inf")])
def test_weights_are_positive(weight: float) -> None:
    with pytest.raises(InputError, match="positive weights"):
        weight * RelativeL2()
