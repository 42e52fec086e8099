"""The V-cycle: linear, with true boundaries, and a multigrid method where its kernels are those of one."""

from __future__ import annotations

import pytest
import torch

from surrogate.datasets.errors import InputError
from surrogate.layers import VCycle

STEPS = [[2, 1], [1, 0], [1, 1], [2, 0]]


def cycle(boundary: list[str], **settings) -> VCycle:
    torch.manual_seed(0)
    return VCycle(2, 3, n_smoothing=STEPS, boundary=boundary, **settings).double()


SETTINGS = [
    {},
    {"residual_restriction": True},
    {"growing_channels": True, "up_kernels": [3, 4, 3]},
    {"boundary_in_prolongation": False},
    {"padding": 0},
]
DAMPING = 2 / 3  # of Jacobi steps


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize(
    "boundary", [["dirichlet"] * 2, ["neumann"] * 2, ["periodic"] * 2, ["periodic", "neumann"], ["periodic"]]
)
def test_is_linear(boundary, settings):
    operator, shape = cycle(boundary, **settings), (33, 38)[: len(boundary)]
    one, two = torch.randn(2, 1, 2, *shape, dtype=torch.float64)
    expected = 3 * operator(one) - 0.1 * operator(two)
    assert expected.shape == (1, 3, *shape)
    torch.testing.assert_close(operator(3 * one - 0.1 * two), expected, rtol=0, atol=1e-13)
    assert torch.equal(operator(torch.zeros_like(one)), torch.zeros_like(expected))


@pytest.mark.parametrize("settings", [{"bias": True}, {"resolution": [32]}])
def test_constants_and_norms_make_it_nonlinear(settings):
    operator = cycle(["periodic"], **settings)
    f = torch.randn(1, 2, 32, dtype=torch.float64)
    assert (operator(2 * f) - 2 * operator(f)).norm() > 1e-3 * operator(f).norm()


@pytest.mark.parametrize("residual", [False, True])
def test_a_periodic_field_may_begin_anywhere(residual):
    operator = cycle(["periodic"] * 2, residual_restriction=residual)
    f = torch.randn(1, 2, 32, 24, dtype=torch.float64)
    shifted = operator(f.roll((8, 16), (2, 3)))  # the coarsest grid has every eighth point
    torch.testing.assert_close(shifted, operator(f).roll((8, 16), (2, 3)), rtol=0, atol=1e-13)
    zeros = cycle(["periodic"] * 2, residual_restriction=residual, boundary_in_prolongation=False)
    assert (zeros(f.roll(8, 2)) - zeros(f).roll(8, 2)).norm() > 1e-3 * zeros(f).norm()


@pytest.mark.parametrize(("kind", "n", "padding"), [("neumann", 17, 1), ("dirichlet", 15, 0)])
@pytest.mark.parametrize("residual", [False, True])
def test_walls_are_mirrors(kind, n, padding, residual):
    """With symmetric kernels, half a period of an even (odd) periodic field."""
    settings = {"up_kernels": 3, "residual_restriction": residual}
    half, whole = cycle([kind], padding=padding, **settings), cycle(["periodic"], **settings)
    symmetric = {name: kernel + kernel.flip(-1) for name, kernel in half.state_dict().items()}
    half.load_state_dict(symmetric)
    whole.load_state_dict(symmetric)
    f = torch.randn(1, 2, n, dtype=torch.float64)
    if kind == "neumann":
        field, own = torch.cat([f, f[..., 1:-1].flip(-1)], -1), slice(0, n)
    else:
        wall = torch.zeros(1, 2, 1, dtype=torch.float64)
        field, own = torch.cat([wall, f, wall, -f.flip(-1)], -1), slice(1, n + 1)
    assert field.shape[-1] == 32
    torch.testing.assert_close(half(f), whole(field)[..., own], rtol=1e-12, atol=1e-12)


def poisson_cycle(n: int) -> torch.Tensor:
    """Return the matrix of one V(1, 1)-cycle for -u'' = f on n inner points: linear interpolation, full weighting."""
    eye = torch.eye(n, dtype=torch.float64)
    matrix = (n + 1) ** 2 * (2 * eye - torch.diag(eye[0, 0].expand(n - 1), 1) - torch.diag(eye[0, 0].expand(n - 1), -1))
    if n == 1:
        return 1 / matrix
    up = torch.zeros(n, n // 2, dtype=torch.float64)
    for point in range(n // 2):
        up[2 * point : 2 * point + 3, point] = torch.tensor([0.5, 1.0, 0.5])
    smoothed = eye - DAMPING / (2 * (n + 1) ** 2) * matrix
    error = smoothed @ (eye - up @ poisson_cycle(n // 2) @ (up.mT / 2) @ matrix) @ smoothed
    return (eye - error) @ matrix.inverse()


def test_contains_the_multigrid_method_for_poisson():
    """With its kernels, and the residual restricted."""
    n, n_levels = 31, 5
    operator = VCycle(
        1,
        1,
        n_smoothing=[[1, 1]] * (n_levels - 1) + [[1, 0]],
        boundary=["dirichlet"],
        residual_restriction=True,
        up_kernels=3,
        padding=0,
    ).double()
    center, linear = torch.tensor([0.0, 1.0, 0.0]).double(), torch.tensor([0.5, 1.0, 0.5]).double()
    state = {}
    for name, kernel in operator.state_dict().items():
        part, level = name.split(".")[0], 0 if name.startswith("first") else int(name.split(".")[1])
        laplace = torch.tensor([-1.0, 2.0, -1.0]).double() * (n + 1) ** 2 / 4**level
        if name.endswith("operator.convolution.weight"):
            new = laplace
        elif part in ("first", "before", "after"):  # the coarsest level is one point, solved exactly
            new = center * (1.0 if level == n_levels - 1 else DAMPING) / laplace[1]
        else:
            new = linear / 2 if "of_f" in name else linear if part == "up" else 0 * center
        state[name] = new.expand(kernel.shape)
    operator.load_state_dict(state)
    matrix = operator(torch.eye(n, dtype=torch.float64)[:, None])[:, 0].mT
    torch.testing.assert_close(matrix, poisson_cycle(n), rtol=1e-11, atol=1e-14)


def test_wrong_steps_are_refused():
    with pytest.raises(InputError, match=r"Expected n_smoothing as \[before, after\] for each level, got"):
        VCycle(1, 1, n_smoothing=[[1]], boundary=["periodic"])
    with pytest.raises(InputError, match="Give the finest level a step before, and the coarsest none after"):
        VCycle(1, 1, n_smoothing=[[0, 1], [1, 0]], boundary=["periodic"])
    with pytest.raises(InputError, match="Give the finest level a step before, and the coarsest none after"):
        VCycle(1, 1, n_smoothing=[[1, 0], [1, 1]], boundary=["periodic"])
    with pytest.raises(InputError, match="Expected up_kernels for 3 ways up, got"):
        VCycle(1, 1, n_smoothing=STEPS, boundary=["periodic"], up_kernels=[3, 4])
