"""Gaussian random fields: their covariance against the definition, and that a sample is one function."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from surrogate.datasets.errors import InputError
from surrogate.datasets.grids.grid import Grid
from surrogate.datasets.transfer.fourier import resample_periodic
from surrogate.solvers.initial import GaussianRandomField

SCRIPT, PAPER = GaussianRandomField(), GaussianRandomField.paper()
GOLDEN = [-0.04067876965177533, 0.45306880331228905, 0.04067876965177533, -0.45306880331228905]
ODD = GaussianRandomField(gamma=1.0, tau=3.0, sigma=2.0, n_frequencies=20)
FIELDS = pytest.mark.parametrize("field", [SCRIPT, PAPER, ODD], ids=["script", "paper", "odd"])


def grid(n: int, length: float = 1.0, **kwargs: object) -> Grid:
    return Grid((n,), extent=((0.0, length),), periodic=True, **kwargs)


def coefficients(u: Tensor, length: float) -> np.ndarray:
    """Return the products of u with the orthonormal basis sqrt(2/L) {cos, sin}(2 pi m x / L): (batch, m, 2)."""
    (n,) = u.shape[2:]
    modes = torch.fft.rfft(u[:, 0])[:, 1 : (n + 1) // 2] * length / n * math.sqrt(2 / length)
    return torch.view_as_real(modes).numpy()


@pytest.mark.parametrize(("field", "published"), [(SCRIPT, 0.274), (PAPER, 0.594)])
def test_standard_deviations_are_the_published_ones(field: GaussianRandomField, published: float) -> None:
    m = np.arange(1, 10**5)
    whole = math.sqrt(np.sum(2 * field.sigma**2 * ((2 * np.pi * m) ** 2 + field.tau**2) ** -field.gamma))
    assert whole == pytest.approx(published, abs=5e-4)
    assert field.standard_deviation() == pytest.approx(whole, rel=1e-5)  # 128 modes leave out less than this


@FIELDS
@pytest.mark.parametrize("length", [1.0, 2 * math.pi])
def test_samples_have_the_covariance_of_the_definition(field: GaussianRandomField, length: float) -> None:
    r"""The variance along an eigenfunction of the Laplacian is :math:`\sigma^2 (k^2 + \tau^2)^{-\gamma}`."""
    count = 2000
    u = field.samples(grid(63, length), seed=7, indices=range(count))
    measured = (coefficients(u, length) ** 2).mean(axis=0)
    k = 2 * np.pi / length * np.arange(1, 32)
    exact = field.sigma**2 * (k**2 + field.tau**2) ** -field.gamma * (np.arange(1, 32) <= field.n_frequencies)
    # A mean of squares of normal variables has relative deviation sqrt(2 / count); 62 of them stay within 4.5 of it.
    assert np.all(abs(measured - exact[:, None]) <= 4.5 * math.sqrt(2 / count) * exact[:, None] + 1e-25)
    energy = u.square().mean(dim=(1, 2))
    power = 2 / length * exact
    assert abs(energy.mean() - power.sum()) < 4 * math.sqrt((power**2).sum() / count)
    assert u.mean(dim=-1).abs().max() < 1e-15


@pytest.mark.parametrize(
    ("field", "length", "published"),
    [(GaussianRandomField.navier_stokes(), 1.0, 0.185), (GaussianRandomField.kolmogorov(), 2 * math.pi, 1.44)],
)
def test_vorticity_has_the_deviation_of_the_scripts(
    field: GaussianRandomField, length: float, published: float
) -> None:
    r"""Scripts add :math:`7^{3/2} (4 \pi^2 |m|^2 / L^2 + 49)^{-5/4}` times a normal variable over all modes."""
    m = np.arange(-200, 201)
    squared = (2 * np.pi / length) ** 2 * (m[:, None] ** 2 + m**2)
    whole = math.sqrt(np.sum(7.0**3 * (squared[squared > 0] + 49) ** -2.5))
    assert whole == pytest.approx(published, abs=5e-3)
    assert field.standard_deviation(length, length) == pytest.approx(whole, rel=1e-3)


def test_samples_in_two_dimensions_have_the_covariance_of_the_definition() -> None:
    count, lengths = 500, (1.0, 2.0)
    plane = Grid((15, 18), extent=lengths, periodic=True)
    field = GaussianRandomField.navier_stokes(n_frequencies=6)
    u = field.samples(plane, seed=0, indices=range(count))
    power = (torch.fft.rfft2(u[:, 0]) / 270).abs().square().mean(0).numpy() * math.prod(lengths)
    m = np.fft.fftfreq(15, 1 / 15)[:, None], np.arange(10)
    squared = sum((2 * np.pi * m / length) ** 2 for m, length in zip(m, lengths, strict=True))
    exact = 7.0**3 * (squared + 49) ** -2.5 * (abs(m[0]) <= 6) * (m[1] <= 6) * (squared > 0)
    # |c|^2 is exponential, relative deviation 1 / sqrt(count); 90 modes stay within 4.5 of it.
    assert np.all(abs(power - exact) <= 4.5 / math.sqrt(count) * exact + 1e-25)


@FIELDS
def test_coefficients_are_normal_and_independent(field: GaussianRandomField) -> None:
    count = 2000
    unit = coefficients(field.samples(grid(17), seed=1, indices=range(count)), 1.0).reshape(count, -1)
    unit = unit / np.repeat(field.sigma * ((2 * np.pi * np.arange(1, 9)) ** 2 + field.tau**2) ** (-field.gamma / 2), 2)
    correlation = unit.T @ unit / count
    assert abs(correlation - np.eye(16)).max() < 5 * math.sqrt(2 / count)
    assert abs((unit**4).mean(axis=0) - 3).max() < 5 * math.sqrt(96 / count)  # Var x^4 = 105 - 9
    neighbors = (unit[1:] * unit[:-1]).mean(axis=0)
    assert abs(neighbors).max() < 5 / math.sqrt(count)


@FIELDS
def test_a_sample_depends_on_seed_and_index_only(field: GaussianRandomField) -> None:
    batch = field.samples(grid(64), seed=5, indices=[3, 0, 2**40])
    for row, index in zip(batch, [3, 0, 2**40], strict=True):
        assert torch.equal(row, field.sample(grid(64), seed=5, index=index))
    assert not torch.equal(batch[1], field.sample(grid(64), seed=6, index=0))
    assert not torch.equal(field.sample(grid(64), seed=1, index=2), field.sample(grid(64), seed=2, index=1))


def test_the_stream_of_random_numbers_is_the_one_that_files_were_made_with() -> None:
    u = SCRIPT.sample(grid(4), seed=0, index=0)
    xi, eta = np.random.Generator(np.random.Philox(key=[0, 0])).standard_normal(2)
    amplitude = math.sqrt(2) * 49 * (4 * np.pi**2 + 49) ** -1.25
    assert u[0].numpy() == pytest.approx(amplitude * np.array([-xi, -eta, xi, eta]), rel=1e-12)
    assert u[0].tolist() == pytest.approx(GOLDEN, rel=1e-12)


@FIELDS
@pytest.mark.parametrize("n", [8, 33, 64, 255])
def test_one_sample_is_one_function_at_every_resolution(field: GaussianRandomField, n: int) -> None:
    fine = field.sample(grid(1024), seed=2, index=4)
    truncated = torch.fft.rfft(fine)
    truncated[..., (n + 1) // 2 :] = 0  # the modes below n / 2, so that the Nyquist mode is left out as well
    exact = resample_periodic(torch.fft.irfft(truncated, n=1024)[None], (n,))[0]
    assert field.sample(grid(n), seed=2, index=4).numpy() == pytest.approx(exact.numpy(), abs=1e-14)


def test_more_modes_leave_the_first_ones_unchanged() -> None:
    few, many = (GaussianRandomField(n_frequencies=m).sample(grid(9), seed=0, index=0) for m in (4, 400))
    assert torch.equal(few, many)


def test_centers_of_cells_are_points_of_the_same_function() -> None:
    cells = SCRIPT.sample(grid(257, location="cell"), seed=0, index=1)
    nodes = SCRIPT.sample(grid(514), seed=0, index=1)
    assert cells.numpy() == pytest.approx(nodes[:, 1::2].numpy(), abs=1e-13)


def test_settings_describe_the_distribution() -> None:
    assert GaussianRandomField.from_settings(PAPER.settings) == PAPER
    with pytest.raises(InputError, match="Expected settings of GaussianRandomField, got Sine"):
        GaussianRandomField.from_settings({"distribution": "Sine"})


def test_wrong_input_is_refused() -> None:
    with pytest.raises(InputError, match="positive sigma"):
        GaussianRandomField(sigma=0.0)
    with pytest.raises(InputError, match="n_frequencies of at least 1, got 0"):
        GaussianRandomField(n_frequencies=0)
