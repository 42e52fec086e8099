"""The inverse case, from generated data to a network on a coarse grid."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

import surrogate as sg
from surrogate.cases import Darcy, InverseDarcy
from surrogate.datasets import InputError

CASE = InverseDarcy(17, 5, 0.1)


def test_the_direct_problem_leads_back_to_the_pressure() -> None:
    """Without noise the pressure is the solution for the permeability before it was averaged."""
    clean = InverseDarcy(17, 5, 0.0, refinement=2)
    fields = clean.inputs([0, 3], seed=1)
    direct = Darcy(33, location="node")
    solved = direct.solve(direct.inputs([0, 3], seed=1))
    np.testing.assert_array_equal(fields["pressure"], solved["pressure"][:, ::2, ::2])
    assert sg.Grid.from_fields(fields) == Darcy(17, location="node").grid
    a = solved["permeability"].values[:, ::2, ::2]
    averaged = fields["permeability"].values
    np.testing.assert_allclose(averaged[:, 0, 4], a[:, 0:4, 4:8].mean((1, 2)))  # a block of 4 nodes each way
    np.testing.assert_allclose(averaged[:, 16, 12], a[:, 16, 12:16].mean(1))  # of the last one a single node is left
    np.testing.assert_allclose(averaged[:, 2, 4], (averaged[:, 0, 4] + averaged[:, 4, 4]) / 2)
    assert clean.solve(fields) is fields


def test_noise_is_a_fraction_of_the_spread_of_the_pressure() -> None:
    clean, noisy = (InverseDarcy(17, 5, noise).inputs(range(200), seed=0)["pressure"].values for noise in (0.0, 0.1))
    inner = np.s_[:, 1:-1, 1:-1]
    drawn = (noisy - clean)[inner] / (0.1 * CASE.spread().numpy()[1:-1, 1:-1])
    count = drawn.size  # 45000 normal numbers: mean and deviation within four standard errors
    assert abs(drawn.mean()) < 4 / count**0.5
    assert abs(drawn.std() - 1) < 4 / (2 * count) ** 0.5
    assert abs(np.corrcoef(drawn[:-1].ravel(), drawn[1:].ravel())[0, 1]) < 4 / count**0.5
    assert np.array_equal(noisy[:, 0], clean[:, 0])  # where the pressure is known there is none
    # 256 and 200 samples, some of them the same; coarse solutions and linear interpolation where p bends
    spread = clean.std(axis=0)[4:13, 4:13]
    np.testing.assert_allclose(CASE.spread().numpy()[4:13, 4:13], spread, rtol=0.25)


def test_a_sample_depends_on_seed_and_index_only() -> None:
    many, one = CASE.inputs([0, 1, 2], seed=2), CASE.inputs([2], seed=2)
    np.testing.assert_allclose(many["pressure"][2], one["pressure"][0], rtol=1e-7)  # of the solver's tolerance
    assert not np.allclose(many["pressure"][1], many["pressure"][2])


def test_a_network_on_the_coarse_grid_learns_and_competes(tmp_path: Path) -> None:
    sg.generate(CASE, 20, tmp_path / "inverse.h5", progress=False)
    fields = sg.open_dataset(tmp_path / "inverse.h5")
    assert InverseDarcy.from_settings(json.loads(fields.attrs["case"])) == CASE
    data = sg.prepare(fields, inputs=["pressure"], outputs=["permeability"], split=(12, 4, 4))
    torch.manual_seed(0)
    network = sg.models.GalerkinTransformer.for_data(
        data, hidden_channels=6, n_layers=1, coarse_shape=5, out_shape=5, options={"decoder": "point"}
    )
    model = sg.fit(network, data, epochs=1, batch_size=4, trainer={"accelerator": "cpu"})
    predicted = model.predict(data["test"])["permeability"].values
    assert predicted.shape == (4, 17, 17)
    np.testing.assert_allclose(predicted[:, 2], (predicted[:, 0] + predicted[:, 4]) / 2, rtol=1e-5)
    report = sg.compare({"network": model}, data["test"], time_budget=0.5, progress=False)
    assert "solver" not in {row.kind for row in report.rows}


def test_published_configurations() -> None:
    case = InverseDarcy.published("141", noise=0.1)
    assert (case.refinement * (case.resolution - 1) + 1, case.noise) == (421, 0.1)
    assert InverseDarcy.from_settings(json.loads(json.dumps(case.settings))) == case
    other = InverseDarcy.published("211")
    assert other.refinement * (other.resolution - 1) + 1 == 421


def test_wrong_input_is_refused() -> None:
    with pytest.raises(
        InputError, match="coarse nodes that are fewer than the fine ones and among them, got 6 beside 17"
    ):
        InverseDarcy(17, 6)
    with pytest.raises(InputError, match="fewer than the fine ones and among them, got 17 beside 17"):
        InverseDarcy(17, 17)
    with pytest.raises(InputError, match=r"a noise of at least 0, got -0\.1"):
        InverseDarcy(17, 5, -0.1)
    with pytest.raises(InputError, match="a refinement of at least 1, got 0"):
        InverseDarcy(17, 5, refinement=0)
    with pytest.raises(InputError, match="one of 141, 211, got 421"):
        InverseDarcy.published("421")
    with pytest.raises(InputError, match="settings of the case InverseDarcy, got Darcy"):
        InverseDarcy.from_settings(Darcy(8).settings)
    with pytest.raises(InputError, match=r"inputs with the permeability that they came from, got \['pressure'\]"):
        CASE.solve(CASE.inputs([0], seed=0)[["pressure"]])
