"""What `generate` writes satisfies the equation that it names: differences in time against the right-hand side."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import xarray as xr

from surrogate import generate, open_dataset
from surrogate.cases import Burgers, Kolmogorov, NavierStokes
from surrogate.cases.case import Case
from surrogate.datasets.grids.grid import Grid
from surrogate.solvers.initial import GaussianRandomField

Derivative = Callable[..., np.ndarray]


class Member(NamedTuple):
    """A case with frames close enough for differences, and its right-hand side written down once more."""

    case: Case
    rate: Callable[[xr.Dataset, Derivative], dict[str, np.ndarray]]


def burgers_rate(fields: xr.Dataset, d: Derivative) -> dict[str, np.ndarray]:
    u = fields["u"].values
    return {"u": -u * d(u, x=1) + fields["viscosity"].item() * d(u, x=2)}


def flow_rate(fields: xr.Dataset, d: Derivative, forcing: np.ndarray) -> dict[str, np.ndarray]:
    """Return the rate of the vorticity, with the velocity from a stream function of its own."""
    w, grid = fields["vorticity"].values, Grid.from_fields(fields)
    k = [2 * np.pi / length * np.fft.fftfreq(n, 1 / n) for n, length in zip(grid.shape, grid.lengths, strict=True)]
    k2 = k[0][:, None] ** 2 + k[1] ** 2
    k2[0, 0] = np.inf
    stream = np.fft.ifft2(np.fft.fft2(w) / k2).real
    advection = d(stream, y=1) * d(w, x=1) - d(stream, x=1) * d(w, y=1)
    damping = fields["viscosity"].item() * (d(w, x=2) + d(w, y=2)) - fields["drag"].item() * w
    return {"vorticity": damping - advection + forcing}


def diagonal_rate(fields: xr.Dataset, d: Derivative) -> dict[str, np.ndarray]:
    angle = 2 * np.pi * (fields["x"].values[:, None] + fields["y"].values)
    return flow_rate(fields, d, 0.1 * (np.sin(angle) + np.cos(angle)))


def kolmogorov_rate(fields: xr.Dataset, d: Derivative) -> dict[str, np.ndarray]:
    return flow_rate(fields, d, -4 * np.cos(4 * fields["y"].values))


SMOOTH = GaussianRandomField(n_frequencies=16)
CASES = {
    "Burgers": Member(Burgers(128, 0.02, dt=2e-3, steps=12, initial=SMOOTH), burgers_rate),
    "NavierStokes": Member(
        NavierStokes(64, 1e-3, dt=0.2, steps=8, initial=GaussianRandomField.navier_stokes(5)), diagonal_rate
    ),
    "Kolmogorov": Member(
        Kolmogorov(96, 0.05, dt=0.02, steps=8, wavenumber=4, warm_up=0.5, initial=GaussianRandomField.kolmogorov(5)),
        kolmogorov_rate,
    ),
}


@pytest.fixture(params=CASES.values(), ids=CASES)
def member(request: pytest.FixtureRequest) -> Member:
    return request.param


def derivative(grid: Grid) -> Derivative:
    """Return derivatives by Fourier modes along the last axes, ``d(u, x=1, y=2)``."""

    def d(u: np.ndarray, **orders: int) -> np.ndarray:
        for name, order in orders.items():
            axis = grid.names.index(name)
            n, length = grid.shape[axis], grid.lengths[axis]
            k = (2j * np.pi / length * np.fft.fftfreq(n, 1 / n)) ** order
            place = axis - grid.dim
            modes = np.fft.fft(u, axis=place) * k.reshape(-1, *[1] * (-1 - place))
            u = np.fft.ifft(modes, axis=place).real
        return u

    return d


def residuals(member: Member, fields: xr.Dataset) -> list[dict[str, np.ndarray]]:
    """Return the residuals of central differences over one and over two frames on each side."""
    dt = float(fields["time"][1] - fields["time"][0])
    rate = member.rate(fields, derivative(Grid.from_fields(fields)))
    found = []
    for reach in (1, 2):
        inner = slice(2, -2)
        differences = {}
        for name, right in rate.items():
            u = fields[name].values
            ahead, behind = (np.roll(u, sign * reach, axis=1)[:, inner] for sign in (-1, 1))
            differences[name] = (ahead - behind) / (2 * reach * dt) - right[:, inner]
        found.append(differences)
    return found


def test_the_residual_is_the_error_of_the_differences(member: Member) -> None:
    r"""It is :math:`\Delta t^2 u_{ttt} / 6`: four times as large over twice the time, and gone by extrapolation."""
    fields = generate(member.case, samples=3, seed=4, dtype="float64", progress=False)
    near, far = residuals(member, fields)
    for name, rate in member.rate(fields, derivative(Grid.from_fields(fields))).items():
        size, single, double = (np.linalg.norm(r) for r in (rate, near[name], far[name]))
        assert single < 0.01 * size
        assert double / single == pytest.approx(4, rel=0.05)  # the next term is 5 dt^2 u_ttttt / u_ttt / 20 of it
        assert np.linalg.norm(4 * near[name] - far[name]) / 3 < 0.05 * single


def test_shards_hold_the_same_solutions(member: Member, tmp_path: Path) -> None:
    """Each of them by itself, read without this package: the residual is what differences over two frames leave."""
    options: dict[str, Any] = {"shard_size": 2, "convergence": False, "progress": False}
    generate(member.case, 3, tmp_path / "shards", seed=4, dtype="float64", **options)
    held = generate(member.case, 3, seed=4, dtype="float64", progress=False)
    for number, samples in enumerate([[0, 1], [2]]):
        with xr.open_dataset(tmp_path / "shards" / f"shard-0000{number}.h5", engine="h5netcdf") as stored:
            assert stored["sample"].values.tolist() == samples
            near, far = residuals(member, stored)
            whole = residuals(member, held.sel(sample=samples))[0]
            for name in near:
                np.testing.assert_array_equal(near[name], whole[name])
                assert np.linalg.norm(4 * near[name] - far[name]) / 3 < 0.05 * np.linalg.norm(near[name])


@pytest.mark.parametrize("suffix", [".h5", ""], ids=["file", "shards"])
def test_single_precision_on_disk_adds_its_round_off_only(member: Member, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"stored{suffix}"
    generate(member.case, samples=2, path=path, seed=4, convergence=False, progress=False)
    stored = open_dataset(path)
    exact = generate(member.case, samples=2, seed=4, dtype="float64", progress=False)
    wide = stored.astype(np.float64)
    wide.update({name: exact[name] for name in member.case.parameters})
    for name in member.rate(exact, derivative(Grid.from_fields(exact))):
        assert stored[name].dtype == np.float32
        # Rounding errors are at most 6e-8 of the values; the difference of two of them is divided by 2 dt.
        noise = 6e-8 * np.abs(exact[name].values).max() / member.case.dt
        k = np.pi * max(np.array(Grid.from_fields(exact).shape) / Grid.from_fields(exact).lengths)
        noise_of_rate = 6e-8 * np.abs(exact[name].values).max() * (k + k**2)  # highest derivative, unit coefficients
        change = residuals(member, wide)[0][name] - residuals(member, exact)[0][name]
        assert np.abs(change).max() < 2 * (noise + noise_of_rate)
    assert json.loads(stored.attrs["case"]) == member.case.settings


def test_another_viscosity_leaves_a_residual(member: Member) -> None:
    """The test above can fail: an error of 10 % in a constant is seen."""
    fields = generate(member.case, samples=3, seed=4, dtype="float64", progress=False)
    honest = residuals(member, fields)[0]
    for name in (name for name, value in member.case.parameters.items() if value):
        wrong = residuals(member, fields.assign({name: 1.1 * fields[name]}))[0]
        assert max(np.linalg.norm(wrong[field]) / np.linalg.norm(honest[field]) for field in honest) > 2
