"""Linear equations against exact solutions, and each special one against the general one."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor

from surrogate.datasets.errors import InputError
from surrogate.datasets.grids.grid import Grid
from surrogate.solvers import (
    Advection,
    AdvectionDiffusion,
    Diffusion,
    Dispersion,
    PeriodicEquation,
    Wave,
)

TIME = 0.37  # no multiple of anything
SHAPES = [(9,), (8,), (9, 8), (8, 9, 7)]


def box(shape: tuple[int, ...]) -> Grid:
    return Grid(shape, extent=(1.0, (2.0, 5.0), 0.7)[: len(shape)], periodic=True)


def points(grid: Grid) -> list[Tensor]:
    return list(torch.meshgrid(*(torch.as_tensor(axis) for axis in grid.axes), indexing="ij"))


def plane_wave(grid: Grid, phase: float | Tensor = 0.0, shift: tuple[float, ...] = (0.0, 0.0, 0.0)) -> Tensor:
    """Return a wave with three periods along every axis, the most that 7 and 8 points hold, and what it is added to."""
    angle = sum(
        (k * (x - s) for k, x, s in zip(wavevector(grid), points(grid), shift, strict=False)), torch.zeros(grid.shape)
    )
    return torch.cos(angle + phase)[None, None]


def wavevector(grid: Grid) -> list[float]:
    return [6 * math.pi / length for length in grid.lengths]


def near(u: Tensor, exact: Tensor, tolerance: float = 1e-13) -> bool:
    return bool((u - exact).abs().max() < tolerance)


@pytest.mark.parametrize("shape", SHAPES)
def test_advection_translates_by_any_distance(shape: tuple[int, ...]) -> None:
    grid, velocity = box(shape), (1.3, -0.4, 0.2)[: len(shape)]
    solver = Advection(grid, velocity=velocity, dt=TIME)
    moved = plane_wave(grid, shift=tuple(c * TIME for c in velocity))
    assert near(solver(2.0 + plane_wave(grid)), 2.0 + moved)


@pytest.mark.parametrize("shape", SHAPES)
def test_diffusion_damps_each_mode_at_its_own_rate(shape: tuple[int, ...]) -> None:
    grid = box(shape)
    decay = math.exp(-0.003 * sum(k**2 for k in wavevector(grid)) * TIME)
    assert near(Diffusion(grid, diffusivity=0.003, dt=TIME)(2.0 + plane_wave(grid)), 2.0 + decay * plane_wave(grid))


@pytest.mark.parametrize("shape", SHAPES)
def test_advection_and_diffusion_commute(shape: tuple[int, ...]) -> None:
    grid, velocity = box(shape), (1.3, -0.4, 0.2)[: len(shape)]
    both = AdvectionDiffusion(grid, velocity=velocity, diffusivity=0.003, dt=TIME)
    advection, diffusion = Advection(grid, velocity=velocity, dt=TIME), Diffusion(grid, diffusivity=0.003, dt=TIME)
    u = 2.0 + plane_wave(grid)
    assert near(both(u), advection(diffusion(u)))
    assert near(both(u), diffusion(advection(u)))


@pytest.mark.parametrize("n", [8, 9])
@pytest.mark.parametrize("dispersion", [-0.01, 0.02])
def test_dispersion_turns_each_mode_by_its_own_angle(n: int, dispersion: float) -> None:
    grid = box((n,))
    turned = plane_wave(grid, phase=dispersion * wavevector(grid)[0] ** 3 * TIME)
    assert near(Dispersion(grid, dispersion=dispersion, dt=TIME)(2.0 + plane_wave(grid)), 2.0 + turned)


@pytest.mark.parametrize("shape", SHAPES)
def test_waves_travel_and_stand(shape: tuple[int, ...]) -> None:
    grid, speed = box(shape), 0.6
    omega = speed * math.hypot(*wavevector(grid))
    solver = Wave(grid, speed=speed, dt=TIME)

    def travelling(time: float) -> Tensor:
        phase = -omega * time  # v = d/dt cos(k x - omega t) = omega sin(k x - omega t)
        return torch.cat([plane_wave(grid, phase), omega * plane_wave(grid, phase - math.pi / 2)], dim=1)

    assert near(solver(travelling(0.0)), travelling(TIME), 1e-13 * omega)
    standing = torch.cat([plane_wave(grid), torch.zeros_like(plane_wave(grid))], dim=1)
    exact = torch.cat(
        [math.cos(omega * TIME) * plane_wave(grid), -omega * math.sin(omega * TIME) * plane_wave(grid)], 1
    )
    assert near(solver(standing), exact, 1e-13 * omega)


def test_the_mean_of_a_wave_moves_uniformly() -> None:
    grid = box((8, 9))
    u = torch.tensor([2.0, 3.0], dtype=torch.float64)[:, None, None].expand(1, 2, *grid.shape)
    exact = torch.tensor([2.0 + 3.0 * TIME, 3.0], dtype=torch.float64)[:, None, None]
    assert near(Wave(grid, speed=1.0, dt=TIME)(u), exact)


def test_the_energy_of_waves_is_conserved_to_round_off() -> None:
    grid, speed = box((64,)), 0.6
    u = torch.randn(3, 2, 64, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    k = 2 * math.pi * torch.fft.rfftfreq(64, 1 / 64, dtype=torch.float64)

    def energy(state: Tensor) -> Tensor:
        modes = torch.fft.rfft(state)
        modes[..., -1] = 0  # the solver has no Nyquist mode
        return modes[:, 1].abs().square().sum(-1) + (speed * k * modes[:, 0].abs()).square().sum(-1)

    solver, state = Wave(grid, speed=speed, dt=TIME), u
    for _ in range(100):
        state = solver(state)
    assert energy(state).numpy() == pytest.approx(energy(u).numpy(), rel=1e-13)


def test_the_nyquist_mode_is_dropped_and_all_below_it_are_kept() -> None:
    grid = box((8,))
    waves = torch.stack([torch.cos(2 * math.pi * m * points(grid)[0] + 0.3) for m in range(5)])[:, None]
    still = Diffusion(grid, diffusivity=1e-300, dt=1.0)(waves)
    assert near(still[:4], waves[:4])
    assert near(still[4], torch.zeros_like(waves[4]))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda grid: Advection(grid, velocity=math.nan, dt=1.0), "Expected a finite velocity, got"),
        (lambda grid: Advection(grid, velocity=(1.0, 2.0), dt=1.0), "Expected a velocity with 1 components"),
        (lambda grid: Diffusion(grid, diffusivity=-1.0, dt=1.0), "Expected a positive diffusivity, got"),
        (lambda grid: AdvectionDiffusion(grid, velocity=1.0, diffusivity=0.0, dt=1.0), "Expected a positive diffusiv"),
        (lambda grid: Dispersion(grid, dispersion=math.inf, dt=1.0), "Expected a finite dispersion, got"),
        (lambda grid: Dispersion(box((8, 8)), dispersion=1.0, dt=1.0), "Expected a grid of one dimension"),
        (lambda grid: Wave(grid, speed=0.0, dt=1.0), "Expected a positive speed, got"),
        (lambda grid: Wave(grid, speed=1.0, dt=-1.0), "Expected a positive time step dt"),
        (lambda grid: Wave(Grid((8,)), speed=1.0, dt=1.0), "Expected a periodic grid"),
    ],
)
def test_wrong_settings_are_refused(make: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        make(box((8,)))


def test_derivatives_are_right() -> None:
    solver: PeriodicEquation = Wave(box((6,)), speed=0.6, dt=TIME)
    u = torch.randn(2, 2, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).requires_grad_()
    speed = torch.tensor([[0.5], [2.0]], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda u, c: solver(u, parameters=c), (u, speed))
