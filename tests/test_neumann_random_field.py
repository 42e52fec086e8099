"""Random fields by cosines: their covariance, and that a sample is one function."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import scipy.fft
import torch

from surrogate.datasets import Grid, InputError
from surrogate.solvers.initial import LogNormal, NeumannRandomField, Permeability, TwoPhase
from surrogate.solvers.random_streams import generator


def test_a_sample_is_one_function_on_every_grid() -> None:
    """Three times as many cells have the centers of the coarse ones among theirs; nodes 2 j those of half as many."""
    field = NeumannRandomField(n_frequencies=20)
    for coarse, fine, every in (
        (Grid((5, 6), location="cell"), Grid((15, 18), location="cell"), (slice(1, None, 3),) * 2),
        (Grid((5, 6)), Grid((9, 11)), (slice(None, None, 2),) * 2),
    ):
        a, b = (field.sample(grid, seed=3, index=4) for grid in (coarse, fine))
        np.testing.assert_allclose(a, b[:, *every], atol=1e-12)


def test_it_is_the_inverse_cosine_transform_of_the_literature() -> None:
    """On n cells with n modes: idct2(n coef xi), coef = tau^(alpha-1) (pi^2 |k|^2 + tau^2)^(-alpha/2), in its words."""
    n, field = 12, NeumannRandomField(n_frequencies=12)
    k = np.arange(n)
    coef = 3.0 * (np.pi**2 * (k[:, None] ** 2 + k**2) + 9.0) ** -1.0
    numbers = sorted(np.ndindex(n, n), key=lambda m: (max(m), m))
    xi = np.zeros((n, n))
    for m, value in zip(numbers, generator(0, 5).standard_normal(n * n), strict=True):
        xi[m] = value
    spectrum = n * coef * xi
    spectrum[0, 0] = 0
    psi = field.sample(Grid((n, n), location="cell"), seed=0, index=5)
    np.testing.assert_allclose(psi[0], scipy.fft.idctn(spectrum, norm="ortho"), atol=1e-12)


def test_covariance() -> None:
    """The variance at a point and the covariance of two, against the sum over modes, in a box that is no square."""
    field = NeumannRandomField(gamma=1.5, tau=2.0, sigma=0.7, n_frequencies=6)
    grid = Grid((4, 3), (1.0, 2.0), location="cell")
    count = 5_000
    psi = field.samples(grid, seed=0, indices=range(count)).flatten(1).numpy()
    x, y = (axis.ravel() for axis in np.meshgrid(*grid.axes, indexing="ij"))
    expected = np.zeros((12, 12))
    for m, n in np.ndindex(6, 6):
        if m or n:
            variance = 0.7**2 * ((np.pi * m) ** 2 + (np.pi * n / 2) ** 2 + 4.0) ** -1.5
            mode = np.cos(np.pi * m * x) * np.cos(np.pi * n * y / 2) * np.sqrt((2 - (m == 0)) * (2 - (n == 0)) / 2)
            expected += variance * np.outer(mode, mode)
    deviation = np.sqrt((expected**2 + np.outer(*[np.diag(expected)] * 2)) / count)
    assert (np.abs(psi.T @ psi / count - expected) < 5 * deviation).all()  # 144 numbers: five deviations are safe
    assert (np.abs(psi.mean(0)) < 5 * np.sqrt(np.diag(expected) / count)).all()


def test_more_modes_only_add_to_the_sample() -> None:
    grid = Grid((32, 32), location="cell")
    few, many = (NeumannRandomField(n_frequencies=m).sample(grid, seed=0, index=1)[0].numpy() for m in (8, 16))
    spectra = [scipy.fft.dctn(values, norm="ortho") for values in (few, many)]
    np.testing.assert_allclose(spectra[0][:8, :8], spectra[1][:8, :8], atol=1e-12)
    assert np.abs(spectra[0][8:]).max() < 1e-12 < np.abs(spectra[1][8:16]).max()


def test_samples_differ_and_depend_on_seed_and_index_only() -> None:
    field, grid = NeumannRandomField(n_frequencies=8), Grid((8,) * 3)
    batch = field.samples(grid, seed=1, indices=[5, 2])
    assert torch.equal(batch[1], field.sample(grid, seed=1, index=2))
    assert not torch.allclose(batch[0], batch[1])
    assert not torch.allclose(batch[1], field.sample(grid, seed=2, index=2))


def test_permeability_of_the_field() -> None:
    field, grid = NeumannRandomField(n_frequencies=8), Grid((16, 16), location="cell")
    psi = field.sample(grid, seed=0, index=0)
    rocks = TwoPhase(1.0, 5.0, field=field).sample(grid, seed=0, index=0)
    assert torch.equal(rocks, torch.where(psi >= 0, 5.0, 1.0).double())
    assert set(rocks.unique().tolist()) == {1.0, 5.0}
    assert torch.equal(LogNormal(field=field).sample(grid, seed=0, index=0), psi.exp())


@pytest.mark.parametrize("made", [TwoPhase(1.0, 2.0), LogNormal(field=NeumannRandomField(3.0, 1.0, 2.0, 7))])
def test_settings_identify_the_distribution(made: Permeability) -> None:
    assert Permeability.from_settings(json.loads(json.dumps(made.settings))) == made


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"sigma": 0.0}, "a positive sigma"),
        ({"gamma": float("nan")}, "finite gamma"),
        ({"n_frequencies": 1}, "n_frequencies of at least 2, got 1"),
    ],
)
def test_wrong_arguments_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        NeumannRandomField(**arguments)


def test_other_input_is_refused() -> None:
    with pytest.raises(InputError, match="a grid on a box that is not periodic"):
        NeumannRandomField().sample(Grid((8,), periodic=True), seed=0, index=0)
    with pytest.raises(InputError, match="two positive values"):
        TwoPhase(0.0, 1.0)
    with pytest.raises(InputError, match="settings of TwoPhase or LogNormal, got Layers"):
        Permeability.from_settings({"distribution": "Layers"})
    with pytest.raises(InputError, match="settings of NeumannRandomField"):
        NeumannRandomField.from_settings({"distribution": "GaussianRandomField"})
