"""Plane Navier-Stokes equations: exact solutions, budgets of energy and enstrophy, forcings, refusals."""

from __future__ import annotations

import json
import math

import pytest
import torch
from torch import Tensor

from surrogate.datasets.errors import InputError
from surrogate.datasets.grids.grid import Grid
from surrogate.solvers import (
    DiagonalForcing,
    KolmogorovForcing,
    NavierStokes2D,
    enstrophy,
    kinetic_energy,
    velocity_from_vorticity,
    vorticity_from_velocity,
)

LENGTH = 2 * math.pi


def square(n: int = 32, length: float = LENGTH) -> Grid:
    return Grid((n, n), extent=(length, length), periodic=True)


def points(grid: Grid) -> tuple[Tensor, Tensor]:
    x, y = (torch.as_tensor(axis) for axis in grid.axes)
    return x[:, None].expand(grid.shape), y.expand(grid.shape)


def smooth(grid: Grid) -> Tensor:
    """Return two samples, sums of a few waves with periods of the box, that interact."""
    x, y = (2 * math.pi * axis / length for axis, length in zip(points(grid), grid.lengths, strict=True))
    first = torch.cos(x) + torch.sin(2 * y + 0.3) + torch.cos(x + y) + 0.5 * torch.sin(2 * x - y)
    return torch.stack([first, 2 * torch.sin(x - 2 * y) + torch.cos(3 * y) + torch.sin(x)])[:, None]


@pytest.mark.parametrize(
    "grid",
    [square(), Grid((24, 15), extent=((1.0, 3.0), (-1.0, 0.0)), periodic=True, location="cell")],
    ids=["square", "rectangle of cells, odd"],
)
def test_taylor_green_vortices_only_decay(grid: Grid) -> None:
    kx, ky = (2 * math.pi * m / length for m, length in zip((2, 1), grid.lengths, strict=True))
    x, y = points(grid)
    w, viscosity, drag = (torch.cos(kx * x) * torch.cos(ky * y))[None, None], 0.03, 0.2
    u = velocity_from_vorticity(w, grid)[0]
    assert u[0].numpy() == pytest.approx((-ky * torch.cos(kx * x) * torch.sin(ky * y) / (kx**2 + ky**2)).numpy())
    assert u[1].numpy() == pytest.approx((kx * torch.sin(kx * x) * torch.cos(ky * y) / (kx**2 + ky**2)).numpy())
    decay = math.exp(-(viscosity * (kx**2 + ky**2) + drag) * 0.7)
    new = NavierStokes2D(grid, viscosity=viscosity, drag=drag, dt=0.7, substeps=7)(w)
    assert new.numpy() == pytest.approx((decay * w).numpy(), rel=0, abs=1e-14)


def test_a_steady_flow_is_held_by_the_forcing_that_it_needs() -> None:
    r"""Manufactured: :math:`g = u \cdot \nabla w - \nu \nabla^2 w + \mu w` in closed form, waves that interact."""
    grid, viscosity, drag = Grid((36, 30), extent=(LENGTH, LENGTH / 2), periodic=True), 0.2, 0.3
    x, y = points(grid)
    w = torch.cos(x) + torch.sin(2 * y)  # psi = cos x + sin(2 y) / 4
    u, v = torch.cos(2 * y) / 2, torch.sin(x)
    transport = -u * torch.sin(x) + v * 2 * torch.cos(2 * y)
    g = transport + viscosity * (torch.cos(x) + 4 * torch.sin(2 * y)) + drag * w
    solver = NavierStokes2D(grid, viscosity=viscosity, drag=drag, forcing=g, dt=1.0, substeps=40)
    assert solver(w[None, None]).numpy() == pytest.approx(w[None, None].numpy(), rel=0, abs=1e-13)
    per_sample = NavierStokes2D(grid, viscosity=viscosity, drag=drag, forcing="static", dt=1.0, substeps=40)
    static = torch.stack([g, torch.zeros_like(g)])[:, None]
    states = per_sample(w[None, None].repeat(2, 1, 1, 1), static)
    free = NavierStokes2D(grid, viscosity=viscosity, drag=drag, dt=1.0, substeps=40)
    assert states[:1].numpy() == pytest.approx(w[None, None].numpy(), rel=0, abs=1e-13)
    assert states[1:].numpy() == pytest.approx(free(w[None, None]).numpy(), rel=0, abs=1e-14)


