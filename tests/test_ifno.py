from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from surrogate.datasets.errors import InputError
from surrogate.models import FNO, IFNO

SMALL = {"hidden_channels": 4, "n_modes": 6}


def by_definition(network: IFNO, x: torch.Tensor) -> torch.Tensor:
    """Follow the formula of the docstring, with transforms and a sum over the modes written out, in one dimension."""
    weights = {name: value.detach() for name, value in network.state_dict().items()}

    def pointwise(y: torch.Tensor, name: str) -> torch.Tensor:
        for layer in (0, 1):
            y = F.conv1d(y, weights[f"{name}.fcs.{layer}.weight"], weights[f"{name}.fcs.{layer}.bias"])
            y = F.gelu(y) if layer == 0 else y
        return y

    kernel = torch.view_as_complex(weights["blocks.convs.0.weight"])
    y, n = pointwise(x, "lifting"), x.shape[-1]
    waves = torch.exp(2j * torch.pi * torch.outer(torch.arange(4.0).double(), torch.arange(n).double() / n))
    for _ in range(network.n_iterations):
        coefficients = torch.einsum("bin,kn->bik", y.to(waves.dtype), waves.conj()) / n
        modes = torch.einsum("bik,iok->bok", coefficients, kernel)
        twice = torch.tensor([1.0, 2.0, 2.0, 2.0], dtype=torch.float64)
        convolution = torch.einsum("bok,k,kn->bon", modes, twice.to(modes.dtype), waves).real
        inner = convolution + weights["blocks.convs.0.bias"] + F.conv1d(y, weights["blocks.fno_skips.0.conv.weight"])
        y = y + F.gelu(inner) / network.n_iterations
    return pointwise(y, "projection")


@pytest.mark.parametrize("n", [16, 21])
def test_equals_the_formula(n):
    torch.manual_seed(0)
    network = IFNO(2, 1, dim=1, n_iterations=3, options={"coordinates": False}, **SMALL).double()
    x = torch.randn(2, 2, n, dtype=torch.float64)
    torch.testing.assert_close(network(x), by_definition(network, x), rtol=0, atol=1e-13)


def test_weights_are_those_of_one_layer_and_steps_approach_the_solution_of_a_differential_equation():
    """Explicit Euler steps over a time of 1: with twice as many the error halves."""
    torch.manual_seed(0)
    one = FNO(1, 1, n_layers=1, options={"use_channel_mlp": False}, **SMALL).double()
    x, results = torch.randn(1, 1, 9, 8, dtype=torch.float64), []
    for n in (16, 32, 64):
        network = IFNO(1, 1, n_iterations=n, **SMALL).double()
        network.load_state_dict(one.state_dict())
        results.append(network(x).detach())
    ratio = float((results[1] - results[0]).norm() / (results[2] - results[1]).norm())
    assert ratio == pytest.approx(2, rel=0.1)  # the next order of the step, 1/16


@pytest.mark.parametrize(("n", "finer"), [(32, 64), (33, 99), (64, 192)])
def test_a_finer_grid_gives_the_same_function(n, finer):
    torch.manual_seed(0)
    network = IFNO(1, 1, options={"coordinates": False}, **SMALL).double()
    results = []
    for size in (n, finer):
        points = torch.arange(size).double() / size
        x, y = torch.meshgrid(points, points, indexing="ij")
        results.append(network(torch.sin(2 * torch.pi * (x - 2 * y))[None, None]).detach())
    coarse = results[1][..., :: finer // n, :: finer // n]
    # the activation makes higher wavenumbers, which fall off fast and are seen as others on the coarse grid
    torch.testing.assert_close(results[0], coarse, rtol=0, atol=1e-3 * float(coarse.abs().max()))


def test_wrong_settings_are_refused():
    with pytest.raises(InputError, match="Expected n_iterations of at least 1, got 0"):
        IFNO(1, 1, n_iterations=0)
    with pytest.raises(InputError, match=r"Expected options out of coordinates, .*, got rank"):
        IFNO(1, 1, options={"rank": 1})
