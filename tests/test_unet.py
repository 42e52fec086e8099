from __future__ import annotations

import itertools

import pytest
import torch
from torch import nn

from surrogate.datasets.errors import InputError
from surrogate.layers import PaddedConvolution, PaddedUpsampling, ResidualConvolution
from surrogate.models import UNet

AXES = [(True,), (False,), (True, False), (False, True, True)]
SIZES = (6, 5, 4)


def neighbor(x: torch.Tensor, offsets: tuple[int, ...], periodic: tuple[bool, ...]) -> torch.Tensor:
    """Return at every point the value at this offset, zero beyond the ends that do not wrap around."""
    for axis, (offset, wraps) in enumerate(zip(offsets, periodic, strict=True), start=2):
        n = x.shape[axis]
        there = torch.arange(n) + offset
        x = x.index_select(axis, there % n)
        if not wraps:
            x = x * ((there >= 0) & (there < n)).reshape([-1 if a == axis else 1 for a in range(x.ndim)])
    return x


def apply(matrix: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    return torch.einsum("io,bi...->bo...", matrix, x)


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("periodic", AXES)
def test_convolution_equals_the_sum_over_neighbors(periodic, stride):
    torch.manual_seed(0)
    layer = PaddedConvolution(2, 3, periodic=periodic, stride=stride).double()
    x = torch.randn(2, 2, *SIZES[: len(periodic)], dtype=torch.float64)
    weight, bias = layer.convolution.weight.detach(), layer.convolution.bias.detach()
    y = torch.zeros(())
    for offsets in itertools.product((-1, 0, 1), repeat=len(periodic)):
        matrix = weight[(..., *(offset + 1 for offset in offsets))].T
        y = y + apply(matrix, neighbor(x, offsets, periodic))
    y = y + bias.reshape(-1, *[1] * len(periodic))
    y = y[(..., *[slice(None, None, stride)] * len(periodic))]
    torch.testing.assert_close(layer(x), y, rtol=0, atol=1e-13)


@pytest.mark.parametrize("periodic", AXES)
def test_upsampling_equals_the_sum_over_coarse_points(periodic):
    torch.manual_seed(0)
    layer = PaddedUpsampling(2, 3, periodic=periodic).double()
    shape = SIZES[: len(periodic)]
    x = torch.randn(2, 2, *shape, dtype=torch.float64)
    weight, bias = layer.convolution.weight.detach(), layer.convolution.bias.detach()
    y = torch.zeros(2, 3, *(2 * n for n in shape), dtype=torch.float64)
    for target in itertools.product(*(range(2 * n) for n in shape)):
        for source in itertools.product(*(range(-1, n + 1) for n in shape)):
            place = [j - 2 * k + 1 for j, k in zip(target, source, strict=True)]
            outside = [not wraps and not 0 <= k < n for wraps, k, n in zip(periodic, source, shape, strict=True)]
            if all(0 <= entry < 4 for entry in place) and not any(outside):
                value = x[(..., *(k % n for k, n in zip(source, shape, strict=True)))]
                y[(..., *target)] += value @ weight[(..., *place)]
    torch.testing.assert_close(layer(x), y + bias.reshape(-1, *[1] * len(shape)), rtol=0, atol=1e-13)


def test_residual_block_by_hand():
    torch.manual_seed(0)
    block = ResidualConvolution(2, 3, periodic=[False, False], activation="silu").double()
    x = torch.randn(2, 2, 5, 6, dtype=torch.float64)
    y = x
    for step in (0, 3):
        spread, mean = torch.var_mean(y, dim=(1, 2, 3), keepdim=True, correction=0)
        y = (y - mean) / (spread + 1e-5).sqrt()  # scale and shift start as 1 and 0
        convolution = block.branch[step + 2].convolution
        y = nn.functional.conv2d(y * y.sigmoid(), convolution.weight, convolution.bias, padding=1)
    y = y + apply(block.skip.weight.T, x) + block.skip.bias[:, None, None]
    torch.testing.assert_close(block(x), y, rtol=0, atol=1e-13)


@pytest.mark.parametrize("periodic", [[True], [True, True], [True, False], [False, True], [True, False, True]])
def test_commutes_with_shifts_by_the_total_stride_along_periodic_axes_only(periodic):
    torch.manual_seed(0)
    sizes = {"hidden_channels": 4, "n_layers": 1, "channel_multipliers": [1, 2, 1]}
    dim = len(periodic)
    network = UNet(2, 1, dim=dim, periodic=periodic, options={"coordinates": False}, **sizes).double()
    x = torch.randn(2, 2, *(12, 16, 8)[:dim], dtype=torch.float64)
    before = network(x)
    for axis, wraps in enumerate(periodic, start=2):
        shifted = network(x.roll(4, axis)).roll(-4, axis)
        difference = (shifted - before).norm() / before.norm()
        assert difference < 1e-13 if wraps else difference > 1e-3  # round-off in float64 is about 1e-15
        assert (network(x.roll(2, axis)).roll(-2, axis) - before).norm() > 1e-3 * before.norm()


@pytest.mark.parametrize("periodic", [True, False])
@pytest.mark.parametrize("shape", [(64,), (65,), (8,), (9, 15), (8, 11, 9)])
def test_any_size_enters_and_every_point_matters(shape, periodic):
    torch.manual_seed(0)
    network = UNet(1, 1, dim=len(shape), hidden_channels=4, n_layers=1, periodic=periodic).double()
    x = torch.randn(1, 1, *shape, dtype=torch.float64, requires_grad=True)
    y = network(x)
    assert y.shape == x.shape
    weights = torch.randn(y.shape, dtype=y.dtype, generator=torch.Generator().manual_seed(1))
    (gradient,) = torch.autograd.grad((weights * y).sum(), x)
    assert gradient.abs().min() > 0


def test_number_of_weights():
    """Counted layer by layer from the description in the paper, with 64 channels, 12 fields in and 3 out."""

    def convolution(i: int, o: int) -> int:
        return 9 * i * o + o

    def block(i: int, o: int) -> int:
        return 2 * i + 2 * o + convolution(i, o) + convolution(o, o) + (i * o + o) * (i != o)

    count = convolution(12, 64) + 2 * 64 + convolution(64, 3) + 2 * block(1024, 1024)
    for above, width in ((64, 64), (64, 128), (128, 256), (256, 1024)):
        count += block(above, width) + block(width, width)
        count += 2 * block(2 * width, width) + block(width + above, above)
    for width in (64, 128, 256):
        count += convolution(width, width) + 16 * width * width + width
    network = UNet(12, 3, hidden_channels=64, options={"coordinates": False})
    assert sum(parameter.numel() for parameter in network.parameters()) == count


def test_levels_for_a_small_grid():
    assert UNet.modes_for((64, 8))["channel_multipliers"] == [1, 2, 2, 4]
    assert UNet.modes_for((64, 7))["channel_multipliers"] == [1, 2, 2]
    assert UNet.modes_for((1,))["channel_multipliers"] == [1]
    assert UNet(1, 1, dim=1, **UNet.modes_for((7,)))(torch.zeros(1, 1, 7)).isfinite().all()


def test_wrong_settings_are_refused():
    with pytest.raises(InputError, match=r"Expected at least 8 points along each axis, got \(64, 7\). Use fewer"):
        UNet(1, 1, hidden_channels=4)(torch.zeros(1, 1, 64, 7))
    with pytest.raises(InputError, match=r"Expected activation out of relu, silu, gelu, got 'glue'"):
        UNet(1, 1, options={"activation": "glue"})
    with pytest.raises(
        InputError, match=r"Expected at least one of channel_multipliers and of n_layers, got \[\] and 2"
    ):
        UNet(1, 1, channel_multipliers=[])
    with pytest.raises(InputError, match=r"Expected options out of coordinates, activation, got norm"):
        UNet(1, 1, options={"norm": True})


def test_a_network_for_data_refuses_other_grids():
    """Trained on 64 points, with an error of 2 %, it had one of 50 % on 128."""
    sizes = UNet.modes_for((16, 12))
    network = UNet(1, 1, dim=2, hidden_channels=4, n_layers=1, **sizes)
    assert network(torch.zeros(1, 1, 16, 12)).shape == (1, 1, 16, 12)
    with pytest.raises(InputError, match=r"Expected a grid of shape \(16, 12\), got \(32, 24\). Resample the fields"):
        network(torch.zeros(1, 1, 32, 24))
    with pytest.raises(InputError, match="Expected a resolution of 2 axes, got"):
        UNet(1, 1, dim=2, resolution=(16,))
