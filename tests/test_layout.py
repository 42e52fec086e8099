"""Arrays beside their coordinates: which axis is which, where the points are, when the frames were."""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.io
import scipy.signal
import torch

import surrogate as sg
from surrogate.datasets import Grid, InputError, open_dataset

REFERENCE = os.environ.get("SURROGATE_REFERENCE")
needs_reference = pytest.mark.skipif(REFERENCE is None, reason="SURROGATE_REFERENCE is not set")
PUBLIC = Path(REFERENCE or "", "data", "public")
C = 5 / np.pi
WAVES = [("KdV", 1.0, {3: 0.0025}), ("KS", C, {2: C**2 / 15, 4: C**4 / 3375})]
X, T = np.linspace(-1, 1, 33), np.linspace(0, 0.5, 6)


def wave(x: np.ndarray, t: np.ndarray) -> np.ndarray:
    """Return a wave that travels one period, 2, in unit time, shape (x, t)."""
    values: np.ndarray = np.cos(np.pi * (x[:, None] - 2 * t) + 0.3)
    return values


@pytest.fixture
def mat(tmp_path: Path) -> Path:
    return tmp_path / "wave.mat"


@pytest.mark.parametrize("end", [True, False])
def test_a_periodic_axis_has_no_end_point_whether_the_file_has_it_or_not(mat: Path, end: bool) -> None:
    x = X if end else X[:-1]
    scipy.io.savemat(mat, {"uu": wave(x, T), "x": x, "tt": T})
    fields = open_dataset(mat, names={"uu": "u"}, grid={"periodic": True})
    assert Grid.from_fields(fields) == Grid((32,), extent=((-1.0, 1.0),), periodic=True)
    np.testing.assert_array_equal(fields["u"], wave(X[:-1], T).T[None])
    np.testing.assert_array_equal(fields["time"], T)


def test_closed_axes_and_cells_come_from_the_points(mat: Path) -> None:
    scipy.io.savemat(mat, {"usol": wave(X, T).T, "x": X[:, None], "t": T[:, None]})
    fields = open_dataset(mat, grid={"boundary": (("dirichlet", "neumann"),)})
    assert Grid.from_fields(fields) == Grid((33,), extent=((-1.0, 1.0),), boundary=(("dirichlet", "neumann"),))
    np.testing.assert_array_equal(fields["usol"][0], wave(X, T).T)
    cells = Grid.from_fields(open_dataset(mat, grid={"location": "cell", "periodic": True}))
    np.testing.assert_allclose(cells.axes[0], X, rtol=0, atol=1e-14)
    assert cells.lengths[0] == pytest.approx(33 / 16)


def test_coordinates_beside_many_samples_and_a_plane(mat: Path) -> None:
    a, u = np.random.default_rng(0).random((4, 5, 7)), np.random.default_rng(1).random((4, 5, 7, 6))
    scipy.io.savemat(mat, {"a": a, "u": u, "x": np.arange(5.0), "y": np.arange(7) / 2, "t": T, "nu": 0.1})
    fields = open_dataset(mat, names={"nu": "viscosity"})
    assert Grid.from_fields(fields) == Grid((5, 7), extent=(4.0, 3.0))
    assert fields["u"].dims == ("sample", "time", "x", "y")
    np.testing.assert_array_equal(fields["u"], np.moveaxis(u, -1, 1))
    np.testing.assert_array_equal(fields["time"], T)
    assert float(fields["viscosity"]) == np.float64(0.1)


def test_shapes_that_leave_a_choice_are_refused_until_it_is_made(tmp_path: Path) -> None:
    path, y = tmp_path / "square.pt", torch.rand(3, 6, 6, dtype=torch.float64)
    torch.save({"x": torch.rand(3, 6), "y": y}, path)
    with pytest.raises(InputError, match=r"one order of axes .*'y' in square\.pt, got .* Say which, such as `dims="):
        open_dataset(path)
    for order, swapped in ((("sample", "time", "x"), False), (("sample", "x", "time"), True)):
        fields = open_dataset(path, dims={"y": order}, names={"y": "u"})
        np.testing.assert_array_equal(fields["u"], y.mT if swapped else y)


