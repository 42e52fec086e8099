"""Metrics against numbers computed by hand and against single Fourier modes."""

from __future__ import annotations

import itertools
import math

import pytest
import torch

from surrogate.datasets.errors import InputError
from surrogate.datasets.grids.grid import Grid
from surrogate.evaluation import (
    correlation,
    correlation_time,
    drift,
    energy_spectrum,
    enstrophy_spectrum,
    log_spectral_distance,
    spectral_error,
)
from surrogate.evaluation.metrics import (
    boundary_error,
    checked,
    geometric_mean,
    h1,
    max_error,
    nrmse,
    relative_l2,
    vrmse,
)

LINE = Grid((4,), periodic=True)


def frames(*rows: list[float]) -> torch.Tensor:
    """Return frames ``(sample=1, time, channel=1, x)`` with one row of values for each time."""
    return torch.tensor(rows, dtype=torch.float64)[None, :, None]


def wave(grid: Grid, m: tuple[int, ...], phase: float = 0.3) -> torch.Tensor:
    """Return cos(2 pi m.x + phase) on the unit box, one sample, time and channel."""
    angle = (grid.unit_coordinates(dtype=torch.float64) * torch.tensor(m)).sum(-1)
    return torch.cos(2 * math.pi * angle + phase)[None, None, None]


class TestPointwise:
    def test_relative_l2_by_hand(self) -> None:
        target, prediction = frames([3, 4, 0, 0], [0, 0, 2, 0]), frames([3, 4, 0, 5], [0, 0, 2, 1])
        assert relative_l2(prediction, target).flatten().tolist() == [1.0, 0.5]
        assert relative_l2(prediction, target, over=("time",)).item() == pytest.approx(math.sqrt(26 / 29))

    def test_joint_and_separate_fields_are_different_numbers(self) -> None:
        target = torch.cat([frames([10, 0, 0, 0]), frames([0, 1, 0, 0])], dim=2)
        prediction = torch.cat([frames([10, 0, 0, 0]), frames([0, 0, 0, 0])], dim=2)
        assert relative_l2(prediction, target).flatten().tolist() == [0.0, 1.0]
        assert relative_l2(prediction, target, over=("channel",)).item() == pytest.approx(1 / math.sqrt(101))

    def test_nrmse_has_one_scale_for_all_frames(self) -> None:
        target, prediction = frames([2, 2, 2, 2], [0, 0, 0, 0]), frames([1, 1, 1, 1], [1, 1, 1, 1])
        assert nrmse(prediction, target).flatten().tolist() == pytest.approx([1 / math.sqrt(2)] * 2)

    def test_max_error_by_hand(self) -> None:
        assert max_error(frames([1, -7, 0, 0]), frames([0, 1, 0, 0])).item() == 8.0

    @pytest.mark.parametrize("mean", [0.0, 1.0, 300.0])
    @pytest.mark.parametrize("sigma", [1.0, 1e-4, 1e-12])
    def test_mean_predictor_has_vrmse_one(self, sigma: float, mean: float) -> None:
        target = mean + sigma * frames([1, -1, 1, -1])
        prediction = target.mean(-1, keepdim=True).expand_as(target)
        # epsilon is (2.2e-16 rms)^2: its share is largest for sigma 1e-12 at mean 300, about (2.2e-16 * 3e14)^2 / 2.
        assert vrmse(prediction, target).item() == pytest.approx(1.0, abs=(2.3e-16 * mean / sigma) ** 2 + 1e-12)

    def test_vrmse_of_a_constant_field(self) -> None:
        constant = torch.full((1, 1, 1, 4), 0.1)
        assert vrmse(constant, constant).item() == 0.0
        assert vrmse(constant + 1, constant).item() > 1e6

    @pytest.mark.parametrize("m", [1, 3, 5])
    def test_h1_of_single_modes(self, m: int) -> None:
        grid = Grid((16,), extent=(2 * math.pi,), periodic=True)
        target = wave(grid, (2,))
        assert h1(target + 0.1 * wave(grid, (m,), 1.0), target, grid).item() == pytest.approx(0.1 * m / 2)

    def test_h1_uses_the_spacing_of_closed_axes(self) -> None:
        grid = Grid((5, 9), extent=(1.0, 4.0))
        x, y = torch.meshgrid(*map(torch.from_numpy, grid.axes), indexing="ij")
        target, error = (3 * x)[None, None, None], (2 * y)[None, None, None]
        assert h1(target + error, target, grid).item() == pytest.approx(2 / 3)

    def test_h1_keeps_channels_apart(self) -> None:
        grid = Grid((8, 8), periodic=True)
        target = torch.cat([wave(grid, (1, 0)), wave(grid, (0, 2))], dim=2)
        prediction = target.clone()
        prediction[:, :, 1] *= 1.5
        assert h1(prediction, target, grid).flatten().tolist() == pytest.approx([0.0, 0.5], abs=1e-14)

    def test_means_do_not_depend_on_how_samples_are_batched(self) -> None:
        generator = torch.Generator().manual_seed(0)
        target, prediction = (torch.randn(7, 2, 1, 8, generator=generator) for _ in range(2))
        whole = relative_l2(prediction, target)
        parts = [relative_l2(p, t) for p, t in zip(prediction.split(3), target.split(3), strict=True)]
        assert torch.equal(torch.cat(parts), whole)

    def test_float32_is_accumulated_in_float64(self) -> None:
        n = 2**20
        target = torch.ones(1, 1, 1, n)
        prediction = target.clone()
        prediction[..., 0] += 2.0**-12
        assert relative_l2(prediction, target).item() == pytest.approx(2.0**-12 / 2**10, rel=1e-12)


