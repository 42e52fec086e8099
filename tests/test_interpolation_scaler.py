from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from surrogate.datasets.errors import InputError
from surrogate.layers import DownScaler, UpScaler, resize
from surrogate.layers.interpolation_scaler import factor, middle_down, middle_up

SIZES = [  # fine, coarse, factor in units of 1/200, intermediate sizes down and up: those of the paper's code
    (85, 29, 118, 50, 49),
    (141, 43, 111, 78, 77),
    (211, 61, 108, 113, 113),
    (141, 36, 102, 71, 71),
    (141, 71, 142, 100, 99),
    (211, 71, 117, 123, 122),
]


@pytest.mark.parametrize(("fine", "coarse", "steps", "down", "up"), SIZES)
def test_intermediate_sizes_are_the_published_ones(fine, coarse, steps, down, up):
    assert factor(fine, coarse) == steps
    assert middle_down(fine, coarse) == down
    assert down * steps // 200 == coarse  # the same factor again
    assert middle_up(coarse, fine) == up


def test_intermediate_sizes_are_between_for_all_grids():
    for fine in range(2, 500):
        for coarse in range(2, fine + 1, 7):
            assert coarse <= middle_down(fine, coarse) <= fine
            assert coarse <= middle_up(coarse, fine) <= fine
    assert middle_up(36, 36) == 36
    with pytest.raises(InputError, match=r"a grid of at least 9 points along each axis, got 8\. Use a smaller"):
        middle_down(8, 9)


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_resize_is_exact_for_linear_fields(dim):
    shape, new = (7, 5, 6)[:dim], (4, 9, 5)[:dim]
    slopes = (1.0, -2.0, 0.5)

    def field(sizes):
        axes = torch.meshgrid(*(torch.linspace(0, 1, n, dtype=torch.float64) for n in sizes), indexing="ij")
        return sum(slope * axis for slope, axis in zip(slopes, axes, strict=False))[None, None]

    torch.testing.assert_close(resize(field(shape), new, [False] * dim), field(new))


def test_resize_wraps_around_on_periodic_axes():
    """A point of the new grid, and its neighbors on the old one, the first of which is also beyond the last."""
    x = torch.randn(1, 1, 4, 3, dtype=torch.float64)
    y = resize(x, (8, 3), [True, False])
    torch.testing.assert_close(y[:, :, ::2], x)
    torch.testing.assert_close(y[:, :, 1::2], (x + x.roll(-1, 2)) / 2)


@pytest.mark.parametrize(("fine", "coarse", "middle"), [(85, 29, 50), (141, 36, 71)])
def test_down_scaler_follows_its_specification(fine, coarse, middle):
    torch.manual_seed(0)
    scaler = DownScaler(2, 7, periodic=[False, False]).double()
    weights = [parameter.detach() for parameter in scaler.parameters()]
    assert [tuple(weight.shape[:2]) for weight in weights] == [(7, 2), (2, 7), (2, 2), (3, 2)]
    x = torch.randn(1, 2, fine, fine).double()
    y = F.interpolate(F.conv2d(x, weights[0], padding=1).relu(), (middle, middle), mode="bilinear", align_corners=True)
    parts = [y.relu()]
    for weight in weights[1:]:
        parts.append(F.conv2d(parts[-1], weight, padding=1).relu())
    expected = F.interpolate(torch.cat(parts[1:], 1), (coarse, coarse), mode="bilinear", align_corners=True).relu()
    torch.testing.assert_close(scaler(x, (coarse, coarse)), expected)


def test_up_scaler_follows_its_specification():
    torch.manual_seed(0)
    scaler = UpScaler(5, periodic=[False, False]).double()
    (weight,) = scaler.parameters()
    x = torch.randn(1, 5, 29, 29).double()
    between = F.interpolate(x, (49, 49), mode="bilinear", align_corners=True)
    torch.testing.assert_close(scaler(x, (85, 85)), F.silu(F.silu(F.conv2d(between, weight, padding=1))))


def test_periodic_scalers_commute_with_shifts():
    torch.manual_seed(0)
    down, up = DownScaler(1, 6, periodic=[True], activation="silu").double(), UpScaler(6, periodic=[True]).double()
    x = torch.randn(1, 1, 60).double()
    assert middle_down(60, 15) == 30  # so that a shift by 4 points is one by 2, and by 1
    torch.testing.assert_close(down(x.roll(4, 2), (15,)), down(x, (15,)).roll(1, 2))
    features = torch.randn(1, 6, 15).double()
    assert middle_up(15, 15) == 15
    torch.testing.assert_close(up(features.roll(3, 2), (15,)), up(features, (15,)).roll(3, 2))
