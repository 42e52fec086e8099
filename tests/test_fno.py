from __future__ import annotations

import subprocess
import sys
import warnings

import pytest
import torch

from surrogate.models import FNO

with warnings.catch_warnings():
    import neuralop
    from neuralop.layers.spectral_convolution import SpectralConv
    from neuralop.models import FNO as Original


def band_limited(shape: tuple[int, ...], highest: int) -> torch.Tensor:
    """Return a random real field whose wavenumbers along every axis stay within ``highest``."""
    generator = torch.Generator().manual_seed(0)
    field = torch.zeros(shape, dtype=torch.float64)
    points = [torch.arange(n, dtype=torch.float64) / n for n in shape]
    for _ in range(20):
        phase = torch.rand((), generator=generator, dtype=torch.float64)
        for axis, x in enumerate(points):
            k = torch.randint(-highest, highest + 1, (), generator=generator)
            phase = phase + (k * x).reshape([-1 if a == axis else 1 for a in range(len(shape))])
        field += torch.cos(2 * torch.pi * phase)
    return field[None, None]


@pytest.mark.parametrize("shape", [(64, 64), (65, 65), (85, 85), (64, 65), (16,), (15,), (9, 8, 7)])
def test_identity_weights_pass_a_band_limited_field(shape):
    network = FNO(1, 1, dim=len(shape), hidden_channels=2, n_layers=1, n_modes=6).double()
    convolution = network.blocks.convs[0]
    with torch.no_grad():
        convolution.weight.zero_()
        convolution.weight[[0, 1], [0, 1], ..., 0] = 1.0
        convolution.bias.zero_()
    x = band_limited(shape, highest=2).repeat(1, 2, *[1] * len(shape)) * torch.tensor([1.0, 3.0]).reshape(
        2, *[1] * len(shape)
    )
    torch.testing.assert_close(convolution(x), x, rtol=0, atol=1e-13)


@pytest.mark.skipif(
    tuple(int(n) for n in neuralop.__version__.split(".")[:3]) > (2, 0, 0), reason="neuraloperator is newer than 2.0.0"
)
@pytest.mark.parametrize(("n", "right"), [(64, True), (65, False)])
def test_that_of_neuraloperator_is_wrong_at_odd_sizes(n, right):
    original = SpectralConv(1, 1, (6, 6), bias=False)
    with torch.no_grad():
        original.weight.tensor.fill_(1.0)
    x = band_limited((n, n), highest=2).float()
    error = (original(x) - x).norm() / x.norm()
    assert error < 1e-5 if right else error > 0.5


CONFIGURATIONS = [
    {"dim": 1, "n_modes": 16, "hidden_channels": 64},
    {"dim": 2, "n_modes": 12, "hidden_channels": 32},
    {"dim": 2, "n_modes": [12, 9], "hidden_channels": 16, "options": {"use_channel_mlp": False}},
    {"dim": 3, "n_modes": 8, "hidden_channels": 20, "options": {"norm": "group_norm"}},
]


@pytest.mark.parametrize("configuration", CONFIGURATIONS)
def test_parameter_count_is_that_of_neuraloperator(configuration):
    ours = FNO(3, 2, **configuration)
    options = configuration.get("options", {})
    theirs = Original(
        n_modes=tuple(ours.n_modes),
        in_channels=3,
        out_channels=2,
        hidden_channels=configuration["hidden_channels"],
        **options,
    )
    count = sum(parameter.numel() * (2 if parameter.is_complex() else 1) for parameter in theirs.parameters())
    assert sum(parameter.numel() for parameter in ours.parameters()) == count


@pytest.mark.parametrize("shape", [(32,), (24, 30), (8, 12, 10)])
def test_equals_neuraloperator_at_even_sizes(shape):
    """With its weights, and with the coordinates that it takes: from 0, end point left out."""
    torch.manual_seed(0)
    dim = len(shape)
    theirs = Original(n_modes=(6,) * dim, in_channels=2, out_channels=1, hidden_channels=8, n_layers=2)
    ours = FNO(2, 1, dim=dim, n_modes=6, hidden_channels=8, n_layers=2, periodic=True)
    state = {}
    for name, value in theirs.named_parameters():
        key = name.replace("fno_blocks.", "blocks.").replace(".weight.tensor", ".weight")
        state[key] = torch.view_as_real(value.detach()) if value.is_complex() else value.detach()
    ours.load_state_dict(state)
    x = torch.randn(2, 2, *shape)
    torch.testing.assert_close(ours(x), theirs(x), rtol=1e-5, atol=1e-5)  # float32, four Fourier transforms


def test_initial_weights_have_the_spread_of_neuraloperator():
    torch.manual_seed(0)
    ours, theirs = FNO(1, 1, dim=2).blocks.convs[0].weight, SpectralConv(32, 32, (12, 12)).weight.tensor
    torch.testing.assert_close(
        ours.std(), torch.view_as_real(theirs).std(), rtol=0.02, atol=0
    )  # 86,016 * 2 draws: spread of the ratio 0.0024


def test_building_it_leaves_the_warning_filters_alone():
    code = """
import warnings, tensorly, torch
from surrogate.models import FNO
before = list(warnings.filters)
FNO(1, 1)
assert warnings.filters == before, warnings.filters
"""
    subprocess.run([sys.executable, "-c", code], check=True)
