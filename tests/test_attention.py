from __future__ import annotations

import math
from itertools import pairwise

import pytest
import torch
import torch.nn.functional as F

from surrogate.datasets.errors import InputError
from surrogate.layers import Attention

KINDS = ["galerkin", "fourier", "linear", "softmax", "identity"]


def by_definition(module: Attention, x: torch.Tensor, points: torch.Tensor | None) -> torch.Tensor:
    """Follow the specification line by line: project, norm, concatenate, score, dropout, mix, join; head by head."""
    parts = F.linear(x, module.projection.weight, module.projection.bias).chunk(3, dim=-1)
    normalized = (1, 2) if module.kind in ("galerkin", "linear", "identity") else (0, 1)
    n, heads = x.shape[1], []
    rate = module.dropout if module.training else 0.0
    stacked = []
    for number, part in enumerate(parts):
        split = list(part.chunk(module.n_heads, dim=-1))
        if module.norm is not None and number in normalized:
            row = normalized.index(number)
            split = [
                F.layer_norm(s, s.shape[-1:], module.norm.weight[row, h], module.norm.bias[row, h], module.norm.eps)
                for h, s in enumerate(split)
            ]
        if points is not None:
            split = [torch.cat([points.expand(len(x), -1, -1), s], dim=-1) for s in split]
        stacked.append(torch.stack(split, dim=1))
    q, k, v = stacked
    if module.kind in ("galerkin", "linear"):
        q, k = (q.softmax(-1), k.softmax(-2)) if module.kind == "linear" else (q, k)
        heads = q @ F.dropout(k.transpose(-1, -2) @ v / n, rate)
    elif module.kind == "fourier":
        heads = F.dropout(q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1]) / n, rate) @ v
    elif module.kind == "identity":
        heads = v
    else:
        heads = (q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1])).softmax(-1) @ v
    joined = torch.cat(heads.unbind(1), dim=-1)
    return joined if module.output is None else module.output(joined)


def random_attention(kind: str, dim: int, **options: object) -> Attention:
    torch.manual_seed(0)
    module = Attention(12, n_heads=3, kind=kind, dim=dim, **options).double()
    for parameter in module.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    return module


@pytest.mark.parametrize("normalized", [True, False])
@pytest.mark.parametrize("dim", [0, 1, 3])
@pytest.mark.parametrize("kind", KINDS)
def test_equals_the_definition(kind, dim, normalized):
    module = random_attention(kind, dim, normalized=normalized)
    x = torch.randn(2, 19, 12, dtype=torch.float64)
    points = torch.rand(2, 19, dim, dtype=torch.float64) if dim else None
    torch.testing.assert_close(module(x, points), by_definition(module, x, points), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("kind", ["galerkin", "fourier", "linear"])
def test_dropout_acts_on_the_matrix_at_the_configured_rate_in_training_only(kind):
    module = random_attention(kind, 1, dropout=0.3)
    x, points = torch.randn(2, 19, 12, dtype=torch.float64), torch.rand(1, 19, 1, dtype=torch.float64)
    results = []
    for function in (module, lambda *arguments: by_definition(module, *arguments)):
        torch.manual_seed(5)  # the same draws: the matrix has the same shape in both
        results.append(function(x, points))
    torch.testing.assert_close(*results, rtol=1e-12, atol=1e-12)
    module.eval()
    assert not torch.allclose(results[0], module(x, points))
    assert torch.equal(module(x, points), module(x, points))
    torch.testing.assert_close(module(x, points), by_definition(module, x, points), rtol=1e-12, atol=1e-12)


def test_softmax_dropout_acts_at_the_configured_rate_in_training_only():
    """With equal scores and n = 400, the number of kept weights is seen in a value that is 1 everywhere."""
    module = Attention(4, kind="softmax", normalized=False, dropout=0.3).double()
    torch.nn.init.zeros_(module.projection.weight)
    torch.nn.init.ones_(module.projection.bias)
    x = torch.zeros(1, 400, 4, dtype=torch.float64)
    kept = module(x) * 0.7  # share of 400 weights that each of 400 points keeps
    assert abs(kept.mean() - 0.7) < 0.006  # 160,000 draws: five standard errors
    torch.testing.assert_close(module.eval()(x), torch.ones_like(x))


@pytest.mark.parametrize("kind", ["galerkin", "fourier"])
def test_converges_as_the_grid_is_refined(kind):
    """Attention is a quadrature: spectrally accurate on a periodic grid, first order with the sawtooth coordinate."""

    def result(n: int, dim: int) -> torch.Tensor:
        module = random_attention(kind, dim)
        t = torch.arange(n, dtype=torch.float64) / n
        waves = [torch.sin(2 * torch.pi * (k * t + k / 7)) + k / 5 for k in (1, 2, 3)]
        x = torch.stack([*waves, *(w.exp() for w in waves), *(w.cos() for w in waves), *(1 / (3 + w) for w in waves)])
        with torch.no_grad():
            return module(x.T[None], t[None, :, None] if dim else None)[:, :: n // 64]

    smooth = [result(n, 0) for n in (64, 128, 256)]
    error = [float((one - two).norm() / two.norm()) for one, two in pairwise(smooth)]
    assert error[0] < 1e-4
    assert error[1] < error[0] / 2**8 + 1e-14  # faster than 8th order
    sawtooth = [result(n, 1) for n in (512, 1024, 2048)]
    ratio = (sawtooth[0] - sawtooth[1]).norm() / (sawtooth[1] - sawtooth[2]).norm()
    assert 1.9 < ratio < 2.1


def test_initial_maps_are_xavier_plus_diagonal():
    torch.manual_seed(0)
    module = Attention(96, gain=0.01, diagonal=0.3)
    assert not module.projection.bias.any()
    bound = 0.01 * math.sqrt(6 / (96 + 96))
    for block in module.projection.weight.detach().chunk(3):
        rest = block - 0.3 * torch.eye(96)
        assert 0.95 * bound < rest.abs().max() <= bound * (1 + 1e-4)  # the diagonal is rounded in float32
        assert abs(rest.std() / (bound / math.sqrt(3)) - 1) < 0.03  # 9216 draws


def test_large_grids_do_not_overflow_in_half_precision():
    torch.manual_seed(0)
    module = Attention(8, kind="galerkin", dim=1)
    x = torch.randn(1, 70_000, 8)  # the sum of 70,000 squares of order 1 is beyond 65,504, the largest float16
    with torch.autocast("cpu", torch.float16):
        assert module(x, torch.rand(1, 70_000, 1)).isfinite().all()


@pytest.mark.parametrize("kind", KINDS[:-1])
def test_gradient_reaches_query_key_and_value(kind):
    module = random_attention(kind, 1)
    module(
        torch.randn(2, 19, 12, dtype=torch.float64), torch.rand(1, 19, 1, dtype=torch.float64)
    ).square().sum().backward()
    for block in module.projection.weight.grad.chunk(3):
        assert (block.abs().amax(1) > 0).all()


def test_wrong_settings_are_refused():
    with pytest.raises(
        InputError, match="Expected attention out of galerkin, fourier, linear, softmax, identity, got 'cosine'"
    ):
        Attention(8, kind="cosine")
    with pytest.raises(InputError, match="Expected hidden_channels divisible by n_heads"):
        Attention(8, n_heads=3)
