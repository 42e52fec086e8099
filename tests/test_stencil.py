"""Kernels of a few points against sums over shifted copies of the padded field."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from surrogate.datasets.errors import InputError
from surrogate.layers import Prolongation, Stencil

NUMPY = {"dirichlet": "constant", "neumann": "reflect", "periodic": "wrap"}
BOUNDARIES = [("dirichlet",), ("neumann",), ("periodic",), ("periodic", "dirichlet"), ("neumann", "periodic")]
BOUNDARIES += [("dirichlet", "neumann"), ("neumann", "periodic", "dirichlet")]
SHAPE = (7, 6, 5)


def padded(x: torch.Tensor, boundary: tuple[str, ...], width: int) -> np.ndarray:
    values = x.numpy()
    for axis, kind in enumerate(boundary, start=2):
        widths = [(width, width) if other == axis else (0, 0) for other in range(values.ndim)]
        values = np.pad(values, widths, mode=NUMPY[kind])
    return values


def field(boundary: tuple[str, ...]) -> torch.Tensor:
    torch.manual_seed(0)
    return torch.randn(2, 3, *SHAPE[: len(boundary)], dtype=torch.float64)


@pytest.mark.parametrize("boundary", BOUNDARIES)
@pytest.mark.parametrize(("stride", "padding"), [(1, 1), (2, 1), (2, 0)])
def test_stencil_sums_shifted_copies_of_the_padded_field(boundary, stride, padding):
    x = field(boundary)
    stencil = Stencil(3, 2, boundary=boundary, stride=stride, padding=padding, bias=True).double()
    weight, bias = (value.detach().numpy() for value in stencil.convolution.parameters())
    beyond = padded(x, boundary, padding)
    exact = 0.0
    for offsets in itertools.product(range(3), repeat=len(boundary)):
        pairs = zip(offsets, beyond.shape[2:], strict=True)
        window = (slice(offset, n - 2 + offset, stride) for offset, n in pairs)
        exact = exact + np.einsum("oi,bi...->bo...", weight[(..., *offsets)], beyond[(..., *window)])
    exact = exact + bias.reshape(2, *[1] * len(boundary))
    torch.testing.assert_close(stencil(x), torch.from_numpy(exact), rtol=0, atol=1e-13)


@pytest.mark.parametrize("boundary", BOUNDARIES)
@pytest.mark.parametrize("kernel_size", [3, 4])
@pytest.mark.parametrize("padding", [0, 1])
def test_prolongation_sees_the_boundary(boundary, kernel_size, padding):
    """It is a part of the prolongation, with zeros around, of the coarse field continued by four points."""
    x = field(boundary)
    near, dim = Prolongation(3, 2, boundary=boundary, kernel_size=kernel_size, padding=padding).double(), len(boundary)
    far = Prolongation(3, 2, boundary=["dirichlet"] * dim, kernel_size=kernel_size, padding=padding).double()
    far.load_state_dict(near.state_dict())
    shape = [2 * n - 1 + kernel_size - 2 * padding - 1 for n in x.shape[2:]]
    wide = far(torch.from_numpy(padded(x, boundary, 4)), [n + 16 for n in shape])
    exact = wide[(..., *(slice(8, 8 + n) for n in shape))]
    torch.testing.assert_close(near(x, shape), exact, rtol=0, atol=1e-13)


@pytest.mark.parametrize(("boundary", "shape"), [(("dirichlet",) * 2, (9, 8)), (("periodic",) * 2, (10, 8))])
def test_prolongation_is_the_adjoint_of_the_restriction(boundary, shape):
    torch.manual_seed(0)
    down, up = Stencil(3, 2, boundary=boundary, stride=2), Prolongation(2, 3, boundary=boundary, kernel_size=3)
    up.load_state_dict(down.state_dict())
    fine = torch.randn(1, 3, *shape).double()
    coarse = down.double()(fine)
    other = torch.randn_like(coarse)
    torch.testing.assert_close((coarse * other).sum(), (fine * up.double()(other, shape)).sum(), rtol=1e-13, atol=1e-12)


def test_wrong_names_and_sizes_are_refused():
    with pytest.raises(InputError, match="Expected boundary 'dirichlet', 'neumann' or 'periodic', got 'wall'"):
        Stencil(1, 1, boundary=["wall"])
    with pytest.raises(InputError, match="Expected boundary 'dirichlet', 'neumann' or 'periodic', got 'wall'"):
        Prolongation(1, 1, boundary=["wall"])
    with pytest.raises(InputError, match="Expected kernels of 3 or 4 points on the way up, got 5"):
        Prolongation(1, 1, boundary=["periodic"], kernel_size=5)
