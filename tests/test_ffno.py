from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from surrogate.datasets.errors import InputError
from surrogate.layers import FactorizedConvolution
from surrogate.models import FFNO


def band_limited(shape: tuple[int, ...], highest: int) -> torch.Tensor:
    """Return two channels of random waves, their wavenumbers along every axis within ``highest``."""
    generator = torch.Generator().manual_seed(0)
    points = torch.meshgrid(*[torch.arange(n).double() / n for n in shape], indexing="ij")
    field = torch.zeros(1, 2, *shape, dtype=torch.float64)
    for wave in range(20):
        k = torch.randint(-highest, highest + 1, (len(shape),), generator=generator)
        phase = torch.rand((), generator=generator, dtype=torch.float64)
        turns = sum((n * x for n, x in zip(k, points, strict=True)), start=phase)
        field[0, wave % 2] += torch.cos(2 * torch.pi * turns)
    return field


@pytest.mark.parametrize("shape", [(64,), (65,), (64, 64), (65, 65), (64, 65), (9, 8, 7)])
def test_identity_weights_pass_a_band_limited_field_once_for_each_axis(shape):
    layer = FactorizedConvolution(2, [4] * len(shape)).double()
    with torch.no_grad():
        for axis in layer.axes:
            axis.weight.zero_()
            axis.weight[[0, 1], [0, 1], :, 0] = 1.0
    x = band_limited(shape, highest=3)
    torch.testing.assert_close(layer(x), len(shape) * x, rtol=0, atol=1e-13)


def along(x: torch.Tensor, weight: torch.Tensor, axis: int) -> torch.Tensor:
    """Sum the modes of one axis of features ``(batch, *space, channel)`` wavenumber by wavenumber."""
    n = x.shape[axis]
    lines = x.movedim(axis, -1)
    points = torch.arange(n).double() / n
    y = torch.zeros(*lines.shape, dtype=torch.complex128)
    for k in range(weight.shape[2]):
        wave = torch.exp(2j * torch.pi * k * points)
        coefficient = (lines * wave.conj()).mean(-1) @ torch.view_as_complex(weight[:, :, k].contiguous())
        once = k == 0 or 2 * k == n  # their own mirror images
        y += (1 if once else 2) * coefficient[..., None] * wave
    return y.real.movedim(-1, axis)


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize(("shape", "n_modes"), [((15,), [6]), ((8, 9), [8, 5]), ((6, 7, 5), [4, 5, 4])])
def test_equals_the_sum_over_modes_by_hand(shape, n_modes, shared):
    torch.manual_seed(0)
    sizes = {"dim": len(shape), "hidden_channels": 4, "n_layers": 2, "n_modes": n_modes, "shared_weights": shared}
    network = FFNO(2, 3, options={"coordinates": False}, **sizes).double()
    weights = {key: value.detach() for key, value in network.state_dict().items()}
    x = torch.randn(2, 2, *shape, dtype=torch.float64)

    def linear(y: torch.Tensor, name: str) -> torch.Tensor:
        return y @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]

    features = linear(x.movedim(1, -1), "lift")
    for layer in range(2):
        of = f"convolutions.{0 if shared else layer}.axes"
        mixed = sum(along(features, weights[f"{of}.{a}.weight"], a + 1) for a in range(len(shape)))
        of = f"feed_forwards.{layer}"
        features = features + linear(F.relu(linear(mixed, f"{of}.0")), f"{of}.3")
    y = linear(F.relu(linear(features, "projection.0")), "projection.2").movedim(-1, 1)
    torch.testing.assert_close(network(x), y, rtol=0, atol=1e-13)


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_number_of_weights_grows_with_the_sum_of_the_modes(dim):
    def count(**changes):
        network = FFNO(1, 1, dim=dim, hidden_channels=8, n_layers=5, **{"n_modes": 6} | changes)
        return sum(parameter.numel() for parameter in network.parameters())

    complex_matrix = 2 * 8 * 8
    assert count(n_modes=8) - count() == 5 * dim * complex_matrix  # one wavenumber more in each layer, along each axis
    assert count() - count(shared_weights=True) == 4 * dim * 4 * complex_matrix


@pytest.mark.parametrize("shape", [(256,), (32, 32), (16, 16, 16)])
def test_convolution_keeps_the_energy_of_its_wavenumbers_at_the_start(shape):
    torch.manual_seed(0)
    layer = FactorizedConvolution(32, [n // 2 + 1 for n in shape])
    x = torch.randn(4, 32, *shape)
    kept = 1 - 1 / shape[0]  # the mean and the Nyquist wavenumber have a real part only
    # 32 * 32 * 2 draws for each wavenumber: a spread of about 3 %, less over all of them
    assert float(layer(x).detach().square().mean()) == pytest.approx(kept * float(x.square().mean()), rel=0.03)


@pytest.mark.parametrize("size", [(64, 65), (65, 64), (64, 211)])
def test_a_band_limited_input_gives_the_same_function_at_other_sizes(size):
    torch.manual_seed(0)
    sizes = {"dim": 1, "hidden_channels": 4, "n_layers": 1, "n_modes": 8, "periodic": True}
    network = FFNO(1, 1, options={"coordinates": False}, **sizes).double()
    low, high = (torch.cos(2 * torch.pi * 3 * torch.arange(n).double() / n)[None, None] for n in size)
    torch.testing.assert_close(network(low)[..., 0], network(high)[..., 0], rtol=0, atol=1e-13)


def test_wrong_settings_are_refused():
    with pytest.raises(InputError, match=r"Expected n_modes for each of 2 axes, got \[4\]"):
        FFNO(1, 1, n_modes=[4])
    with pytest.raises(InputError, match=r"Expected activation out of relu, silu, gelu, got 'rleu'"):
        FFNO(1, 1, options={"activation": "rleu"})
    with pytest.raises(InputError, match=r"Expected options out of .*, got factor"):
        FFNO(1, 1, options={"factor": 4})
    with pytest.raises(InputError, match=r"Expected at most \(33,\) Fourier coefficients"):
        FFNO(1, 1, n_modes=[66, 12])(torch.zeros(1, 1, 64, 64))
