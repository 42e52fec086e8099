"""PDEBench: every layout that its scripts write, and the defects of its data, on solutions that have them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
import xarray as xr

from surrogate.cli import main
from surrogate.datasets import Grid, InputError, open_dataset
from surrogate.datasets.readers import KnownDefect
from surrogate.solvers import Burgers

RANDOM = np.random.default_rng(0)


def centers(n: int, low: float, high: float) -> np.ndarray:
    """Return centers of cells in single precision, as the scripts store them."""
    edges = np.linspace(low, high, n + 1, dtype=np.float32)
    return edges[:-1] + np.float32(0.5 * (high - low) / n)


def write(path: Path, arrays: Mapping[str, np.ndarray], attributes: Mapping[str, float] | None = None) -> Path:
    with h5py.File(path, "w") as file:
        for name, values in arrays.items():
            file.create_dataset(name, data=values)
        file.attrs.update(attributes or {})
    return path


def waves(x: np.ndarray, period: float, moved: np.ndarray | float = 0.0) -> np.ndarray:
    """Return three samples ``(3, times, x)`` of two waves, moved by a distance for each time."""
    phase = 2 * np.pi * (x - np.reshape(moved, (-1, 1))) / period
    return np.stack([np.sin(k * phase + k) + 0.5 * np.cos(2 * phase) for k in (1, 2, 3)]).astype(np.float32)


def advection(path: Path, *, speed: float = 1.0, period: float = 1.0, attribute: bool = True) -> Path:
    x, times = centers(128, 0, 1), np.arange(42, dtype=np.float32) * np.float32(0.05)
    tensor = waves(x, period, speed * 0.4 * times[:41])
    arrays = {"tensor": tensor, "x-coordinate": x, "t-coordinate": times}
    return write(path, arrays, {"beta": 0.4} if attribute else {})


def test_advection(tmp_path: Path) -> None:
    for name, attribute in (("new.hdf5", True), ("1D_Advection_Sols_beta0.4.hdf5", False)):
        fields = open_dataset(advection(tmp_path / name, attribute=attribute))
        assert fields["u"].dims == ("sample", "time", "x")
        assert fields["u"].shape == (3, 41, 128)
        assert fields["velocity_x"] == 0.4
        np.testing.assert_allclose(fields["time"], np.arange(41) * 0.05, rtol=1e-6)
        assert Grid.from_fields(fields) == Grid(shape=(128,), periodic=True, location="cell")
        exact = waves(fields["x"].values, 1.0, 0.4 * fields["time"].values)
        np.testing.assert_allclose(fields["u"], exact, atol=1e-5)  # x is single precision in the file


def test_advection_at_twice_the_speed_is_told_and_mended(tmp_path: Path) -> None:
    path = advection(tmp_path / "old.hdf5", speed=2)
    with pytest.warns(KnownDefect, match=r"'old.hdf5' move at 2 velocity_x: .* They were left; open_dataset"):
        fields = open_dataset(path)
    assert fields["time"][-1] == pytest.approx(2)
    with pytest.warns(KnownDefect, match="They were doubled"):
        fields = open_dataset(path, correct=True)
    exact = waves(fields["x"].values, 1.0, 0.4 * fields["time"].values)
    np.testing.assert_allclose(fields["u"], exact, atol=1e-5)


def test_initial_data_of_too_short_a_period_are_told(tmp_path: Path) -> None:
    path = advection(tmp_path / "kink.hdf5", period=float(np.ptp(centers(128, 0, 1))))
    with pytest.warns(KnownDefect, match=r"'kink.hdf5' repeat after L - dx"):
        open_dataset(path)


def burgers(path: Path, *, viscosity: float, x: np.ndarray) -> Path:
    """Write a solution of Burgers on the unit interval, at the points ``x``."""
    grid, times = Grid(shape=(128,), periodic=True, location="cell"), np.arange(4) * 0.01
    frames = [torch.as_tensor(waves(grid.axes[0], 1.0), dtype=torch.float64)]
    stepper = Burgers(grid, viscosity=viscosity, dt=0.01)
    for _ in times[1:-1]:
        frames.append(stepper(frames[-1]))
    tensor = torch.stack([frame[:, 0] for frame in frames], dim=1).numpy().astype(np.float32)
    arrays = {"tensor": tensor, "x-coordinate": x, "t-coordinate": times.astype(np.float32)}
    return write(path, arrays, {"Nu": 0.1})


def test_burgers(tmp_path: Path) -> None:
    path = burgers(tmp_path / "1D_Burgers_Sols_Nu0.1.hdf5", viscosity=0.1 / np.pi, x=centers(128, 0, 1))
    with pytest.warns(KnownDefect, match=r"Nu = 0.1 of '1D_Burgers.* is divided by pi"):
        fields = open_dataset(path, names={"u": "velocity"})
    assert fields["viscosity"] == 0.1 / np.pi
    assert fields["velocity"].shape == (3, 3, 128)
    assert fields.attrs["equation"] == Burgers.equation


def test_burgers_with_twice_the_flux_is_told_and_mended(tmp_path: Path) -> None:
    # u_t + (u^2)_x = nu u_xx on (-1, 1) is u_t + (u^2/2)_X = nu/4 u_XX for X = (x + 1)/2
    path = burgers(tmp_path / "old.hdf5", viscosity=0.1 / np.pi / 4, x=centers(128, -1, 1))
    with pytest.warns(KnownDefect, match=r"'old.hdf5', on x from -1 to 1, solves .*halves x"):
        fields = open_dataset(path)
    assert fields.attrs["equation"] == "u_t + (u^2)_x = viscosity u_xx"
    assert Grid.from_fields(fields).extent == ((-1, 1),)
    with pytest.warns(KnownDefect, match="put on an interval of half the length"):
        fields = open_dataset(path, correct=True)
    assert Grid.from_fields(fields) == Grid(shape=(128,), periodic=True, location="cell")
    assert fields["viscosity"] == pytest.approx(0.1 / np.pi / 4)
    assert fields.attrs["equation"] == Burgers.equation
    with pytest.warns(KnownDefect, match="put on an interval of half the length"):
        assert main(["convert", str(path), str(tmp_path / "new.h5"), "--correct", "true"]) == 0
    xr.testing.assert_identical(open_dataset(tmp_path / "new.h5").drop_attrs(), fields.drop_attrs())


def test_reaction_diffusion_and_darcy(tmp_path: Path) -> None:
    arrays = {
        "tensor": waves(centers(16, 0, 1), 1.0, np.arange(5) * 0.1),
        "x-coordinate": centers(16, 0, 1),
        "t-coordinate": np.arange(6, dtype=np.float32),
    }
    fields = open_dataset(write(tmp_path / "ReacDiff_Nu0.5_Rho10.0.hdf5", arrays))
    assert (fields["diffusivity"], fields["rate"]) == (0.5, 10)
    np.testing.assert_array_equal(fields["u"], arrays["tensor"])
    darcy = {"tensor": RANDOM.normal(size=(3, 1, 8, 6)), "nu": RANDOM.uniform(size=(3, 8, 6))}
    coordinates = {"x-coordinate": centers(8, 0, 1), "y-coordinate": centers(6, 0, 1)}
    path = write(tmp_path / "2D_DarcyFlow_beta0.1_Train.hdf5", darcy | coordinates, {"beta": 0.1})
    fields = open_dataset(path)
    assert fields["source"] == 0.1
    assert fields["pressure"].dims == fields["permeability"].dims == ("sample", "x", "y")
    np.testing.assert_array_equal(fields["pressure"], darcy["tensor"][:, 0])
    np.testing.assert_array_equal(fields["permeability"], darcy["nu"])
    assert Grid.from_fields(fields).boundary == (("dirichlet", "dirichlet"),) * 2


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_compressible_flow(tmp_path: Path, dim: int) -> None:
    shape = (8, 6, 4)[:dim]
    names = ["density", "pressure", "Vx", "Vy", "Vz"][: 2 + dim]
    arrays = {name: RANDOM.normal(size=(2, 3, *shape)).astype(np.float32) for name in names}
    points = {f"{axis}-coordinate": centers(n, 0, 1) for axis, n in zip("xyz", shape, strict=False)}
    times = {"t-coordinate": np.arange(4, dtype=np.float32) * np.float32(0.05)}
    path = tmp_path / f"{dim}D_CFD_Rand_M0.1_Eta1.e-8_Zeta1e-08_trans_Train.hdf5"
    write(path, arrays | points | times)
    if dim == 1:
        fields = open_dataset(path)
    else:
        with pytest.warns(KnownDefect, match=r"Mass balance .* '.*_Train.hdf5'"):
            fields = open_dataset(path)
    parameters = {"shear_viscosity": 1e-8, "bulk_viscosity": 1e-8, "mach_number": 0.1}
    assert {name: float(fields[name]) for name in parameters} == parameters
    for theirs, ours in zip(names, ["density", "pressure", "velocity_x", "velocity_y", "velocity_z"], strict=False):
        assert fields[ours].dims == ("sample", "time", *"xyz"[:dim])
        np.testing.assert_array_equal(fields[ours], arrays[theirs])
    assert Grid.from_fields(fields).boundary == (("neumann", "neumann"),) * dim
    assert len(fields["time"]) == 3


def smoke(path: Path) -> dict[str, np.ndarray]:
    """Write what the generator of incompressible flow does: names, order of axes, types, chunks, filters, settings."""
    arrays = {
        "velocity": RANDOM.normal(size=(2, 3, 8, 6, 2)),
        "particles": RANDOM.normal(size=(2, 3, 8, 6, 1)),
        "force": RANDOM.normal(size=(2, 8, 6, 2)),
        "t": np.tile([0.0, 0.005, 0.01], (2, 1)),
    }
    with h5py.File(path, "w") as file:
        file.attrs["config"] = "sim_name: ns_sim_2d\ngrid_size:\n- 8\n- 6\nNU: 0.01\nseed: 1\nn_batch: 2\n"
        file.attrs["latestIndex"] = 2
        for name, values in arrays.items():
            chunks = (1, 1, *values.shape[2:])
            file.create_dataset(name, data=values, dtype="f4", chunks=chunks, compression="lzf", shuffle=True)
    return {name: values.astype("f4") for name, values in arrays.items()}


def test_incompressible_flow(tmp_path: Path) -> None:
    path = tmp_path / "ns_incom_inhom_2d_512-0.h5"
    arrays = smoke(path)
    fields = open_dataset(path)
    np.testing.assert_array_equal(fields["particles"], arrays["particles"][..., 0])
    for number, axis in enumerate("xy"):
        np.testing.assert_array_equal(fields[f"velocity_{axis}"], arrays["velocity"][..., number])
        np.testing.assert_array_equal(fields[f"force_{axis}"], arrays["force"][..., number])
    assert fields["particles"].dims == ("sample", "time", "x", "y")
    assert fields["force_x"].dims == ("sample", "x", "y")
    np.testing.assert_array_equal(fields["time"], arrays["t"][0])
    assert fields["viscosity"] == 0.01
    assert Grid.from_fields(fields) == Grid(shape=(8, 6), extent=(1.0, 1.0), location="cell")
    assert "unit square were assumed" in fields.attrs["comment"]


def test_wrong_files_of_incompressible_flow_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "smoke.h5"
    for name, values, words in (
        ("t", np.array([[0, 1, 2], [0, 1, 3]]), "the same finite numbers for all samples in 't' of"),
        ("t", np.full((2, 3), np.nan), "the same finite numbers for all samples in 't' of"),
        ("t", np.zeros((2, 4)), r"3 numbers for each sample in 't' of .*, got shape \(2, 4\)"),
        ("t", np.arange(2.0), r"3 numbers in 't' of .*, got shape \(2,\)"),
        ("t", np.zeros((2, 3)), "an increasing time axis"),
        ("velocity", np.ones((2, 3, 8, 6, 1)), "component 1 in 'velocity'"),
        ("force", np.ones((2, 3, 8, 6, 2)), r"'force' of .* over \(sample, x, y, component\)"),
    ):
        smoke(path)
        with h5py.File(path, "r+") as file:
            del file[name]
            file[name] = values
        with pytest.raises(InputError, match=words) as info:
            open_dataset(path)
        assert "smoke.h5" in str(info.value)


def grouped(path: Path, shape: tuple[int, ...], limits: tuple[float, float]) -> dict[str, np.ndarray]:
    arrays = {f"{seed:04d}/data": RANDOM.normal(size=(5, *shape)).astype(np.float32) for seed in range(3)}
    with h5py.File(path, "w") as file:
        for name, values in arrays.items():
            file.create_dataset(name, data=values, compression="lzf")
            group = name.removesuffix("data")
            for axis, n in zip("yx" if len(shape) == 3 else "x", shape[:-1], strict=True):
                file.create_dataset(f"{group}grid/{axis}", data=centers(n, *limits))
            file.create_dataset(f"{group}grid/t", data=np.linspace(0, 5, 5, dtype=np.float32))
            file[group].attrs["config"] = "sim:\n  seed: 0\n"
    return arrays


def test_groups_of_one_sample_each(tmp_path: Path) -> None:
    arrays = grouped(tmp_path / "2D_diff-react_NA_NA.h5", (6, 8, 2), (-1, 1))
    fields = open_dataset(tmp_path / "2D_diff-react_NA_NA.h5")
    stored = xr.Variable(("sample", "time", "y", "x", "c"), np.stack(list(arrays.values())))
    for number, name in enumerate(("activator", "inhibitor")):
        expected = stored.isel(c=number).transpose("sample", "time", "x", "y")
        np.testing.assert_array_equal(fields[name], expected)
    grid = Grid(shape=(8, 6), extent=((-1, 1),) * 2, boundary=(("neumann",) * 2,) * 2, location="cell")
    assert Grid.from_fields(fields) == grid
    arrays = grouped(tmp_path / "1D_diff-sorp_NA_NA.h5", (8, 1), (0, 1))
    fields = open_dataset(tmp_path / "1D_diff-sorp_NA_NA.h5")
    np.testing.assert_array_equal(fields["concentration"], np.stack(list(arrays.values()))[..., 0])
    arrays = grouped(tmp_path / "2D_rdb_NA_NA.h5", (8, 8, 1), (-2.5, 2.5))
    fields = open_dataset(tmp_path / "2D_rdb_NA_NA.h5")
    np.testing.assert_array_equal(fields["water_height"], np.stack(list(arrays.values()))[..., 0])
    assert Grid.from_fields(fields).extent == ((-2.5, 2.5),) * 2


def test_wrong_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "data.hdf5"
    x, t, u = centers(16, 0, 1), np.arange(5, dtype=np.float32), waves(centers(16, 0, 1), 1.0, np.arange(5.0))
    good = {"tensor": u, "x-coordinate": x, "t-coordinate": t}
    wrong: list[tuple[Mapping[str, np.ndarray], str]] = [
        (good | {"x-coordinate": x[:-1]}, r"16 numbers in 'x-coordinate' .* got shape \(15,\)"),
        (good | {"x-coordinate": x**2}, "equally spaced, increasing points along x, got steps between"),
        (good | {"t-coordinate": t[:3]}, "5 or 6 numbers in 't-coordinate'"),
        (good | {"t-coordinate": t * np.nan}, "finite numbers in 't-coordinate'"),
        (good | {"t-coordinate": t[::-1]}, "an increasing time axis"),
        ({"tensor": u, "x-coordinate": x}, "a dataset 't-coordinate' .* got none"),
        (good | {"tensor": u[..., None, None]}, r"'tensor' .* over \(sample, time, x\), got shape"),
        (good | {"tensor": u.astype(complex)}, "real numbers in 'tensor'"),
        (good | {"tensor": np.where(u > 1, np.nan, u)}, "finite values in 'u'"),
    ]
    for arrays, words in wrong:
        with pytest.raises(InputError, match=f"{words}.*") as info:
            open_dataset(write(path, arrays))
        assert "data.hdf5" in str(info.value)
    with pytest.raises(InputError, match=r"a layout of PDEBench in '.*data.hdf5', got the entries \['v'\]"):
        open_dataset(write(path, {"v": u}), format="pdebench")
    arrays = grouped(path, (8, 1), (0, 1))
    with h5py.File(path, "r+") as file:
        del file["0001/data"]
        file["0001/data"] = arrays["0001/data"][:3]
    with pytest.raises(InputError, match=r"'0001/data' of '.*data.hdf5' like the first"):
        open_dataset(path)
    for share in (0.2, 0.5, 0.9):
        write(path, good)
        os.truncate(path, int(share * path.stat().st_size))
        with pytest.raises(InputError, match=r"data.hdf5"):
            open_dataset(path)
