"""The Well: files by its specification, files of ours that its own package opens, and there and back again."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import xarray as xr

from surrogate.datasets import Grid, InputError, Mesh, open_dataset
from surrogate.datasets.writers import write_the_well

RANDOM = np.random.default_rng(0)


def normal(*shape: int) -> np.ndarray:
    return RANDOM.normal(size=shape).astype(np.float32)


def add(group: h5py.Group, name: str, values: np.ndarray, **attributes: Any) -> None:
    group.create_dataset(name, data=values).attrs.update(attributes)


def specified(path: Path, *, samples: int = 2, parameter: float = 0.5, n: int = 6) -> dict[str, np.ndarray]:
    """Write the example of the specification: three times on a grid of n x 4 points, with every kind of field."""
    moving = {"dim_varying": [True, True], "sample_varying": True, "time_varying": True}
    arrays = {
        "FieldA": normal(samples, 3, n, 4),
        "FieldB": normal(samples, n, 4),
        "FieldC": normal(samples, 3, n),
        "FieldD": normal(n, 4),
        "VFieldA": normal(samples, 3, n, 4, 2),
        "TFieldA": normal(samples, 3, n, 4, 2, 2),
        "ParamA": np.float32(parameter),
        "OtherScalar": normal(3),
    }
    with h5py.File(path, "w") as file:
        file.attrs.update({"dataset_name": "ExampleDSet", "grid_type": "cartesian", "n_spatial_dims": 2})
        file.attrs.update({"n_trajectories": samples, "simulation_parameters": ["ParamA"], "ParamA": parameter})
        group = file.create_group("dimensions")
        group.attrs["spatial_dims"] = ["x", "y"]
        add(group, "time", np.arange(3, dtype=np.float32) / 4, sample_varying=False)
        add(group, "x", np.arange(n, dtype=np.float32) / n, sample_varying=False, time_varying=False)
        add(group, "y", np.linspace(0, 2, 4, dtype=np.float32), sample_varying=False, time_varying=False)
        for name, axis, kind, places in (
            ("x_periodic", "x", "periodic", [0, -1]),
            ("y_wall", "y", "WALL", [0]),
            ("y_open", "y", "OPEN", [-1]),
        ):
            mask = np.zeros(n if axis == "x" else 4, dtype=bool)
            mask[places] = True
            group = file.create_group(f"boundary_conditions/{name}")
            group.attrs.update({"associated_dims": [axis], "associated_fields": [], "bc_type": kind})
            group.attrs.update({"sample_varying": False, "time_varying": False})
            group["mask"], group["values"] = mask, np.zeros(mask.sum(), np.float32)
        group = file.create_group("scalars")
        group.attrs["field_names"] = ["ParamA", "OtherScalar"]
        add(group, "ParamA", arrays["ParamA"], sample_varying=False, time_varying=False)
        add(group, "OtherScalar", arrays["OtherScalar"], sample_varying=False, time_varying=True)
        group = file.create_group("t0_fields")
        group.attrs["field_names"] = ["FieldA", "FieldB", "FieldC", "FieldD"]
        add(group, "FieldA", arrays["FieldA"], **moving)
        add(group, "FieldB", arrays["FieldB"], **moving | {"time_varying": False})
        add(group, "FieldC", arrays["FieldC"], **moving | {"dim_varying": [True, False]})
        add(group, "FieldD", arrays["FieldD"], **moving | {"time_varying": False, "sample_varying": False})
        group = file.create_group("t1_fields")
        group.attrs["field_names"] = ["VFieldA"]
        add(group, "VFieldA", arrays["VFieldA"], **moving)
        group = file.create_group("t2_fields")
        group.attrs["field_names"] = ["TFieldA"]
        add(group, "TFieldA", arrays["TFieldA"], antisymmetric=False, symmetric=False, **moving)
    return arrays


def test_the_example_of_the_specification(tmp_path: Path) -> None:
    arrays = specified(tmp_path / "example.hdf5")
    fields = open_dataset(tmp_path / "example.hdf5", names={"FieldA": "density"})
    dims = {"density": "sample time x y", "FieldB": "sample x y", "FieldC": "sample time x", "FieldD": "x y"}
    for name, over in dims.items():
        assert fields[name].dims == tuple(over.split())
        np.testing.assert_array_equal(fields[name], arrays[name.replace("density", "FieldA")])
    for i, a in enumerate("xy"):
        np.testing.assert_array_equal(fields[f"VFieldA_{a}"], arrays["VFieldA"][..., i])
        for j, b in enumerate("xy"):
            np.testing.assert_array_equal(fields[f"TFieldA_{a}{b}"], arrays["TFieldA"][..., i, j])
    assert fields["ParamA"].dims == ()
    assert fields["ParamA"] == 0.5
    np.testing.assert_array_equal(fields["OtherScalar"], arrays["OtherScalar"])
    np.testing.assert_array_equal(fields["time"], [0, 0.25, 0.5])
    sides = (("periodic", "periodic"), ("wall", "neumann"))
    assert Grid.from_fields(fields) == Grid(shape=(6, 4), extent=(1.0, 2.0), boundary=sides)


def test_what_does_not_vary_may_have_length_one(tmp_path: Path) -> None:
    arrays = specified(tmp_path / "example.hdf5")
    with h5py.File(tmp_path / "example.hdf5", "r+") as file:
        for name, shape in (
            ("t0_fields/FieldC", (2, 3, 6, 1)),
            ("scalars/ParamA", (1,)),
            ("t2_fields/TFieldA", (2, 3, 6, 4, 4)),
            ("dimensions/time", (1, 3)),
        ):
            values, attributes = file[name][()], dict(file[name].attrs)
            del file[name]
            add(file, name, values.reshape(shape), **attributes)
    fields = open_dataset(tmp_path / "example.hdf5")
    np.testing.assert_array_equal(fields["FieldC"], arrays["FieldC"])
    np.testing.assert_array_equal(fields["TFieldA_yx"], arrays["TFieldA"][..., 1, 0])
    assert fields["ParamA"].shape == ()
    np.testing.assert_array_equal(fields["time"], [0, 0.25, 0.5])


def test_files_of_a_folder_are_one_dataset(tmp_path: Path) -> None:
    arrays = [specified(tmp_path / f"{i}.hdf5", samples=i + 1, parameter=i) for i in range(3)]
    fields = open_dataset(tmp_path / "*.hdf5")
    assert fields["ParamA"].values.tolist() == [0, 1, 1, 2, 2, 2]
    np.testing.assert_array_equal(fields["FieldA"], np.concatenate([values["FieldA"] for values in arrays]))
    np.testing.assert_array_equal(fields["FieldD"], [arrays[i]["FieldD"] for i in (0, 1, 1, 2, 2, 2)])
    assert fields["OtherScalar"].dims == ("sample", "time")
    specified(tmp_path / "3.hdf5", n=8)
    with pytest.raises(InputError, match=r"the fields, axes and times of the first file in '.*3.hdf5'"):
        open_dataset(tmp_path / "*.hdf5")


def ours(grid: Grid, kind: str = "float32") -> xr.Dataset:
    over = ("sample", "time", *grid.names)
    attributes = {"units": "m/s", "long_name": "speed"}
    names = ["density", *(f"velocity_{a}" for a in grid.names), *(f"D_{a}{b}" for a in grid.names for b in grid.names)]
    moving = {name: (over, normal(2, 4, *grid.shape).astype(kind), attributes) for name in names}
    others = {
        "permeability": (("sample", *grid.names), normal(2, *grid.shape), attributes),
        "inflow": (("time", "x"), normal(4, grid.shape[0]), attributes),
        "viscosity": (("sample",), np.array([0.1, 0.2]), attributes),
        "gravity": ((), 9.81, attributes),
    }
    coords = {"time": ("time", np.arange(4) * 0.1, {"units": "s", "long_name": "time"})}
    return xr.Dataset({**moving, **others}, coords=coords | dict(grid.coordinates()))


GRIDS = [
    Grid(shape=(8,), periodic=True),
    Grid(shape=(8, 6), extent=((-1, 1), (0, 3)), location="cell", boundary=(("periodic",) * 2, ("wall", "dirichlet"))),
    Grid(shape=(4, 5, 6), boundary=(("neumann", "wall"), ("periodic",) * 2, ("dirichlet",) * 2)),
    Grid(shape=(6, 7), stretching=("chebyshev", [0, 0.1, 0.2, 0.4, 0.7, 0.8, 1])),
]


@pytest.mark.parametrize("grid", GRIDS, ids=lambda grid: str(grid.shape))
@pytest.mark.parametrize("kind", ["float32", "float64"])
def test_there_and_back_again(tmp_path: Path, grid: Grid, kind: str) -> None:
    fields = ours(grid, kind)
    write_the_well(fields, tmp_path / "ours.hdf5")
    again = open_dataset(tmp_path / "ours.hdf5")
    assert Grid.from_fields(again) == grid
    for name in fields.variables:
        xr.testing.assert_equal(again[name].variable, fields[name].variable)
        assert again[name].dtype == fields[name].dtype
        assert again[name].attrs["units"] == fields[name].attrs["units"]


def test_the_package_opens_what_we_write(tmp_path: Path) -> None:
    data = pytest.importorskip("the_well.data", reason="needs the package the_well")
    grid = GRIDS[1]
    fields = ours(grid)
    (tmp_path / "data/train").mkdir(parents=True)
    write_the_well(fields, tmp_path / "data/train/ours.hdf5")
    well = data.WellDataset(path=str(tmp_path), well_split_name="train", n_steps_input=1, n_steps_output=3)
    assert len(well) == 2
    names = [name for order in range(3) for name in well.metadata.field_names[order]]
    for number in range(2):
        sample = well[number]
        frames = np.concatenate([sample["input_fields"], sample["output_fields"]])
        for name, found in zip(names, np.moveaxis(frames, -1, 0), strict=True):
            inside = fields[name] if "sample" in fields[name].dims else fields[name].expand_dims(sample=2, y=6)
            np.testing.assert_array_equal(found, inside.transpose("sample", "time", "x", "y")[number])
        np.testing.assert_array_equal(sample["constant_fields"][..., 0], fields["permeability"][number])
        scalars = dict(zip(well.constant_scalar_names, sample["constant_scalars"].tolist(), strict=True))
        assert scalars == {"viscosity": fields["viscosity"][number], "gravity": 9.81}
        np.testing.assert_array_equal(sample["space_grid"][..., 1], np.broadcast_to(grid.axes[1], grid.shape))
        np.testing.assert_allclose(sample["output_time_grid"], fields["time"][1:])
    codes = {name: data.datasets.BoundaryCondition[name].value for name in ("PERIODIC", "WALL")}
    assert sample["boundary_conditions"].tolist() == [[codes["PERIODIC"]] * 2, [codes["WALL"]] * 2]


def test_we_read_what_the_package_says_of_it(tmp_path: Path) -> None:
    export = pytest.importorskip("the_well.utils.export", reason="needs the package the_well")
    specified(tmp_path / "example.hdf5")
    with h5py.File(tmp_path / "example.hdf5") as file:
        theirs = export.hdf5_to_xarray(file)
    fields = open_dataset(tmp_path / "example.hdf5")
    for name in ("FieldA", "FieldB"):
        np.testing.assert_array_equal(fields[name], theirs[name])
    for i, a in enumerate("xy"):
        np.testing.assert_array_equal(fields[f"VFieldA_{a}"], theirs["VFieldA"][..., i])
        np.testing.assert_array_equal(fields[f"TFieldA_{a}x"], theirs["TFieldA"][..., i, 0])


def test_what_the_well_has_no_place_for_is_refused(tmp_path: Path) -> None:
    fields, path = ours(GRIDS[1]), tmp_path / "new.hdf5"
    with pytest.raises(InputError, match=r"ends in .hdf5 or .h5, got '.*new.nc'"):
        write_the_well(fields, tmp_path / "new.nc")
    with pytest.raises(InputError, match="fields over time"):
        write_the_well(fields.isel(time=0, drop=True), path)
    with pytest.raises(InputError, match="a uniform time axis"):
        write_the_well(fields.assign_coords(time=fields["time"] ** 2), path)
    mesh = Mesh([[0, 0], [1, 0], [0, 1]], {"triangle": [[0, 1, 2]]})
    u = xr.Dataset({"u": (("time", "node"), np.ones((2, 3)), {"units": "1"})}, coords=mesh.coordinates())
    with pytest.raises(InputError, match="fields on a grid, as The Well"):
        write_the_well(u.assign_coords(time=("time", [0.0, 1.0], {"units": "1"})), path)
    assert not path.exists()
    path.touch()
    with pytest.raises(InputError, match="does not exist"):
        write_the_well(fields, path)


def test_wrong_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "well.hdf5"
    edits: list[tuple[str, Any, str]] = [
        ("t0_fields/FieldA", normal(2, 3, 6, 5), r"the shape \(2, 3, 6, 4\) that the attributes of 't0_fields/FieldA'"),
        ("t1_fields/VFieldA", normal(2, 3, 6, 4), r"'t1_fields/VFieldA' .* over \(sample, time, x, y, component\)"),
        ("t0_fields/FieldB", np.array([b"word"]), "real numbers in 't0_fields/FieldB'"),
        ("scalars/OtherScalar", normal(4), r"the shape \(3,\) .* 'scalars/OtherScalar'"),
        ("dimensions/y", np.float32([0, 1, 1, 2]), "y"),
        ("dimensions/time", np.float32([[0, 1, 2], [0, 1, 3]]), "the same finite numbers .* 'dimensions/time'"),
        ("dimensions/time", None, "a dataset 'dimensions/time' .* got none"),
        ("dimensions/x", np.float32([0, 1, 3, 4, 5, 6]), "equally spaced points along the periodic axis x"),
        ("t0_fields/FieldA", None, "a dataset 't0_fields/FieldA' .* got none"),
    ]
    for name, values, words in edits:
        specified(path)
        with h5py.File(path, "r+") as file:
            attributes = dict(file[name].attrs)
            del file[name]
            if values is not None:
                add(file, name, values, **attributes)
        with pytest.raises(InputError, match=words) as info:
            open_dataset(path)
        assert "well.hdf5" in str(info.value)
    specified(path)
    with h5py.File(path, "r+") as file:
        file.attrs["grid_type"] = "spherical"
    with pytest.raises(InputError, match=r"cartesian axes .* got spherical \['x', 'y'\]"):
        open_dataset(path)
    for share in (0.3, 0.6, 0.95):
        specified(path)
        os.truncate(path, int(share * path.stat().st_size))
        with pytest.raises(InputError, match=r"well.hdf5"):
            open_dataset(path)
