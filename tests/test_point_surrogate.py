"""Training and prediction on meshes that differ by sample."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import xarray as xr

import surrogate as sg
from surrogate.datasets import Box, InputError, OutsideTrainingRange, Points, PointSamples, Signature, select_samples
from surrogate.models import FNO, GNOT, GalerkinTransformer, OnGrid
from surrogate.training import PointSurrogate
from surrogate.training.objectives import H1, MeanSquare, RelativeL2

# a few samples do not span the range of others
pytestmark = pytest.mark.filterwarnings("ignore::surrogate.datasets.samples.normalizer.OutsideTrainingRange")

SMALL = {"hidden_channels": 8, "n_layers": 1}
QUICK = {"epochs": 2, "batch_size": 4}


@pytest.fixture(scope="module")
def model(polygons: xr.DataTree) -> PointSurrogate:
    torch.manual_seed(0)
    trained = sg.fit(GNOT.for_data(polygons, **SMALL), polygons, **QUICK)
    assert isinstance(trained, PointSurrogate)
    return trained


def test_signature_holds_the_function_of_each_set_of_points(polygons: xr.DataTree) -> None:
    signature = Signature.from_data(polygons)
    assert signature.functions == (("source",), ("is_dirichlet", "boundary_value", "flux"), ("conductivity",))
    assert signature.in_fields == tuple(name for function in signature.functions for name in function)
    assert signature.domain == Box.from_fields(polygons["train"].to_dataset())


def test_output_on_points_without_inputs_comes_first(polygons: xr.DataTree) -> None:
    fields = polygons["train"].to_dataset()
    data = sg.prepare(fields, inputs=["conductivity", "flux"], outputs=["u"], split=(12, 4, 0))
    assert Signature.from_data(data).functions == ((), ("conductivity",), ("flux",))
    model = sg.fit(GNOT.for_data(data, **SMALL), data, **QUICK)
    assert model.network.in_channels == [1, 1]
    u = model.predict(data["validation"])["u"]
    assert u.sizes["node"] == data["validation"].sizes["node"]
    assert u.std() > 0


def test_training_lowers_the_error(polygons: xr.DataTree) -> None:
    """One sample can be learned by heart."""
    one = select_samples(polygons["train"].to_dataset(), [0])
    data = xr.DataTree.from_dict({"train": one, "validation": one})
    torch.manual_seed(0)
    network = GNOT.for_data(data, hidden_channels=16, n_layers=2)
    trained = sg.fit(network, data, epochs=150, batch_size=1, optimizer=sg.OneCycleAdamW(learning_rate=5e-3))
    assert float(sg.relative_error(trained.predict(one), one)[0]) < 0.1


def test_a_prediction_does_not_depend_on_its_batch(polygons: xr.DataTree, model: PointSurrogate) -> None:
    test = polygons["test"].to_dataset()
    together = model.predict(test, batch_size=5)["u"].values
    for batch_size in (1, 2):
        np.testing.assert_allclose(model.predict(test, batch_size=batch_size)["u"], together, rtol=1e-5, atol=1e-6)
    alone = model.predict(select_samples(test, [3]))["u"].values
    rows = slice(*np.cumsum(test["node_count"].values)[2:4])
    np.testing.assert_allclose(alone, together[rows], rtol=1e-5, atol=1e-6)


def test_prediction_lies_on_the_meshes_of_its_input(polygons: xr.DataTree, model: PointSurrogate) -> None:
    test = polygons["test"].to_dataset()
    predicted = model.predict(test)
    sg.datasets.fields.check(predicted)
    assert predicted["u"].attrs == {"units": "1", "long_name": "solution", "mesh": "mesh", "location": "node"}
    for sample in range(5):
        assert sg.Mesh.from_fields(predicted, sample) == sg.Mesh.from_fields(test, sample)


def test_a_mesh_shared_by_all_samples_is_a_ragged_batch_of_equal_counts(polygons: xr.DataTree) -> None:
    mesh = sg.Mesh.from_fields(polygons["test"].to_dataset(), 0)
    rng = np.random.default_rng(0)
    shape = (10, mesh.n_points)
    variables = {name: (("sample", "node"), rng.normal(size=shape), {"units": "1"}) for name in ("a", "u")}
    variables["re"] = ("sample", rng.normal(size=10), {"units": "1"})
    data = sg.prepare(xr.Dataset(variables, mesh.coordinates()), inputs=["a", "re"], outputs=["u"], split=(6, 2, 2))
    model = sg.fit(GNOT.for_data(data, **SMALL), data, **QUICK)
    predicted = model.predict(data["test"])
    assert predicted["u"].dims == ("sample", "node")
    other = data["test"].to_dataset().isel(sample=[1])
    np.testing.assert_allclose(model.predict(other)["u"][0], predicted["u"][1], rtol=1e-5, atol=1e-6)
    changed = other.assign(re=other["re"] + 0.3)
    assert np.abs(model.predict(changed)["u"] - model.predict(other)["u"]).max() > 1e-4


@pytest.mark.parametrize("network", ["gnot", "on_grid"])
def test_saved_and_loaded(polygons: xr.DataTree, network: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    built = {
        "gnot": lambda: GNOT.for_data(polygons, **SMALL),
        "on_grid": lambda: OnGrid.for_data(polygons, FNO, shape=(12, 10), n_modes=4, **SMALL),
    }[network]()
    model = sg.fit(built, polygons, path=tmp_path / "run", **QUICK)
    again = sg.load(tmp_path / "run" / "surrogate.safetensors")
    assert isinstance(again, PointSurrogate)
    assert again.signature == model.signature
    assert again.predict(polygons["test"]).equals(model.predict(polygons["test"]))
    finished = sg.fit(built, polygons, path=tmp_path / "run", **QUICK)
    assert finished.predict(polygons["test"]).equals(model.predict(polygons["test"]))


def test_another_mesh_is_another_training(polygons: xr.DataTree, tmp_path: Path) -> None:
    torch.manual_seed(0)
    sg.fit(GNOT.for_data(polygons, **SMALL), polygons, path=tmp_path, **QUICK)
    moved = polygons["train"].to_dataset()
    moved = moved.assign_coords(x=moved["x"].copy(data=moved["x"].values * 1.001))
    data = xr.DataTree.from_dict({"train": moved, "validation": polygons["validation"].to_dataset()})
    with pytest.raises(InputError, match="another signature and data_hash"):
        sg.fit(GNOT.for_data(polygons, **SMALL), data, path=tmp_path, **QUICK)


def test_points_outside_the_training_box_are_told_with_their_distance(
    polygons: xr.DataTree, model: PointSurrogate
) -> None:
    test = polygons["test"].to_dataset()
    shifted = test.assign_coords(x=test["x"] + 3.0)
    beyond = float(shifted["x"].max()) - model.domain.upper[0]
    with pytest.warns(OutsideTrainingRange) as caught:
        model.predict(shifted)
    (text,) = (str(w.message) for w in caught if "box" in str(w.message))
    assert text.startswith(f"{_points_beyond(shifted, model)} points lie outside the training box")
    assert float(text.split("by up to ")[1].split(":")[0]) == pytest.approx(beyond, rel=0.01)


def _points_beyond(fields: xr.Dataset, model: PointSurrogate) -> int:
    sets = [["source"], ["flux"], ["conductivity"]]
    points = torch.cat([sg.datasets.point_set(fields, names).coordinates for names in sets])
    return int((model.domain.distance(points) > 0.01 * max(model.domain.lengths)).sum())


def test_values_outside_the_training_range_are_told(polygons: xr.DataTree, model: PointSurrogate) -> None:
    test = polygons["test"].to_dataset()
    with pytest.warns(OutsideTrainingRange, match="'flux' leaves the training range"):
        model.predict(test.assign(flux=test["flux"] + 100))


def test_what_does_not_fit_is_refused(polygons: xr.DataTree, model: PointSurrogate) -> None:
    test = polygons["test"].to_dataset()
    with pytest.raises(InputError, match="a field 'flux'"):
        model.predict(test.drop_vars("flux"))
    batch = PointSamples(test, model.functions).__getitems__([0])
    with pytest.raises(InputError, match="Expected 3 input functions, got 2"):
        model(batch["x"][:2])
    with pytest.raises(InputError, match=r"values of \('source',\), got points alone"):
        model((batch["x"][0]._replace(values=None), *batch["x"][1:]))
    with pytest.raises(InputError, match="Expected the query points in 3 dimensions, got 2"):
        sg.fit(GNOT.for_data(polygons, dim=3, **SMALL), polygons, **QUICK)
    with pytest.raises(InputError, match="Expected 2 input functions, got 3"):
        sg.fit(GNOT([1, 3], 1, dim=2, **SMALL), polygons, **QUICK)
    with pytest.raises(InputError, match="Expected 2 channels of function 1, got 3"):
        sg.fit(GNOT([1, 2, 1], 1, dim=2, **SMALL), polygons, **QUICK)


def test_spatial_meshes_do_not_enter_a_model_of_the_plane(model: PointSurrogate) -> None:
    corners = [[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]]
    mesh = sg.Mesh(corners, {"tetrahedron": [[0, 1, 2, 3]]})
    one = {"units": "1"}
    variables = {name: (("sample", "node"), np.ones((1, 4)), one) for name in model.in_fields}
    with pytest.raises(InputError, match="Expected points in 2 dimensions, got 3"):
        model.predict(xr.Dataset(variables, mesh.coordinates()))


def test_networks_on_grids_are_not_for_meshes(polygons: xr.DataTree) -> None:
    for network in (FNO, GalerkinTransformer):
        with pytest.raises(InputError, match=r"Expected data on a grid.*OnGrid.for_data"):
            network.for_data(polygons)
    with pytest.raises(InputError, match="a network on points for fields on meshes, got FNO"):
        sg.fit(FNO(5, 1, dim=2, n_modes=4, **SMALL), polygons, **QUICK)


def test_fields_on_a_grid_do_not_enter(model: PointSurrogate) -> None:
    grid = sg.Grid(shape=(4, 4), periodic=True)
    one = {"units": "1"}
    variables = {name: (("sample", "x", "y"), np.ones((1, 4, 4)), one) for name in model.in_fields}
    fields = xr.Dataset(variables, grid.coordinates())
    with pytest.raises(InputError, match="over 'node', got fields on a grid"):
        model.predict(fields)
    data = xr.DataTree.from_dict({"train": fields.assign_attrs(history=1, horizon=1)})
    data["train"]["source"].attrs["role"] = "static"
    data["train"]["flux"].attrs["role"] = "target"
    with pytest.raises(InputError, match="Expected data on meshes or points, got data on a grid"):
        GNOT.for_data(data)


def test_steps_in_time_on_meshes_are_refused_with_a_cure() -> None:
    mesh = sg.Mesh([[0, 0], [1, 0], [0, 1]], {"triangle": [[0, 1, 2]]})
    u = (("sample", "time", "node"), np.random.default_rng(0).normal(size=(4, 3, 3)), {"units": "1"})
    time = ("time", np.arange(3.0), {"units": "s"})
    data = sg.prepare(xr.Dataset({"u": u}, mesh.coordinates() | {"time": time}), inputs=["u"], outputs=["u"])
    with pytest.raises(InputError, match=r"steady fields on meshes, got \['u'\] to be stepped in time"):
        Signature.from_data(data)


def test_objectives_on_points_are_those_of_each_sample() -> None:
    torch.manual_seed(0)
    counts = [4, 1, 7]
    points = Points.from_list([torch.rand(n, 2) for n in counts])
    p, t = torch.randn(2, 12, 3, dtype=torch.float64)
    pairs = list(zip(p.split(counts), t.split(counts), strict=True))
    relative = [float((a - b).norm() / b.norm()) for a, b in pairs]
    assert RelativeL2()(p, t, points).tolist() == pytest.approx(relative, rel=1e-12)
    square = [float((a - b).square().mean()) for a, b in pairs]
    assert MeanSquare()(p, t, points).tolist() == pytest.approx(square, rel=1e-12)
    exact = t.clone().requires_grad_()
    RelativeL2()(exact, t, points).sum().backward()
    assert exact.grad is not None
    assert not exact.grad.any()
    with pytest.raises(InputError, match="fields on a grid for a gradient"):
        H1()(p, t, points)