def test_means_on_stretched_axes_are_integrals() -> None:
    """On [0, 1] with 9 Chebyshev nodes: t = 1 + x, p - t = x^2, all integrals of polynomials below degree 9."""
    grid = Grid((9,), stretching=("chebyshev",))
    x = torch.tensor(grid.axes[0])[None, None, None]
    target, prediction = 1 + x, 1 + x + x**2
    pair = prediction, target, grid
    assert relative_l2(*pair).item() == pytest.approx(math.sqrt((1 / 5) / (7 / 3)), rel=1e-13)
    assert nrmse(*pair).item() == pytest.approx(math.sqrt((1 / 5) / (7 / 3)), rel=1e-13)
    assert vrmse(*pair).item() == pytest.approx(math.sqrt((1 / 5) / (1 / 12)), rel=1e-13)
    assert h1(*pair).item() == pytest.approx(math.sqrt(4 / 3), rel=1e-13)
    # covariance of x + x^2 with x over the deviations: (1/12 + 1/12) / sqrt((1/12 + 1/6 + 4/45) / 12)
    assert correlation(*pair).item() == pytest.approx((1 / 6) / math.sqrt((1 / 4 + 4 / 45) / 12), rel=1e-13)
    assert vrmse(torch.full_like(x, 1.5), target, grid).item() == pytest.approx(1.0, rel=1e-13)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("metric", [relative_l2, nrmse, vrmse, max_error])
def test_a_prediction_that_is_not_finite_is_infinitely_wrong(metric, bad: float) -> None:  # type: ignore[no-untyped-def]
    target = frames([1, 2, 3, 4], [1, 2, 3, 4])
    prediction = target.clone()
    prediction[0, 1, 0, 2] = bad
    assert metric(prediction, target).flatten().tolist() == [0.0, math.inf]


def test_nan_in_gradient_spectrum_correlation_and_drift() -> None:
    target = frames([1, 2, 3, 5])
    prediction = target.clone()
    prediction[..., 0] = math.nan
    assert h1(prediction, target, LINE).item() == math.inf
    assert spectral_error(prediction, target, LINE).flatten().tolist() == [math.inf] * 3
    assert correlation(prediction, target).item() == 0.0
    assert drift(lambda u: {"mean": u.mean((1, 2))}, target[:, 0], prediction)["mean"].item() == math.inf
    assert relative_l2(prediction, target, over=("time", "channel")).item() == math.inf