def test_frames_before_space_with_times_and_a_parameter(tmp_path: Path) -> None:
    path, y = tmp_path / "frames.pt", torch.rand(3, 5, 8)
    torch.save({"x": y[:, 0], "y": y, "visc": torch.tensor([[0.25]])}, path)
    names = {"x": "initial", "y": "u", "visc": "viscosity"}
    fields = open_dataset(path, names=names, times=(0.0, 2.0), grid={"periodic": True})
    np.testing.assert_array_equal(fields["u"], y)
    assert fields["time"].values.tolist() == [0, 0.5, 1, 1.5, 2]
    assert (float(fields["viscosity"]), fields["viscosity"].dims) == (0.25, ())
    assert open_dataset(path, times=[1.0, 2.0, 4.0, 8.0, 16.0])["time"].values.tolist() == [1, 2, 4, 8, 16]


def test_wrong_choices_are_refused(mat: Path, tmp_path: Path) -> None:
    scipy.io.savemat(mat, {"u": wave(X, T), "x": X, "t": T})
    with pytest.raises(InputError, match=r"frames without times in wave\.mat, got its own times"):
        open_dataset(mat, times=(0.0, 1.0))
    with pytest.raises(InputError, match=r"`dims` that fit 'u' of shape \(33, 6\)"):
        open_dataset(mat, dims={"u": ("time", "x")})
    with pytest.raises(InputError, match=r"`dims` of arrays out of \['u'\] in wave\.mat, got \['v'\]"):
        open_dataset(mat, dims={"v": ("time", "x")})
    torch.save({"x": torch.rand(3, 8), "y": torch.rand(3, 5, 8)}, tmp_path / "frames.pt")
    with pytest.raises(InputError, match=r"the first and the last of 5 times for frames\.pt, or all, got 3"):
        open_dataset(tmp_path / "frames.pt", times=(0.0, 1.0, 2.0))
    torch.save({"x": torch.rand(3, 8), "y": torch.rand(3, 8)}, tmp_path / "still.pt")
    with pytest.raises(InputError, match=r"frames without times in still\.pt, got no time axis"):
        open_dataset(tmp_path / "still.pt", times=(0.0, 1.0))
    scipy.io.savemat(mat, {"u": wave(np.cos(X), T), "x": np.sin(X), "t": T})
    with pytest.raises(InputError, match="a uniform, increasing axis 'x'"):
        open_dataset(mat)


@needs_reference
@pytest.mark.parametrize(("file", "advection", "terms"), WAVES)
def test_real_periodic_waves_obey_their_equation(file: str, advection: float, terms: dict[int, float]) -> None:
    """For u_t + advection u u_x + sum of terms[n] d^n u/dx^n = 0, in Fourier space and by central differences."""
    fields = open_dataset(PUBLIC / f"{file}.mat", names={"uu": "u"}, grid={"periodic": True})
    assert fields.sizes == {"sample": 1, "time": 201, "x": 512}
    assert Grid.from_fields(fields) == Grid((512,), extent=((-1.0, 1.0),), periodic=True)
    u, k = fields["u"].values[0], 1j * np.pi * np.fft.rfftfreq(512, 1 / 512)
    spectrum = np.fft.rfft(u)
    right = -advection * u * np.fft.irfft(k * spectrum)
    right -= sum(factor * np.fft.irfft(k**order * spectrum) for order, factor in terms.items())
    # central differences of order 4 in time, step 0.005, where the solution is smooth
    left = (u[:-4] - 8 * u[1:-3] + 8 * u[3:-1] - u[4:]) / (12 * 0.005)
    early = slice(2, 30)
    error = np.linalg.norm(left[:28] - right[early]) / np.linalg.norm(right[early])
    assert error < 1e-3


@needs_reference
def test_real_shock_has_both_ends_and_its_initial_state() -> None:
    sides = (("dirichlet", "dirichlet"),)
    fields = open_dataset(PUBLIC / "burgers_shock.mat", names={"usol": "u"}, grid={"boundary": sides})
    assert Grid.from_fields(fields) == Grid((256,), extent=((-1.0, 1.0),), boundary=sides)
    assert fields["time"].values[[0, 1, -1]] == pytest.approx([0, 0.01, 0.99])
    np.testing.assert_allclose(fields["u"][0, 0], -np.sin(np.pi * fields["x"]), rtol=0, atol=1e-12)
    assert float(abs(fields["u"][..., [0, -1]]).max()) < 1e-12