def test_kolmogorov_flow_settles_to_its_laminar_profile() -> None:
    viscosity, drag, grid = 0.5, 0.1, square()
    _, y = points(grid)
    solver = NavierStokes2D(
        grid, viscosity=viscosity, drag=drag, forcing=KolmogorovForcing(wavenumber=4), dt=5.0, substeps=50
    )
    u, v = velocity_from_vorticity(solver(torch.zeros(1, 1, 32, 32, dtype=torch.float64)), grid)[0]
    assert u.numpy() == pytest.approx((torch.sin(4 * y) / (16 * viscosity + drag)).numpy(), abs=1e-14)
    assert v.abs().max() < 1e-15


def test_energy_and_enstrophy_change_by_what_forcing_feeds_and_viscosity_and_drag_take() -> None:
    r"""Test :math:`dE/dt = -2 \nu Z - 2 \mu E + \langle u \cdot f \rangle` and the like for the enstrophy Z."""
    viscosity, drag, h, grid = 0.01, 0.2, 1e-3, Grid((48, 40), extent=(LENGTH, 5.0), periodic=True)
    forcing = KolmogorovForcing(wavenumber=2, amplitude=0.7)
    solver = NavierStokes2D(grid, viscosity=viscosity, drag=drag, forcing=forcing, dt=h)
    _, y = points(grid)
    states = [smooth(grid)]
    for _ in range(2):
        states.append(solver(states[-1]))
    now = states[1]
    u, k = velocity_from_vorticity(now, grid), 2 * math.pi * 2 / grid.lengths[1]
    power = (0.7 * torch.sin(k * y) * u[:, 0]).mean((-2, -1))
    energy = (kinetic_energy(states[2], grid) - kinetic_energy(states[0], grid)) / (2 * h)
    balance = -2 * viscosity * enstrophy(now) - 2 * drag * kinetic_energy(now, grid) + power
    assert energy.numpy() == pytest.approx(balance.numpy(), abs=1e-6)  # central differences: h^2
    gradient = vorticity_gradient(now, grid).square().sum(1).mean((-2, -1))
    gain = (now[:, 0] * forcing(grid)).mean((-2, -1))
    change = (enstrophy(states[2]) - enstrophy(states[0])) / (2 * h)
    assert change.numpy() == pytest.approx((-viscosity * gradient - 2 * drag * enstrophy(now) + gain).numpy(), abs=5e-6)


def vorticity_gradient(w: Tensor, grid: Grid) -> Tensor:
    modes = torch.fft.fft2(w)
    kx, ky = (
        2 * math.pi * torch.fft.fftfreq(n, length / n, dtype=torch.float64)
        for n, length in zip(grid.shape, grid.lengths, strict=True)
    )
    return torch.cat([torch.fft.ifft2(1j * k * modes).real for k in (kx[:, None], ky)], dim=1)


def test_without_viscosity_the_truncation_conserves_energy_and_enstrophy() -> None:
    grid = square(24)
    w, drifts = smooth(grid), []
    for substeps in (20, 40):
        new = NavierStokes2D(grid, viscosity=1e-300, dt=2.0, substeps=substeps)(w)
        drifts.append(
            [
                (kinetic_energy(new, grid) / kinetic_energy(w, grid) - 1).abs().max().item(),
                (enstrophy(new) / enstrophy(w) - 1).abs().max().item(),
            ]
        )
    assert max(drifts[0]) < 1e-4
    orders = [math.log2(coarse / fine) for coarse, fine in zip(*drifts, strict=True)]
    assert min(orders) > 4.5  # the classical scheme loses quadratic quantities at order five at least


def test_the_form_with_four_transforms_is_the_advective_form() -> None:
    """On a grid where the products of all modes are resolved."""
    grid = Grid((30, 36), extent=(2.0, 3.0), periodic=True)
    w = smooth(grid)
    advective = (velocity_from_vorticity(w, grid) * vorticity_gradient(w, grid)).sum(1, keepdim=True)
    solver = NavierStokes2D(grid, viscosity=0.1, dt=1.0)
    ours = -solver.decode(solver.nonlinear(solver.encode(w), solver.constants))
    assert ours.numpy() == pytest.approx(advective.numpy(), rel=0, abs=1e-13)


def test_velocity_and_vorticity_are_inverse_and_the_velocity_has_no_divergence() -> None:
    grid = Grid((24, 31), extent=(1.0, 2.0), periodic=True)
    w = smooth(grid)
    u = velocity_from_vorticity(w, grid)
    assert vorticity_from_velocity(u, grid).numpy() == pytest.approx(w.numpy(), rel=0, abs=1e-13)
    divergence = vorticity_gradient(u[:, :1], grid)[:, 0] + vorticity_gradient(u[:, 1:], grid)[:, 1]
    assert divergence.abs().max() < 1e-12


