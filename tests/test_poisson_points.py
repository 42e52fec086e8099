"""Finite elements as an operator on points."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import xarray as xr

import surrogate as sg
from surrogate.datasets import InputError, PointSamples, select_samples
from surrogate.solvers import PoissonOnPoints

SOLVER = sg.cases.PoissonPolygons().solver()


def test_it_makes_the_data_of_the_case() -> None:
    case = sg.cases.PoissonPolygons(nodes=(80, 160))
    truth = case.solve(case.inputs(range(6), seed=5)).assign_attrs(history=1, horizon=1)
    found = sg.predict(SOLVER, truth)
    np.testing.assert_allclose(found["u"], truth["u"], atol=1e-12)
    assert found["u"].attrs["long_name"] == "solution"


def test_quadratic_elements_are_nearer_to_the_limit() -> None:
    case = sg.cases.PoissonPolygons(nodes=(80, 160))
    inputs = case.inputs([1], seed=0)
    finest = case.solve(case.inputs([1], seed=0, refinement=6.0), degree=2)
    meshes = [sg.Mesh.from_fields(fields, 0) for fields in (finest, inputs)]
    exact = sg.datasets.interpolation(*meshes, dtype=torch.float64)(torch.from_numpy(finest["u"].values)).numpy()
    errors = [
        np.linalg.norm(sg.predict(PoissonOnPoints(SOLVER.domain, degree=degree), inputs)["u"].values - exact)
        for degree in (1, 2)
    ]
    assert errors[1] < 0.6 * errors[0]


def test_what_does_not_fit_is_refused(polygons: xr.DataTree) -> None:
    test = select_samples(polygons["test"].to_dataset(), [0])
    source, boundary, material = PointSamples(test, SOLVER.functions).__getitems__([0])["x"]
    with pytest.raises(InputError, match="points with triangles, got points alone"):
        SOLVER((source._replace(simplices=None), boundary, material))
    with pytest.raises(InputError, match="boundary points that are nodes, got points up to"):
        SOLVER((source, boundary._replace(coordinates=boundary.coordinates + 0.01), material))