def test_zero_truth() -> None:
    zero, one = frames([0, 0, 0, 0]), frames([1, 0, 0, 0])
    assert relative_l2(zero, zero).item() == 0.0
    assert relative_l2(one, zero).item() == math.inf


def test_bad_input() -> None:
    with pytest.raises(InputError, match="equal shape"):
        checked(frames([1, 2, 3, 4]), frames([1, 2, 3]))
    with pytest.raises(InputError, match="a finite target"):
        relative_l2(frames([1, 2, 3, 4]), frames([1, 2, 3, math.nan]))
    with pytest.raises(InputError, match="a periodic grid"):
        energy_spectrum(frames([1, 2, 3, 4]), Grid((4,)))
    uneven = Grid((4,), extent=(1.0,), periodic=True, stretching=([0.0, 0.1, 0.5, 0.6],))
    with pytest.raises(InputError, match=r"a periodic grid of equally spaced points.*'points'"):
        energy_spectrum(frames([1, 2, 3, 4]), uneven)


class TestSpectra:
    @pytest.mark.parametrize("shape", [(12, 12), (9, 15), (8, 7)])
    @pytest.mark.parametrize("signs", list(itertools.product([1, -1], repeat=2)))
    def test_modes_in_every_quadrant(self, shape: tuple[int, int], signs: tuple[int, int]) -> None:
        grid = Grid(shape, periodic=True)
        m = (3 * signs[0], 2 * signs[1])
        k, energy = energy_spectrum(wave(grid, m), grid)
        shell = round(math.hypot(*m))
        assert energy[..., shell].item() == pytest.approx(0.25)  # half of <cos^2>
        assert energy.sum().item() == pytest.approx(0.25)
        assert k[shell].item() == pytest.approx(2 * math.pi * shell)

    @pytest.mark.parametrize("signs", list(itertools.product([1, -1], repeat=2)))
    def test_error_in_every_quadrant_is_seen(self, signs: tuple[int, int]) -> None:
        grid = Grid((32, 32), periodic=True)
        target = wave(grid, (1, 1))
        for m, band in ((2, 0), (6, 1), (13, 2)):
            error = spectral_error(target + 0.5 * wave(grid, (m * signs[0], m * signs[1])), target, grid).flatten()
            expected = [0.0, 0.0, 0.0]
            expected[band] = 0.5
            assert error.tolist() == pytest.approx(expected, abs=1e-12)

    @pytest.mark.parametrize("shape", [(16,), (15,), (8, 9), (4, 5, 6)])
    def test_parseval(self, shape: tuple[int, ...]) -> None:
        u = torch.randn(2, 3, 2, *shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
        _, energy = energy_spectrum(u, Grid(shape, extent=tuple(range(1, len(shape) + 1)), periodic=True))
        torch.testing.assert_close(energy.sum(-1), u.square().flatten(3).mean(-1) / 2, rtol=1e-14, atol=0)

    def test_squares_of_the_bands_sum_to_the_square_of_the_relative_error(self) -> None:
        grid = Grid((24, 20), periodic=True)
        generator = torch.Generator().manual_seed(2)
        p, t = (torch.randn(2, 2, 1, 24, 20, generator=generator, dtype=torch.float64) for _ in range(2))
        total = spectral_error(p, t, grid).square().sum(-1).sqrt()
        torch.testing.assert_close(total, relative_l2(p, t), rtol=1e-13, atol=0)


class TestCorrelation:
    @pytest.mark.parametrize("scale", [1e-160, 1e-4, 1.0, 1e150])
    def test_of_equal_frames_is_exactly_one(self, scale: float) -> None:
        u = scale * torch.randn(50, 3, 1, 17, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
        assert torch.equal(correlation(u, u), torch.ones(50, 3, 1, dtype=torch.float64))

    def test_of_shifted_waves_is_the_cosine_of_the_shift(self) -> None:
        grid = Grid((32,), periodic=True)
        value = correlation(5 + 2 * wave(grid, (3,), 0.7), wave(grid, (3,), 0.2))
        assert value.item() == pytest.approx(math.cos(0.5))

    def test_with_a_constant_is_zero_unless_equal(self) -> None:
        constant, other = frames([1, 1, 1, 1]), frames([1, 2, 3, 4])
        assert correlation(constant, constant).item() == 1.0
        assert correlation(constant, other).item() == correlation(other, constant).item() == 0.0

    def test_time_is_that_of_the_first_crossing_interpolated(self) -> None:
        correlations = torch.tensor([[0.9, 0.7, 0.95, 0.1], [0.99, 0.98, 0.97, 0.96], [0.5, 0.5, 0.5, 0.5]])[..., None]
        until, censored = correlation_time(correlations.double(), torch.tensor([1.0, 2.0, 3.0, 4.0]))
        assert until.flatten().tolist() == pytest.approx([1.5, 4.0, 0.4])
        assert censored.flatten().tolist() == [False, True, False]

    def test_threshold(self) -> None:
        correlations = torch.tensor([[0.95, 0.75]])[..., None].double()
        until, _ = correlation_time(correlations, torch.tensor([1.0, 2.0]), threshold=0.9)
        assert until.item() == pytest.approx(1.25)

    def test_lead_times_start_after_the_given_frames(self) -> None:
        with pytest.raises(InputError, match="positive, increasing lead times"):
            correlation_time(torch.ones(1, 2, 1).double(), torch.tensor([0.0, 1.0]))


def test_drift_of_a_mean_that_vanishes() -> None:
    initial = torch.tensor([[[1.0, -1.0, 1.0, -1.0]]])
    later = frames([1, -1, 1, -1], [1.4, -1, 1, -1])
    values = drift(lambda u: {"mean": u.mean(dim=(1, 2))}, initial, later)["mean"]
    assert values.flatten().tolist() == pytest.approx([0.0, 0.1])


class TestBoundary:
    @pytest.mark.parametrize("location", ["node", "cell"])
    def test_only_the_outermost_points_count(self, location) -> None:  # type: ignore[no-untyped-def]
        sides = (("periodic", "periodic"), ("wall", "dirichlet"))
        grid = Grid((3, 4), boundary=sides, location=location)
        target, prediction = torch.zeros(1, 1, 1, 3, 4), torch.zeros(1, 1, 1, 3, 4)
        prediction[..., 1:3] = 7.0  # inside
        prediction[..., 0] = 3.0
        prediction[..., 3] = torch.tensor([0.0, 0.0, 1.0])
        assert boundary_error(prediction, target, grid).item() == pytest.approx(math.sqrt((3 * 9 + 1) / 6))

    def test_all_sides_of_a_box_and_nan(self) -> None:
        grid = Grid((4, 4, 4))
        one = torch.ones(1, 2, 1, 4, 4, 4)
        prediction = one.clone()
        prediction[:, :, :, 1:3, 1:3, 1:3] = math.nan
        prediction[0, 1, 0, 0, 0, 0] = math.nan
        assert boundary_error(prediction, one, grid).flatten().tolist() == [0.0, math.inf]
        with pytest.raises(InputError, match="a grid with a boundary"):
            boundary_error(frames([1, 2, 3, 4]), frames([1, 2, 3, 4]), LINE)


def test_geometric_mean_over_a_rollout() -> None:
    errors = torch.tensor([[1e-4, 1e-2, 1.0], [0.0, 1.0, 1.0], [1.0, math.inf, 0.0]]).double()[..., None]
    assert geometric_mean(errors).flatten().tolist() == pytest.approx([1e-2, 0.0, math.inf])


class TestVorticity:
    @pytest.mark.parametrize("signs", list(itertools.product([1, -1], repeat=2)))
    def test_enstrophy_of_a_mode_is_the_square_of_its_wavenumber_times_its_energy(self, signs: tuple[int, int]) -> None:
        """For u = (-psi_y, psi_x) with one mode of psi; in the box 2 x 1 the wavenumbers are pi m1 and 2 pi m2."""
        grid, m = Grid((16, 12), extent=(2.0, 1.0), periodic=True), (3 * signs[0], 2 * signs[1])
        k = (math.pi * m[0], 2 * math.pi * m[1])
        slope = wave(grid, m, 0.3 + math.pi / 2)  # of psi along its wavevector, over |k|
        velocity = torch.cat([-k[1] * slope, k[0] * slope], dim=2)
        waves, enstrophy = enstrophy_spectrum(velocity, grid)
        _, energy = energy_spectrum(velocity, grid)
        assert enstrophy.sum().item() == pytest.approx(math.hypot(*k) ** 2 * energy.sum().item(), rel=1e-12)
        shell = int(enstrophy.argmax())
        assert waves[shell].item() == pytest.approx(math.hypot(*k), abs=math.pi / 2)

    def test_three_components_against_the_curl_by_hand(self) -> None:
        """For u = (0, 0, cos 2 pi m.x) the curl is (u_y, -u_x, 0)."""
        grid, m = Grid((8, 7, 6), periodic=True), (2, -1, 1)
        velocity = torch.cat([torch.zeros(1, 1, 2, 8, 7, 6).double(), wave(grid, m)], dim=2)
        _, enstrophy = enstrophy_spectrum(velocity, grid)
        assert enstrophy.sum().item() == pytest.approx((2 * math.pi) ** 2 * (m[0] ** 2 + m[1] ** 2) / 4, rel=1e-12)

    def test_sum_is_half_the_mean_square_of_the_vorticity(self) -> None:
        grid = Grid((9, 15), periodic=True)
        psi = torch.randn(2, 1, 1, 9, 15, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
        modes = torch.fft.fft2(psi)
        kx, ky = (2 * math.pi * torch.fft.fftfreq(n, 1 / n, dtype=torch.float64) for n in (9, 15))
        velocity = torch.fft.ifft2(torch.cat([-1j * ky * modes, 1j * kx[:, None] * modes], dim=2)).real
        vorticity = torch.fft.ifft2(-(kx[:, None] ** 2 + ky**2) * modes).real
        _, enstrophy = enstrophy_spectrum(velocity, grid)
        _, own = energy_spectrum(vorticity, grid)
        torch.testing.assert_close(enstrophy, own[:, :, 0], rtol=1e-10, atol=1e-10 * float(own.max()))

    def test_what_is_no_velocity_is_refused(self) -> None:
        with pytest.raises(InputError, match="components of a velocity on as many axes, got 1 channels on 1 axes"):
            enstrophy_spectrum(frames([1, 2, 3, 4]), LINE)


class TestLogSpectralDistance:
    def test_a_factor_of_the_amplitude_is_twice_its_logarithm(self) -> None:
        grid = Grid((12, 10), periodic=True)
        t = torch.randn(2, 1, 1, 12, 10, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
        distance = log_spectral_distance(10 * t, t, grid)
        torch.testing.assert_close(distance, torch.full_like(distance, 2.0), rtol=1e-12, atol=0)
        assert log_spectral_distance(t, t, grid).max().item() == 0.0

    @pytest.mark.parametrize("m", [(2, 3), (-2, 3)])
    def test_a_shell_without_energy_is_infinitely_far_in_every_quadrant(self, m: tuple[int, int]) -> None:
        grid = Grid((12, 12), periodic=True)
        target = wave(grid, (1, 0)) + wave(grid, m)
        low = torch.zeros_like(target) + wave(grid, (1, 0)) * 1.0
        assert log_spectral_distance(low, target, grid).item() > 10  # round-off, 1e-32 of the energy

    def test_nan_and_shells_of_round_off(self) -> None:
        grid = Grid((16,), periodic=True)
        target = wave(grid, (2,))
        assert log_spectral_distance(target + 1e-9 * wave(grid, (7,)), target, grid).item() < 1e-6
        broken = target.clone()
        broken[..., 3] = math.nan
        assert log_spectral_distance(broken, target, grid).item() == math.inf
