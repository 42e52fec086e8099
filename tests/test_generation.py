"""Truth made from a case."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
import xarray as xr

from surrogate.cases import Burgers
from surrogate.datasets import InputError, NumericalFailure, open_dataset
from surrogate.generation import generate
from surrogate.rollouts import rollout
from surrogate.solvers.initial import GaussianRandomField

CASE = Burgers(resolution=64, viscosity=0.05, dt=0.05, steps=4)


def test_the_first_frame_is_the_initial_state_and_the_others_solve_the_equation() -> None:
    case = Burgers(64, 0.05, dt=0.002, steps=8, initial=GaussianRandomField(n_frequencies=4))
    fields = generate(case, 2, seed=3, dtype="float64", progress=False)
    state = case.initial_state([0, 1], seed=3)
    np.testing.assert_array_equal(fields["u"].isel(time=0).values, state[:, 0].numpy())
    u = torch.from_numpy(fields["u"].values)
    wavenumber = 2j * torch.pi * torch.fft.fftfreq(64, d=1 / 64, dtype=torch.float64)

    def derivative(v: torch.Tensor) -> torch.Tensor:
        return torch.fft.ifft(wavenumber * torch.fft.fft(v)).real

    tendency = case.viscosity * derivative(derivative(u)) - derivative(u**2 / 2)
    # Simpson's rule is off by (rate * dt)^4 / 180; the fastest mode decays at 0.05 (8 pi)^2, shocks form at about 10.
    integral = case.dt / 3 * (tendency[:, :-2] + 4 * tendency[:, 1:-1] + tendency[:, 2:])
    change = u[:, 2:] - u[:, :-2]
    assert (integral - change)[:, 1:].norm() < 1e-5 * change[:, 1:].norm()


def test_a_sample_depends_on_its_index_only() -> None:
    few = generate(CASE, 3, seed=1, dtype="float64", progress=False)
    more = generate(CASE, 5, seed=1, dtype="float64", batch_size=2, progress=False)
    np.testing.assert_allclose(more["u"].isel(sample=slice(3)), few["u"], rtol=0, atol=1e-14)  # batched transforms
    other = generate(CASE, 3, seed=2, dtype="float64", progress=False)
    assert abs(other["u"] - few["u"]).isel(time=0).max() > 0.1


def test_the_file_says_how_it_was_made(tmp_path: Path) -> None:
    generate(CASE, 2, tmp_path / "burgers.h5", seed=7, progress=False)
    with xr.open_dataset(tmp_path / "burgers.h5", engine="h5netcdf") as fields:
        assert fields["u"].dtype == np.float32
        assert fields["u"].attrs["units"] == "1"
        assert fields.attrs["seed"] == 7
        assert Burgers.from_settings(json.loads(fields.attrs["case"])) == CASE
        assert json.loads(fields.attrs["solver"])["scheme"] == "ETDRK4"
        assert "u_xx" in fields.attrs["equation"]
        assert float(fields["viscosity"]) == CASE.viscosity


def test_stored_data_restart_the_solver(tmp_path: Path) -> None:
    generate(CASE, 2, tmp_path / "burgers.h5", progress=False)
    fields = open_dataset(tmp_path / "burgers.h5")
    again = rollout(CASE.solver(), fields.isel(time=slice(1)), steps=4, progress=False)
    np.testing.assert_allclose(again["u"], fields["u"].isel(time=slice(1, None)), atol=1e-6)  # stored as float32


def test_bad_requests_are_refused_before_work(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="Expected at least one sample, got 0"):
        generate(CASE, 0)
    with pytest.raises(InputError, match=r"Expected samples that fit in memory, got [0-9]+\.[0-9] GiB. Give a path"):
        generate(CASE, 10**10)
    (tmp_path / "there.h5").touch()
    with pytest.raises(InputError, match="Expected an output path that does not exist"):
        generate(CASE, 1, tmp_path / "there.h5")
    with pytest.raises(InputError, match="a path that ends in"):
        generate(CASE, 1, tmp_path / "data.csv")
    generate(CASE, 1, tmp_path / "there.h5", overwrite=True, progress=False)
    assert open_dataset(tmp_path / "there.h5").sizes["sample"] == 1


@pytest.mark.parametrize("resolution", [32, 256])
def test_a_time_step_at_which_the_solver_fails_is_noticed_and_cured(resolution: int) -> None:
    case = Burgers(resolution=resolution, viscosity=0.01, dt=1.0, steps=3)
    start = generate(case, 4, dtype="float64", progress=False).isel(time=slice(1))
    with pytest.raises(NumericalFailure, match=r"Rollout stopped at step 1 .*(smaller dt|is not finite)"):
        rollout(case.solver(substeps=1), start, steps=3, progress=False)
    rollout(case.solver(), start, steps=3, progress=False)
