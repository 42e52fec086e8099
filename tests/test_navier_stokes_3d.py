"""Three-dimensional flows against exact solutions, series, published simulations and budgets."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
import torch
from torch import Tensor

from surrogate.datasets.errors import InputError
from surrogate.datasets.grids.grid import Grid
from surrogate.datasets.transfer.fourier import resample_periodic
from surrogate.solvers import NavierStokes3D, curl, dissipation, divergence, divergence_free, helicity
from surrogate.solvers import mean_kinetic_energy as energy
from surrogate.solvers.initial import TaylorGreen

TURN = 2 * math.pi


def box(*shape: int, lengths: tuple[float, ...] = (TURN, TURN, TURN)) -> Grid:
    return Grid(shape, extent=lengths, periodic=True)


def noise(grid: Grid, count: int = 1, seed: int = 0, waves: int = 2) -> Tensor:
    """Return random velocities without divergence, of mean square about 1, with a few waves along each axis."""
    random = torch.Generator().manual_seed(seed)
    coarse = torch.randn(count, 3, *[2 * waves + 1] * 3, generator=random, dtype=torch.float64)
    u = divergence_free(resample_periodic(coarse, grid.shape), grid)
    return u / energy(u).sqrt()[:, None, None, None, None]


def beltrami(grid: Grid, wave: int = 1) -> Tensor:
    """Return the flow of Arnold, Beltrami and Childress: its curl is ``wave`` times itself."""
    x, y, z = (wave * TURN * grid.unit_coordinates(dtype=torch.float64)).unbind(-1)
    return torch.stack([z.sin() + 0.4 * y.cos(), 0.7 * x.sin() + z.cos(), 0.4 * y.sin() + 0.7 * x.cos()])[None]


@pytest.mark.parametrize("shape", [(16, 16, 16), (15, 17, 13)])
def test_flows_along_their_vorticity_decay_exactly(shape: tuple[int, ...]) -> None:
    r"""Where :math:`\omega = k u`, the nonlinear term vanishes, and u decays as :math:`e^{-\nu k^2 t}`."""
    grid = box(*shape)
    u = beltrami(grid, 2)
    assert curl(u, grid).numpy() == pytest.approx(2 * u.numpy(), abs=1e-13)
    solver = NavierStokes3D(grid, viscosity=0.1, dt=0.5, substeps=10)
    exact = u * math.exp(-0.1 * 4 * 1.0)
    assert solver(solver(u)).numpy() == pytest.approx(exact.numpy(), abs=1e-14)


def test_a_plane_vortex_in_a_long_box_decays_exactly_and_its_third_component_stays_zero() -> None:
    grid = box(12, 15, 8, lengths=(2.0, 3.0, 1.0))
    u = torch.zeros(1, 3, *grid.shape, dtype=torch.float64)
    u[0, :2] = TaylorGreen().sample(Grid((12, 15), extent=(2.0, 3.0), periodic=True), seed=0, index=0)[..., None]
    solver = NavierStokes3D(grid, viscosity=0.05, dt=0.1, substeps=4)
    rate = 0.05 * ((TURN / 2) ** 2 + (TURN / 3) ** 2)
    new = solver(u)
    assert new.numpy() == pytest.approx((u * math.exp(-rate * 0.1)).numpy(), abs=1e-14)
    assert not any(mask.any() for mask in solver.faults(u, new).values())


@pytest.mark.parametrize("forced_below", [None, 2.0])
def test_the_order_at_reynolds_number_100_is_four_with_and_without_forcing(forced_below: float | None) -> None:
    grid = box(24, 24, 24)
    u = TaylorGreen().samples(grid, seed=0, indices=[0])

    def end(substeps: int) -> Tensor:
        return NavierStokes3D(grid, viscosity=0.01, dt=1.0, substeps=substeps, forced_below=forced_below)(u)

    finest = end(96)
    errors = [((end(substeps) - finest).norm() / finest.norm()).item() for substeps in (6, 12, 24)]
    # The error of the finest is 1/256 of that of 24; the next term of the error is small.
    assert [math.log2(a / b) for a, b in pairwise(errors)] == pytest.approx([4.0] * 2, abs=0.1)
    assert errors[-1] < 1e-6


def test_the_dissipation_of_the_vortices_of_taylor_and_green_follows_their_series() -> None:
    r"""Taylor & Green (1937) expand :math:`\epsilon(t) / \epsilon(0)` in powers of time, here up to :math:`t^5`."""
    r, grid = 20.0, box(24, 24, 24)
    coefficients = [
        1,
        -6 / r,
        5 / 48 + 18 / r**2,
        -(5 / 3 + 36 / r**2) / r,
        50 / (99 * 64) + 1835 / (9 * 16 * r**2) + 54 / r**4,
        -(361 / (44 * 32) + 761 / (12 * r**2) + 324 / (5 * r**4)) / r,
    ]
    u, remainders = TaylorGreen().samples(grid, seed=0, indices=[0]), []
    for t in (0.15, 0.3):
        new = NavierStokes3D(grid, viscosity=1 / r, dt=t, substeps=50)(u)
        ratio = (dissipation(new, grid, 1 / r) / dissipation(u, grid, 1 / r)).item()
        remainders.append(ratio - sum(c * t**power for power, c in enumerate(coefficients)))
    assert abs(remainders[1]) < 1e-5
    assert math.log2(remainders[1] / remainders[0]) == pytest.approx(6, abs=0.2)  # the first power that is left out


#: Time, energy, dissipation: Dairay et al., J. Comput. Phys. 337 (2017) 252, Re = 1600, 512^3 points, sixth order.
PUBLISHED = [
    (0.5, 0.124763794951, 4.80244327e-4),
    (1.5, 0.124239364109, 5.91181132e-4),
    (2.0, 0.123916765796, 7.07559736e-4),
]
PEAK = (8.98, 0.0866600310810, 0.0128564940312)


def test_the_published_simulation_at_reynolds_number_1600_is_reproduced_while_64_points_resolve_it() -> None:
    grid = box(64, 64, 64)
    solver = NavierStokes3D(grid, viscosity=1 / 1600, dt=0.5, substeps=8)
    u = TaylorGreen().samples(grid, seed=0, indices=[0])
    carry, states = solver.init(u), {}
    for step in range(1, 5):
        carry, states[0.5 * step] = solver.step(carry)
    for time, published, rate in PUBLISHED:
        assert energy(states[time]).item() == pytest.approx(published, rel=1e-6)
        assert dissipation(states[time], grid, 1 / 1600).item() == pytest.approx(rate, rel=1e-4)


@pytest.mark.gpu
def test_the_published_peak_of_the_dissipation_needs_256_points() -> None:
    grid = box(256, 256, 256)
    solver = NavierStokes3D(grid, viscosity=1 / 1600, dt=PEAK[0] / 449, substeps=2).cuda()
    carry = solver.init(TaylorGreen().samples(grid, seed=0, indices=[0]).cuda())
    rates = []
    for _ in range(460):
        carry, u = solver.step(carry)
        rates.append(dissipation(u, grid, 1 / 1600).item())
        if len(rates) == 449:
            assert energy(u).item() == pytest.approx(PEAK[1], rel=1e-3)
    assert max(rates) == pytest.approx(PEAK[2], rel=5e-3)
    assert rates.index(max(rates)) == pytest.approx(448, abs=5)


@pytest.mark.parametrize("shape", [(20, 24, 18), (21, 19, 23)])
def test_energy_and_helicity_change_only_by_viscosity(shape: tuple[int, ...]) -> None:
    grid = box(*shape, lengths=(TURN, 5.0, 4.0))
    u = noise(grid, 2)
    idle = NavierStokes3D(grid, viscosity=1e-12, dt=0.2, substeps=40)
    before, after = idle.init(u), idle(u)
    start = idle.decode(before.modes)
    assert energy(after).numpy() == pytest.approx(energy(start).numpy(), rel=1e-6)  # ETDRK4 with dt = 0.005
    assert helicity(after, grid).numpy() == pytest.approx(helicity(start, grid).numpy(), rel=1e-6, abs=1e-6)
    assert divergence(after, grid).abs().max() < 1e-12
    solver = NavierStokes3D(grid, viscosity=0.02, dt=1e-3)
    carry, states = solver.init(u), [start]
    for _ in range(2):
        carry, new = solver.step(carry)
        states.append(new)
    rate = (energy(states[2]) - energy(states[0])) / 2e-3
    # Central differences leave dt^2 / 6 times the third derivative, here about 1e-6.
    assert rate.numpy() == pytest.approx(-dissipation(states[1], grid, 0.02).numpy(), rel=1e-4)


def test_forcing_keeps_the_energy_to_round_off_and_acts_on_low_modes_only() -> None:
    grid, viscosities = box(18, 18, 18), torch.tensor([[0.01], [0.05]], dtype=torch.float64)
    u = noise(grid, 2)
    for dtype, rel in ((torch.float64, 1e-14), (torch.float32, 1e-5)):
        solver = NavierStokes3D(grid, viscosity=0.02, dt=0.02, forced_below=1.5, dtype=dtype)
        carry = solver.init(u, parameters=viscosities)
        start = energy(solver.decode(carry.modes))
        for _ in range(50):
            carry, new = solver.step(carry)
        assert energy(new).numpy() == pytest.approx(start.numpy(), rel=rel)
    solver = NavierStokes3D(grid, viscosity=0.05, dt=1e-4, forced_below=1.5)
    free = NavierStokes3D(grid, viscosity=0.05, dt=1e-4)
    added = free.encode(solver(u)) - free.encode(free(u))
    high = torch.fft.fftfreq(18, 1 / 18).square()
    k2 = high[:, None, None] + high[:, None] + torch.arange(added.shape[-1]).square()
    assert added[:, :, (k2 > 1.5**2) & (k2 < 36)].abs().max() < 1e-4 * added.abs().max()  # of second order in dt
    expected = dissipation(u, grid, 0.05) * 1e-4
    assert (energy(solver(u)) - energy(free(u))).numpy() == pytest.approx(expected.numpy(), rel=1e-2)


def test_gradients_flow_through_forced_flows() -> None:
    grid = box(6, 6, 6)
    solver = NavierStokes3D(grid, viscosity=0.05, dt=0.05, forced_below=1.0)
    u = noise(grid, waves=1)
    direction = noise(grid, seed=1, waves=1)
    u.requires_grad_()
    loss = (solver(u) * direction).sum()
    (gradient,) = torch.autograd.grad(loss, u)
    step = 1e-5
    with torch.no_grad():
        difference = ((solver(u + step * direction) - solver(u - step * direction)) * direction).sum() / (2 * step)
    assert (gradient * direction).sum().item() == pytest.approx(difference.item(), rel=1e-7)


def test_a_velocity_with_divergence_is_refused_and_a_little_of_it_projected_away() -> None:
    grid = box(12, 12, 12)
    u, solver = noise(grid), NavierStokes3D(grid, viscosity=0.1, dt=0.01)
    x = TURN * grid.unit_coordinates(dtype=torch.float64)[..., 0]
    with pytest.raises(InputError, match=r"Expected a velocity without divergence, got .*% of the energy .*components"):
        solver(u.flip(1))
    slightly = u.clone()
    slightly[:, 0] += 0.05 * x.sin()
    assert solver(slightly).numpy() == pytest.approx(solver(u).numpy(), abs=1e-14)


def test_wrong_input_is_refused() -> None:
    with pytest.raises(InputError, match="Expected a grid of three dimensions"):
        NavierStokes3D(Grid((8, 8), periodic=True), viscosity=0.1, dt=0.1)
    with pytest.raises(InputError, match=r"Expected forced_below of at least 1, got 0.5"):
        NavierStokes3D(box(8, 8, 8), viscosity=0.1, dt=0.1, forced_below=0.5)
    with pytest.raises(InputError, match="Expected energy in the modes that are forced, got none"):
        NavierStokes3D(box(8, 8, 8), viscosity=0.1, dt=0.1, forced_below=1.0)(beltrami(box(8, 8, 8), 2))
