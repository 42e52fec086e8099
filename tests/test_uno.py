from __future__ import annotations

import contextlib
import io
import warnings

import pytest
import torch

from surrogate.datasets.errors import InputError
from surrogate.layers import BlockConvolution
from surrogate.models import UNO

with warnings.catch_warnings():
    import neuralop
    from neuralop.layers import spectral_convolution
    from neuralop.models import UNO as Original
    from neuralop.models import uno


def waves(shape: tuple[int, ...], highest: int) -> torch.Tensor:
    """Return two channels of fixed real waves with wavenumbers along every axis within ``highest``."""
    generator = torch.Generator().manual_seed(0)
    points = torch.meshgrid(*[torch.arange(n).double() / n for n in shape], indexing="ij")
    field = torch.zeros(1, 2, *shape, dtype=torch.float64)
    for wave in range(20):
        k = torch.randint(-highest, highest + 1, (len(shape),), generator=generator)
        phase = torch.rand((), generator=generator, dtype=torch.float64)
        turns = sum((n * x for n, x in zip(k, points, strict=True)), start=phase)
        field[0, wave % 2] += torch.cos(2 * torch.pi * turns)
    return field


SIZES = [64, 65, 85, 141, 211]


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("m", [32, 33, 85, 128])
def test_identity_weights_lead_a_band_limited_field_to_the_same_field_on_another_grid(n, m):
    convolution = BlockConvolution(2, 2, (6, 6)).double()
    with torch.no_grad():
        convolution.weight.zero_()
        convolution.weight[[0, 1], [0, 1], ..., 0] = 1.0
        convolution.bias.zero_()
    y = convolution(waves((n, n), highest=2), output_shape=(m, n))
    torch.testing.assert_close(y, waves((m, n), highest=2), rtol=0, atol=1e-13)


@pytest.mark.skipif(
    tuple(int(n) for n in neuralop.__version__.split(".")[:3]) > (2, 0, 0), reason="neuraloperator is newer than 2.0.0"
)
@pytest.mark.parametrize(
    ("shape", "right"), [((64, 64), True), ((64, 32), True), ((32, 64), False), ((128, 64), False)]
)
def test_that_of_neuraloperator_is_wrong_where_another_axis_than_the_last_is_scaled(shape, right):
    """It pads and cuts the spectrum of such an axis behind the negative wavenumbers."""
    original = spectral_convolution.SpectralConv(2, 2, (6, 6), bias=False)
    with torch.no_grad():
        original.weight.tensor.zero_()
        original.weight.tensor[[0, 1], [0, 1]] = 1.0
    expected = waves(shape, highest=2).float()
    error = (original(waves((64, 64), highest=2).float(), output_shape=shape) - expected).norm() / expected.norm()
    assert error < 1e-5 if right else error > 0.3


THREE = {"channel_multipliers": [1, 1, 1], "scalings": [1.0] * 3}
CONFIGURATIONS = [
    {"dim": 1, "n_modes": 6},
    {"dim": 1, "n_modes": 4, "channel_multipliers": [1, 2, 3, 2, 1], "scalings": [1.0, 0.5, 0.5, 2.0, 2.0]},
    {"dim": 1, "n_modes": 4, "channel_multipliers": [2, 2, 2, 1], "scalings": [0.5, 0.5, 2.0, 2.0]},
    {"dim": 2, "n_modes": [6, 5], "channel_multipliers": [1, 2, 3, 1], "scalings": [1.0] * 4},
    {"dim": 3, "n_modes": 3, "options": {"norm": "group_norm", "horizontal_skip": "soft-gating"}, **THREE},
]


def pair(configuration: dict) -> tuple[UNO, Original]:
    """Return our network and that of neuraloperator with the same weights."""
    torch.manual_seed(0)
    ours = UNO(2, 1, hidden_channels=8, periodic=True, **configuration)
    n_layers = len(ours.scalings)
    with contextlib.redirect_stdout(io.StringIO()):
        theirs = Original(
            2,
            1,
            hidden_channels=8,
            n_layers=n_layers,
            uno_out_channels=[8 * m for m in ours.channel_multipliers],
            uno_n_modes=[ours.n_modes] * n_layers,
            uno_scalings=[[scale] * ours.dim for scale in ours.scalings],
            **{"channel_mlp_skip": "linear"} | configuration.get("options", {}),
        )
    state = {}
    for name, value in theirs.named_parameters():
        key = name.replace("fno_blocks.", "blocks.").replace("horizontal_skips.", "skips.")
        key = key.replace(".weight.tensor", ".weight")
        state[key] = torch.view_as_real(value.detach()) if value.is_complex() else value.detach()
    ours.load_state_dict(state)  # which compares names and shapes, and so the count
    return ours, theirs


