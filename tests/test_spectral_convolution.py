from __future__ import annotations

import pytest
import torch

from surrogate.datasets.errors import InputError
from surrogate.layers import SpectralConvolution, low_frequencies

SIZES = [((16,), (6,)), ((15,), (6,)), ((16,), (9,)), ((12, 9), (4, 3)), ((9, 12), (5, 7)), ((7, 8, 6), (4, 3, 4))]
SIZES += [((17,), (9,)), ((34,), (18,)), ((19, 34), (5, 18)), ((8, 17), (3, 4)), ((17, 9, 8), (4, 3, 5))]  # by matrices


def by_definition(x: torch.Tensor, weight: torch.Tensor, window: tuple[int, ...]) -> torch.Tensor:
    """Sum the formula of the docstring wavenumber by wavenumber."""
    shape, axes = x.shape[2:], range(len(window))
    points = torch.stack(torch.meshgrid(*[torch.arange(n).double() / n for n in shape], indexing="ij"), -1)
    y = torch.zeros(x.shape[0], weight.shape[1], *shape, dtype=torch.complex128)
    for index in torch.cartesian_prod(*[torch.arange(w) for w in window]).reshape(-1, len(window)).tolist():
        k = torch.tensor([float(i - window[a] // 2) if a < len(window) - 1 else float(i) for a, i in enumerate(index)])
        wave = torch.exp(2j * torch.pi * (points @ k.double()))
        coefficient = (x * wave.conj()).mean(dim=[a + 2 for a in axes])
        mode = coefficient @ torch.view_as_complex(weight[(slice(None), slice(None), *index)].contiguous())
        last, n = index[-1], shape[-1]
        once = last == 0 or 2 * last == n  # these wavenumbers of the last axis are their own mirror images
        y += (1 if once else 2) * mode.reshape(*mode.shape, *[1] * len(window)) * wave
    return y.real


@pytest.mark.parametrize(("shape", "window"), SIZES)
def test_equals_the_fourier_sum(shape, window):
    torch.manual_seed(0)
    layer = SpectralConvolution(3, 2, window, std=1.0).double()
    x = torch.randn(2, 3, *shape, dtype=torch.float64)
    torch.testing.assert_close(layer(x), by_definition(x, layer.weight.detach(), window), rtol=0, atol=1e-13)


def test_gradient_is_that_of_finite_differences():
    torch.manual_seed(0)
    layer = SpectralConvolution(2, 2, (3, 3), std=1.0, bias_std=1.0).double()
    x = torch.randn(1, 2, 5, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(layer, x)
    assert torch.autograd.gradcheck(
        lambda weight: torch.func.functional_call(layer, {"weight": weight}, (x.detach(),)), layer.weight
    )


@pytest.mark.parametrize(("low", "high"), [((16, 17), (32, 33)), ((15, 15), (64, 31))])
def test_a_band_limited_field_gives_the_same_function_at_any_resolution(low, high):
    torch.manual_seed(0)
    layer = SpectralConvolution(1, 1, (5, 3), std=1.0).double()  # odd window: the kept wavenumbers are symmetric

    def field(shape: tuple[int, int], t: torch.Tensor) -> torch.Tensor:
        x, y = torch.meshgrid(*[torch.arange(n, dtype=torch.float64) / n for n in shape], indexing="ij")
        return (torch.sin(2 * torch.pi * (x * 2 + y + t)) + torch.cos(2 * torch.pi * (y * 2 - x)))[None, None]

    shift = torch.tensor(0.1, dtype=torch.float64)
    energy = [layer(field(shape, shift)).square().mean() for shape in (low, high)]
    torch.testing.assert_close(energy[0], energy[1], rtol=1e-12, atol=0)
    assert energy[0] > 1e-3


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_transforms_run_in_float32_under_half_precision(dtype):
    torch.manual_seed(0)
    layer = SpectralConvolution(2, 2, (6,), std=1.0)
    x = torch.randn(1, 2, 50).to(dtype)
    with torch.autocast("cpu", dtype):
        y = layer(x)
    assert y.dtype == dtype
    assert torch.equal(y, layer(x.float()).to(dtype))


@pytest.mark.parametrize(("shape", "window"), [((15,), (9,)), ((7, 8), (8, 5))])
def test_a_window_wider_than_the_spectrum_is_refused(shape, window):
    layer = SpectralConvolution(1, 1, window, std=1.0)
    with pytest.raises(
        InputError, match=r"Expected at most .* Fourier coefficients, got .* Use fewer modes or a finer"
    ):
        layer(torch.zeros(1, 1, *shape))


@pytest.mark.parametrize("n", [85, 141, 34])
def test_matrices_and_fast_transforms_agree(n, monkeypatch):
    torch.manual_seed(0)
    layer = SpectralConvolution(2, 2, (8, 18), std=1.0)
    x = torch.randn(2, 2, n, n)
    assert not low_frequencies.is_fast(n, 18)
    assert low_frequencies.is_fast(n, 65)  # many coefficients: the matrices would be large
    y = layer(x)
    monkeypatch.setattr(low_frequencies, "is_fast", lambda n, kept: True)
    # float32: unit round-off 6e-8 times the root of the few hundred terms of a sum
    assert (layer(x) - y).norm() < 2e-6 * y.norm()


def test_matrices_are_exact_under_autocast():
    torch.manual_seed(0)
    layer = SpectralConvolution(2, 2, (4, 4), std=1.0)
    x = torch.randn(2, 2, 17, 17)
    with torch.autocast("cpu", torch.bfloat16):
        y = layer(x)
    assert torch.equal(layer(x), y)
