"""The case of Poisson's equation in random polygons."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import xarray as xr

import surrogate as sg
from surrogate.cases import PoissonPolygons
from surrogate.datasets import InputError, Mesh, interpolation, open_dataset, point_set, select_samples, to_batch
from surrogate.datasets.fields import check
from surrogate.solvers.geometry import RandomPolygons

CASE = PoissonPolygons(nodes=(150, 300))


@pytest.fixture(scope="module")
def fields() -> xr.Dataset:
    return CASE.solve(CASE.inputs(range(4), seed=0))


def test_the_error_of_the_data_falls_with_the_mesh() -> None:
    """Against four times finer quadratic elements, at the nodes of the coarse mesh."""
    finest = CASE.solve(CASE.inputs([1, 2], seed=0, refinement=4.0), degree=2)
    errors = []
    for refinement in (1.0, 2.0):
        coarse = CASE.solve(CASE.inputs([1, 2], seed=0, refinement=refinement))
        relative = []
        for sample in range(2):
            mesh, fine = Mesh.from_fields(coarse, sample), Mesh.from_fields(finest, sample)
            u, exact = (torch.from_numpy(select_samples(data, [sample])["u"].values) for data in (coarse, finest))
            truth = interpolation(fine, mesh, dtype=torch.float64)(exact).numpy()
            weights = mesh.quadrature_weights
            relative.append(np.sqrt(weights @ (u.numpy() - truth) ** 2 / (weights @ truth**2)))
        errors.append(np.array(relative))
    assert (errors[0] < 0.05).all()
    # corners and ends of the Dirichlet part limit the order, which is 2 for smooth solutions, to 1 at worst
    assert (errors[0] / errors[1] > 2).all(), errors


def test_a_sample_depends_on_seed_and_index_only(fields: xr.Dataset) -> None:
    alone = CASE.solve(CASE.inputs([2], seed=0))
    within = select_samples(fields, [2])
    for name in fields.data_vars:
        assert np.array_equal(alone[name].values, within[name].values), name
    assert Mesh.from_fields(alone, 0) == Mesh.from_fields(fields, 2)
    other = CASE.inputs([2], seed=1)
    assert other.sizes["node"] != alone.sizes["node"]


def test_what_is_prescribed_holds(fields: xr.Dataset) -> None:
    held = fields["is_dirichlet"].values == 1
    at = fields["u"].values[fields["boundary_index"].values]
    assert at[held] == pytest.approx(fields["boundary_value"].values[held])
    assert 0 < held.sum() < len(held)
    assert (fields["flux"].values[~held] != 0).all()
    for sample in range(4):
        mesh = Mesh.from_fields(fields, sample)
        facets = sum(len(mesh.tagged_facets(name)) for name in ("dirichlet", "neumann"))
        assert facets == len(mesh.boundary_facets)
        materials = np.unique(select_samples(fields, [sample])["conductivity"].values)
        assert 2 <= len(materials) <= 3
        assert (materials >= 0.2).all()
        assert (materials <= 5).all()


def test_every_input_function_matters(fields: xr.Dataset) -> None:
    for name, change in (
        ("source", lambda v: v + 1),
        ("boundary_value", lambda v: v + 1),
        ("flux", lambda v: v + 1),
        ("conductivity", lambda v: v**2),
    ):
        changed = CASE.solve(fields.assign({name: change(fields[name])}))
        assert np.abs(changed["u"] - fields["u"]).max() > 0.01, name


def test_generated_files_are_checked_split_and_batched(tmp_path: Path) -> None:
    made = sg.generate(CASE, samples=6, path=tmp_path / "polygons.h5", seed=3, progress=False)
    found = open_dataset(tmp_path / "polygons.h5")
    check(found)
    assert found["u"].dtype == np.float32
    assert PoissonPolygons.from_settings(json.loads(found.attrs["case"])) == CASE
    assert json.loads(found.attrs["solver"]) == {"solver": "PoissonOnPoints", "degree": 1}
    inputs = [name for names in CASE.input_functions.values() for name in names]
    data = sg.prepare(found, inputs=inputs, outputs=["u"], split=(4, 1, 1))
    assert sorted(np.concatenate([data[part]["sample"].values for part in data.children])) == list(range(6))
    batch = to_batch(found, {**CASE.input_functions, "query": CASE.out_fields})
    for sample in (0, 5):
        mesh = Mesh.from_fields(made, sample)
        for store, points in (("source", mesh.points), ("boundary", mesh.points[mesh.boundary_points])):
            rows = slice(*batch[store].ptr[sample : sample + 2].tolist())
            assert batch[store].pos[rows].numpy() == pytest.approx(points, abs=1e-6)
            assert (batch[store].batch[rows] == sample).all()
        rows = slice(*batch["material"].ptr[sample : sample + 2].tolist())
        assert batch["material"].pos[rows].numpy() == pytest.approx(mesh.cell_centers, abs=1e-6)


def test_point_sets_of_a_shared_mesh_are_repeated() -> None:
    mesh = Mesh([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]], {"triangle": [[0, 1, 2]]})
    values = np.arange(6.0).reshape(2, 3)
    fields = xr.Dataset({name: (("sample", "node"), values + i) for i, name in enumerate("ab")}, mesh.coordinates())
    positions, ptr, channels, simplices = point_set(fields, ["a", "b"])
    assert simplices.tolist() == [[0, 1, 2], [3, 4, 5]]
    assert ptr.tolist() == [0, 3, 6]
    assert positions.tolist() == [*mesh.points.tolist(), *mesh.points.tolist()]
    assert channels.tolist() == [[v, v + 1] for v in values.ravel()]
    fields["p"] = ("sample", [7.0, 8.0])
    assert to_batch(fields, {"nodes": ["a"]}, parameters=["p"])["parameters"].tolist() == [[7.0], [8.0]]


def test_point_sets_without_one_place_are_refused(fields: xr.Dataset) -> None:
    with pytest.raises(InputError, match="fields on the same points, without time"):
        point_set(fields, ["u", "conductivity"])
    with pytest.raises(InputError, match="the node numbers of 'boundary_node'"):
        point_set(fields.drop_vars("boundary_index"), ["flux"])
    with pytest.raises(InputError, match=r"coordinates x \(and y, z\)"):
        point_set(fields.drop_vars(["x", "y"]), ["u"])


def test_settings_identify_the_case() -> None:
    case = PoissonPolygons((50, 60), (1.0, 2.0), domain=RandomPolygons(holes=(1, 1)))
    assert PoissonPolygons.from_settings(json.loads(json.dumps(case.settings))) == case
    with pytest.raises(InputError, match="settings of the case PoissonPolygons, got Burgers"):
        PoissonPolygons.from_settings(case.settings | {"case": "Burgers"})


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"nodes": (0, 10)}, r"a range of nodes above 0, got \(0, 10\)"),
        ({"conductivity": (2.0, 1.0)}, "a range of conductivity above 0"),
    ],
)
def test_wrong_arguments_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        PoissonPolygons(**arguments)
    with pytest.raises(InputError, match="at least one sample"):
        CASE.inputs([], seed=0)