def linear(x: torch.Tensor, scale: object, axes: object, output_shape: tuple[int, ...] | None = None) -> torch.Tensor:
    """Interpolate linearly on equally spaced points from the first to the period; as slow as it is plain."""
    sizes = output_shape or [round(n * s) for n, s in zip(x.shape[2:], scale, strict=True)]
    for axis, m in enumerate(sizes, start=2):
        n = x.shape[axis]
        place = torch.arange(m, dtype=x.dtype) * n / m
        left = place.floor().long()
        share = (place - left).reshape([-1 if a == axis else 1 for a in range(x.ndim)])
        x = (1 - share) * x.index_select(axis, left) + share * x.index_select(axis, (left + 1) % n)
    return x


@pytest.mark.parametrize("configuration", CONFIGURATIONS)
def test_equals_neuraloperator_at_even_sizes(configuration, monkeypatch):
    """In one dimension, or on one grid, with its weights and coordinates and our interpolation across convolutions."""
    monkeypatch.setattr(spectral_convolution, "resample", linear)
    monkeypatch.setattr(uno, "resample", linear)
    ours, theirs = pair(configuration)
    x = torch.randn(2, 2, *(32, 24, 16)[: ours.dim])
    torch.testing.assert_close(ours(x), theirs(x), rtol=1e-5, atol=1e-5)  # float32, ten Fourier transforms


@pytest.mark.parametrize("periodic", [True, False])
@pytest.mark.parametrize("n", [32, 33, 43])
def test_a_finer_grid_gives_the_same_function(n, periodic):
    """The error of the linear interpolation falls with the square of the spacing, at even and odd sizes."""
    torch.manual_seed(0)
    network = UNO(2, 1, hidden_channels=8, n_modes=6, periodic=periodic, options={"coordinates": False}).double()

    def result(factor: int) -> torch.Tensor:
        size = n * factor if periodic else (n - 1) * factor + 1
        points = torch.arange(size).double() / (size if periodic else size - 1)
        x, y = torch.meshgrid(points, points, indexing="ij")
        field = torch.stack([torch.sin(2 * torch.pi * (x - y)), torch.cos(2 * torch.pi * (x + 2 * y))])
        return network(field[None])[..., ::factor, ::factor].detach()

    coarse, fine, finest = (result(factor) for factor in (1, 2, 4))
    assert (coarse - finest).norm() < 0.05 * finest.norm()
    assert (fine - finest).norm() < 0.6 * (coarse - finest).norm()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_modes": [3]}, r"Expected n_modes for each of 2 axes, got \[3\]. Give one number"),
        ({"scalings": [0.5, 2.0]}, "Expected 5 scalings, got 2. Give one of both for each layer"),
        ({"scalings": [0.5, 1.0, 1.0, 1.0, 1.0]}, "Expected scalings of product 1, got 0.5. The output is on the grid"),
        ({"options": {"rank": 1}}, "Expected options out of coordinates, .*, got rank. Correct"),
    ],
)
def test_wrong_settings_are_refused(arguments, message):
    with pytest.raises(InputError, match=message):
        UNO(1, 1, **arguments)


def test_modes_that_the_coarsest_grid_does_not_hold_are_refused():
    network = UNO(1, 1, dim=1, hidden_channels=4, n_modes=12)
    network(torch.zeros(1, 1, 24))
    with pytest.raises(
        InputError, match=r"Expected at most \(6,\) Fourier coefficients, got \(7,\) on a grid of .*11,"
    ):
        network(torch.zeros(1, 1, 21))
    assert UNO.modes_for((64, 20)) == {"n_modes": [12, 10]}
