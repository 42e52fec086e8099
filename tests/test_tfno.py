from __future__ import annotations

import itertools
import math
import warnings

import pytest
import torch

from surrogate.datasets.errors import InputError
from surrogate.layers import TuckerTensor
from surrogate.models import FNO, TFNO

with warnings.catch_warnings():
    from neuralop.models import TFNO as Original


def test_tensor_is_the_sum_over_the_core():
    torch.manual_seed(0)
    tensor = TuckerTensor((4, 3, 5), rank=0.6, std=1.0).double()
    core, *factors = (torch.view_as_complex(part.detach()) for part in (tensor.core, *tensor.factors))
    full = torch.zeros(4, 3, 5, dtype=torch.complex128)
    for index in itertools.product(*map(range, tensor.ranks)):
        columns = (factor[:, i] for factor, i in zip(factors, index, strict=True))
        full += core[index] * torch.einsum("a,b,c->abc", *columns)
    torch.testing.assert_close(torch.view_as_complex(tensor()), full, rtol=0, atol=1e-13)


def test_initial_entries_have_the_spread_asked_for():
    torch.manual_seed(0)
    squares = [TuckerTensor((8, 8, 6, 4), rank=0.3, std=2.0)().detach().square().mean() for _ in range(400)]
    # one tensor's mean square has a relative spread of at most one half, that of 400 a twentieth of it
    assert math.sqrt(torch.stack(squares).mean()) == pytest.approx(2.0, rel=0.05)


def pair(shape: tuple[int, ...], rank: float = 0.3) -> tuple[TFNO, Original]:
    """Return our network and that of neuraloperator with the same weights."""
    torch.manual_seed(0)
    dim = len(shape)
    sizes = {"in_channels": 2, "out_channels": 1, "hidden_channels": 8, "n_layers": 2, "rank": rank}
    theirs = Original(n_modes=(6,) * dim, **sizes)
    ours = TFNO(dim=dim, n_modes=6, periodic=True, **sizes)
    state = {}
    for name, value in theirs.named_parameters():
        key = name.replace("fno_blocks.", "blocks.").replace("factors.factor_", "factors.")
        state[key] = torch.view_as_real(value.detach()) if value.is_complex() else value.detach()
    ours.load_state_dict(state)
    return ours, theirs


@pytest.mark.parametrize("shape", [(32,), (24, 30), (8, 12, 10)])
def test_equals_neuraloperator_at_even_sizes(shape):
    ours, theirs = pair(shape)
    x = torch.randn(2, 2, *shape)
    torch.testing.assert_close(ours(x), theirs(x), rtol=1e-5, atol=1e-5)  # float32, four Fourier transforms


@pytest.mark.parametrize("rank", [0.01, 0.1, 0.5, 1.0])
@pytest.mark.parametrize("dim", [1, 2, 3])
def test_ranks_and_count_are_those_of_neuraloperator(dim, rank):
    ours, theirs = pair((16,) * dim, rank)
    assert ours.blocks.convs[0].weight.ranks == tuple(theirs.fno_blocks.convs[0].weight.rank)
    count = sum(parameter.numel() * (2 if parameter.is_complex() else 1) for parameter in theirs.parameters())
    assert sum(parameter.numel() for parameter in ours.parameters()) == count


@pytest.mark.parametrize("shape", [(64, 64), (65, 85)])
def test_equals_the_fno_with_the_full_weights(shape):
    torch.manual_seed(0)
    sizes = {"hidden_channels": 4, "n_layers": 2, "n_modes": 6}
    low, full = TFNO(1, 1, rank=0.4, **sizes).double(), FNO(1, 1, **sizes).double()
    state = {key: value for key, value in low.state_dict().items() if ".core" not in key and ".factors" not in key}
    for layer, convolution in enumerate(low.blocks.convs):
        state[f"blocks.convs.{layer}.weight"] = convolution.weight()
    full.load_state_dict(state)
    x = torch.randn(1, 1, *shape, dtype=torch.float64)
    torch.testing.assert_close(low(x), full(x), rtol=0, atol=1e-13)


@pytest.mark.parametrize("rank", [0.0, 1.5])
def test_wrong_rank_is_refused(rank):
    with pytest.raises(InputError, match=r"Expected a rank between 0 and 1, got .* Give the fraction"):
        TFNO(1, 1, rank=rank)
