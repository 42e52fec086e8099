"""Data that a periodic grid does not hold, told apart and answered with the points that would do."""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Callable

import numpy as np
import pytest
import torch
import xarray as xr
from torch import Tensor

from surrogate import NumericalFailure, rollout
from surrogate.cases import Burgers as BurgersCase
from surrogate.datasets.grids.grid import Grid
from surrogate.solvers import Advection, Burgers, CahnHilliard, Diffusion, NavierStokes2D, UnderResolved
from surrogate.solvers.initial import GaussianRandomField, McWilliams

AsFields = Callable[..., xr.Dataset]


def line(n: int, **kwargs: object) -> Grid:
    return Grid((n,), periodic=True, **kwargs)


def burgers(n: int, viscosity: float = 0.05) -> Burgers:
    return Burgers(line(n), viscosity=viscosity, dt=0.01, substeps=10)


def x(n: int) -> Tensor:
    return torch.arange(n, dtype=torch.float64) / n


def message(solver: object, u: Tensor) -> str:
    """Return the warning about a state of one dimension, if any."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        solver.check_initial(u.reshape(-1, 1, u.shape[-1]))
    assert len(caught) <= 1
    assert all(issubclass(warning.category, UnderResolved) for warning in caught)
    return str(caught[0].message) if caught else ""


@pytest.mark.parametrize("n", [63, 64, 255, 256])
def test_smooth_periodic_data_pass_at_odd_and_even_numbers_of_points(n: int) -> None:
    for u in (torch.sin(2 * math.pi * x(n)), 1 / (1.2 + torch.cos(2 * math.pi * x(n))), torch.ones(n).double()):
        assert message(burgers(n), u) == ""
    field = GaussianRandomField().samples(line(n), seed=0, indices=range(20))
    assert message(burgers(n), field) == ""


@pytest.mark.parametrize("rate", [0.2, 0.05])
def test_the_points_that_an_exponential_spectrum_needs_are_named(rate: float) -> None:
    """The energy of 1 / (cosh r - cos x) falls as e^(-2 r m), and of it e^(-2 r M) is above M."""
    poisson = lambda n: 1 / (math.cosh(rate) - torch.cos(2 * math.pi * x(n)))  # noqa: E731
    exact = 9 / 2 * math.log(100) / (2 * rate)  # M = 2 n / 9 where a hundredth is above
    coarse = 2 * round(exact / 4)
    words = message(burgers(coarse), poisson(coarse))
    assert "Field 'u' of sample 0 is not resolved" in words
    named = int(re.search(r"about (\d+) points along x", words)[1])
    assert exact / 1.5 < named < 1.5 * exact  # out of a spectrum that is aliased itself
    assert message(burgers(2 * named), poisson(2 * named)) == ""


def test_the_points_that_a_step_inside_needs_are_named_and_it_is_no_jump_across_the_ends() -> None:
    """The energy of a step falls as m^-2: a share s beyond n / 3 shrinks to a hundredth at 100 s n / 3, 2/9 of n."""
    n, square = 64, lambda n: ((x(n) > 0.2) & (x(n) < 0.7)).double()
    words = message(burgers(n), square(n))
    assert "is not resolved" in words
    share = float(re.search(r"([\d.]+)% of the energy", words)[1]) / 100
    named = int(re.search(r"about (\d+) points", words)[1])
    assert 90 < named / (share * n) < 260  # out of a spectrum that is aliased itself
    assert message(burgers(2 * named), square(2 * named)) == ""


@pytest.mark.parametrize("n", [64, 65, 4096])
def test_data_that_are_not_periodic_are_told_from_a_shock(n: int) -> None:
    words = message(burgers(n), torch.stack([torch.sin(2 * math.pi * x(n)), x(n) + 0.01 * torch.cos(6 * x(n))]))
    assert re.match(
        r"Field 'u' of sample 1 is not periodic along x: .* it jumps by 0[.]9[0-9]*, [0-9.e+]+ times", words
    )
    shock = torch.tanh((x(n) - 0.3) * n / 8) - torch.tanh((x(n) - 0.8) * n / 8)
    assert "not periodic" not in message(burgers(n), shock)
    across = torch.tanh((x(n) - 0.5) * n / 8) - torch.tanh(x(n) * n / 8) - torch.tanh((x(n) - 1) * n / 8)
    assert "not periodic" not in message(burgers(n), across)


def test_a_last_point_that_repeats_the_first_is_noticed() -> None:
    twice = torch.linspace(0, 1, 65, dtype=torch.float64)
    u = torch.stack([torch.sin(2 * math.pi * twice + phase) for phase in (0.0, 1.0)])
    assert "same values at the first and at the last point along x. Leave out the last point" in message(burgers(65), u)
    centers = torch.cos(2 * math.pi * (x(64) + 0.5 / 64))  # even about the ends, which is no repetition
    assert message(burgers(64), centers) == ""


def test_noise_is_said_to_need_smoothing() -> None:
    noise = torch.randn(256, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    assert "The spectrum does not fall: smooth the data" in message(burgers(256), noise)


def test_the_modes_that_count_are_those_that_the_equation_keeps() -> None:
    """Below 64/2 for degree one, 64/3 for two and 64/4 for three."""
    waves = {m: torch.sin(2 * math.pi * x(64)) + 0.2 * torch.sin(2 * math.pi * m * x(64)) for m in (15, 18, 24)}
    linear = Diffusion(line(64), diffusivity=0.1, dt=0.1)
    cubic = CahnHilliard(line(64), gradient_energy=1e-3, dt=1e-4)
    for m, u in waves.items():
        assert message(linear, u) == ""
        assert ("beyond the 21 that 64 points along x hold" in message(burgers(64), u)) == (m > 21)
        assert ("beyond the 15 that 64 points along x hold" in message(cubic, u)) == (m > 15)
        assert "points along x are needed" in burgers(64).advice(u[None, None])


def test_a_plane_field_names_its_axis_and_a_field_at_rest_does_not_count() -> None:
    grid = Grid((48, 32), periodic=True)
    solver = NavierStokes2D(grid, viscosity=0.01, dt=0.01)
    with pytest.warns(
        UnderResolved, match=r"'vorticity' of sample 1 is not resolved: .* 32 points along y hold .* about 60 points"
    ):
        solver.check_initial(
            torch.cat(
                [
                    McWilliams(n_frequencies=4).sample(grid, seed=0, index=0)[None],
                    torch.sin(2 * math.pi * 12 * x(32)).expand(1, 1, 48, 32),
                ]
            )
        )
    ramp = torch.sin(2 * math.pi * x(48))[:, None] * (x(32) - 0.4)
    with pytest.warns(UnderResolved, match="is not periodic along y"):
        solver.check_initial(ramp[None, None])
    flow = torch.zeros(1, 1, 48, 32, dtype=torch.float64)
    solver.check_initial(flow)


def test_large_ensembles_are_checked_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    u = torch.sin(2 * math.pi * x(32)).repeat(7, 1)
    u[5] = torch.sin(2 * math.pi * 12 * x(32))
    whole = message(burgers(32), u)
    monkeypatch.setattr("surrogate.solvers.resolution._CHUNK_BYTES", 2 * 8 * 32)
    assert "of sample 5 is not resolved" in whole
    assert message(burgers(32), u) == whole


def test_a_rollout_warns_once_and_a_comparison_of_coarse_solvers_does_not(as_fields: AsFields) -> None:
    solver = Advection(line(32), velocity=1.0, dt=0.01)
    fields = as_fields(line(32), {"u": ("sample x", np.linspace(0, 1, 32, endpoint=False)[None])})
    with (
        pytest.warns(UnderResolved, match="not periodic") as caught,
        pytest.raises(NumericalFailure, match=r"no number of points|points along x"),
    ):
        rollout(solver, fields, steps=5)
    assert len(caught) == 1
    rollout(solver, fields, steps=5, keep_going=True)


def test_published_data_are_resolved_by_their_grids() -> None:
    for name in ("R10", "v1000"):
        case = BurgersCase.published(name)
        case.solver(substeps=1).check_initial(case.initial_state(range(4), seed=0))