@needs_reference
def test_real_burgers_frames_are_periodic_without_end_point_and_our_solver_finds_them() -> None:
    names = {"x": "initial", "y": "u", "visc": "viscosity"}
    path = PUBLIC / "burgers_train_16.pt"
    fields = open_dataset(path, names=names, grid={"periodic": True}, times=(0.0, 0.96))
    assert fields.sizes == {"sample": 800, "x": 16, "time": 17}
    np.testing.assert_array_equal(fields["u"].isel(time=0), fields["initial"])
    u = torch.from_numpy(fields["u"].values)
    rough = torch.fft.rfft(u[:, 0]).abs()[:, 4:].sum(1)
    smooth = u[rough.argsort()[:20]]  # 16 points resolve these, so that they can be solved on more
    start = torch.from_numpy(scipy.signal.resample(smooth[:, 0].numpy(), 128, axis=-1))[:, None]
    errors = {}
    for dt in (0.05, 0.06, 0.0625):
        solver = sg.solvers.Burgers(Grid((128,), periodic=True), viscosity=float(fields["viscosity"]), dt=dt)
        errors[dt] = float((solver(start)[:, 0, ::8] - smooth[:, 1]).norm() / smooth[:, 1].norm())
    assert errors[0.06] < 2e-3  # the spacing of the times that the file does not hold
    assert min(errors[0.05], errors[0.0625]) > 2 * errors[0.06]


PERIODIC = {"grid": {"periodic": True}}
LINES: dict[str, tuple[dict[str, Any], int]] = {
    "public/burgers_train_16.pt": ({"names": {"y": "u", "visc": "viscosity"}, "times": (0.0, 0.96), **PERIODIC}, 2),
    "public/KS.mat": ({"names": {"uu": "u"}, **PERIODIC}, 1),
    "public/KdV.mat": ({"names": {"uu": "u"}, **PERIODIC}, 1),
    "public/burgers_shock.mat": ({"names": {"usol": "u"}}, 1),
    **{f"ett/{name}.csv": ({}, 7) for name in ("ETTh1", "ETTh2", "ETTm1", "ETTm2")},
}


@needs_reference
@pytest.mark.parametrize("file", LINES)
def test_real_data_are_one_line_and_one_plot(file: str) -> None:
    options, panels = LINES[file]
    fields = open_dataset(Path(REFERENCE or "", "data", file), **options)
    figure = sg.plot_fields(fields)
    figure.canvas.draw()
    drawn = [axes for axes in figure.axes if axes.get_label() != "<colorbar>"]
    assert len(drawn) == panels
    assert all(axes.lines or axes.collections for axes in drawn)


@needs_reference
def test_a_stepper_trains_on_the_real_frames() -> None:
    names = {"x": "initial", "y": "u", "visc": "viscosity"}
    path = PUBLIC / "burgers_train_16.pt"
    fields = open_dataset(path, names=names, grid={"periodic": True}, times=(0.0, 0.96))
    data = sg.prepare(fields, inputs=["u"], outputs=["u"])
    torch.manual_seed(0)
    network = sg.models.FNO.for_data(data, hidden_channels=16, n_layers=2, n_modes=8)
    model = sg.fit(network, data, epochs=1, batch_size=64, trainer={"accelerator": "cpu"}, devices=1)
    with warnings.catch_warnings(action="ignore", category=sg.datasets.OutsideTrainingRange):
        first = sg.rollout(model, data["test"], steps=16, progress=False)
    assert first["time"].values == pytest.approx(np.linspace(0.06, 0.96, 16))
    own = float(sg.relative_error(first.isel(time=slice(1)), data["test"]).mean())
    truth = data["test"]["u"].values
    repeated = np.linalg.norm(truth[:, 1] - truth[:, 0], axis=-1) / np.linalg.norm(truth[:, 1], axis=-1)
    assert own < repeated.mean()