def test_a_turned_flow_turns() -> None:
    """By a quarter, (x, y) to (-y, x): the vorticity is a scalar."""
    grid = square()
    solver = NavierStokes2D(grid, viscosity=0.01, dt=0.5, substeps=10)

    def turned(w: Tensor) -> Tensor:
        return w.transpose(-2, -1).flip(-2).roll(1, dims=-2)

    w = smooth(grid)
    assert solver(turned(w)).numpy() == pytest.approx(turned(solver(w)).numpy(), rel=0, abs=1e-13)


def test_the_named_forcings_are_those_of_the_literature() -> None:
    x, y = points(square())
    g = KolmogorovForcing(wavenumber=8)(square())
    assert g.numpy() == pytest.approx((-8 * torch.cos(8 * y)).numpy(), abs=1e-13)
    unit = square(16, 1.0)
    x, y = points(unit)
    angle = 2 * math.pi * (x + y)
    g = DiagonalForcing()(unit)
    assert g.numpy() == pytest.approx((0.1 * (torch.sin(angle) + torch.cos(angle))).numpy(), abs=1e-15)
    body = torch.zeros(1, 2, 32, 32, dtype=torch.float64)
    body[0, 0] = 3 * torch.sin(4 * points(square())[1])
    curl = vorticity_from_velocity(body, square())
    assert KolmogorovForcing(4, 3.0)(square()).numpy() == pytest.approx(curl[0, 0].numpy(), abs=1e-13)


def test_the_settings_tell_forcings_apart() -> None:
    def forcing(value: object) -> object:
        solver = NavierStokes2D(square(8), viscosity=0.1, dt=0.1, forcing=value)  # type: ignore[arg-type]
        return json.loads(json.dumps(solver.settings))["forcing"]

    assert forcing(None) is None
    assert forcing("static") == "static"
    assert forcing(KolmogorovForcing(2)) == {"name": "KolmogorovForcing", "wavenumber": 2, "amplitude": 1.0}
    one, two = (forcing(scale * KolmogorovForcing(2)(square(8))) for scale in (1.0, 2.0))
    assert one != two


def test_gradients_flow_to_state_and_forcing() -> None:
    grid = Grid((8, 6), extent=(LENGTH, LENGTH), periodic=True)
    solver = NavierStokes2D(grid, viscosity=0.1, dt=0.1, forcing="static", substeps=2)
    w = torch.sin(points(grid)[0] + points(grid)[1])[None, None].requires_grad_()
    g = torch.cos(points(grid)[0])[None, None].requires_grad_()

    def centered(field: Tensor) -> Tensor:
        return field - field.mean((-2, -1), keepdim=True)

    assert torch.autograd.gradcheck(lambda w, g: solver(centered(w), centered(g)), (w, g))


def test_what_is_no_plane_flow_is_refused() -> None:
    grid = square(8)
    solver = NavierStokes2D(grid, viscosity=0.1, dt=0.1)
    with pytest.raises(InputError, match="Expected a positive viscosity, got"):
        NavierStokes2D(grid, viscosity=-1e-3, dt=0.1)
    with pytest.raises(InputError, match="Expected a finite, not negative drag, got"):
        NavierStokes2D(grid, viscosity=0.1, drag=-0.1, dt=0.1)
    with pytest.raises(InputError, match="Expected a grid of two dimensions"):
        NavierStokes2D(Grid((8,), periodic=True), viscosity=0.1, dt=0.1)
    with pytest.raises(InputError, match="Expected a vorticity whose mean is zero"):
        solver(torch.ones(1, 1, 8, 8))
    with pytest.raises(InputError, match="Expected a forcing whose mean is zero"):
        NavierStokes2D(grid, viscosity=0.1, dt=0.1, forcing=torch.ones(8, 8))
    with pytest.raises(InputError, match=r"Expected a forcing on \(8, 8\) points"):
        NavierStokes2D(grid, viscosity=0.1, dt=0.1, forcing=torch.zeros(4, 4))
    with pytest.raises(InputError, match="Expected the static field 'forcing', got none"):
        NavierStokes2D(grid, viscosity=0.1, dt=0.1, forcing="static")(torch.zeros(1, 1, 8, 8))
