from __future__ import annotations

import math

import pytest
import torch

from surrogate.datasets.errors import InputError
from surrogate.models import DeepONet

SMALL = {"hidden_channels": 6, "n_layers": 2, "n_basis": 5}


def small(**changes) -> DeepONet:
    torch.manual_seed(0)
    sizes = {"resolution": (7, 6), "periodic": [True, False], "parameter_channels": 1} | SMALL
    network = DeepONet(2, 3, **sizes | changes).double()
    torch.nn.init.normal_(network.bias)
    return network


def draw(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


@pytest.mark.parametrize("activation", ["relu", "silu", "gelu"])
def test_equals_the_inner_product_by_hand(activation):
    network = small(activation=activation)
    weights = {key: value.detach().numpy() for key, value in network.state_dict().items()}
    phi = {
        "relu": lambda z: max(z, 0.0),
        "silu": lambda z: z / (1 + math.exp(-z)),
        "gelu": lambda z: z / 2 * (1 + math.erf(z / math.sqrt(2))),
    }[activation]

    def linear(z: list[float], name: str) -> list[float]:
        rows, biases = weights[f"{name}.weight"], weights[f"{name}.bias"]
        return [sum(w * v for w, v in zip(row, z, strict=True)) + bias for row, bias in zip(rows, biases, strict=True)]

    def stack(z: list[float], name: str) -> list[float]:
        for layer in (0, 2):
            z = [phi(v) for v in linear(z, f"{name}.{layer}")]
        return linear(z, f"{name}.4")

    x, points, parameters = draw(2, 2, 7, 6), draw(2, 3, 4, 2), draw(2, 1)
    y = network(x, points, parameters)
    assert y.shape == (2, 3, 3, 4)
    for sample in range(2):
        values = [float(v) for channel in x[sample] for row in channel for v in row]
        branch = stack([*values, float(parameters[sample, 0])], "branch")
        for i in range(3):
            for j in range(4):
                first, second = points[sample, i, j].tolist()
                features = [math.cos(2 * math.pi * first), math.sin(2 * math.pi * first), second]
                trunk = [phi(v) for v in stack(features, "trunk")]
                for o in range(3):
                    inner = sum(branch[o * 5 + k] * trunk[o * 5 + k] for k in range(5))
                    assert float(y[sample, o, i, j].detach()) == pytest.approx(inner + weights["bias"][o], abs=1e-13)


def test_every_grid_of_points_gives_the_same_function():
    network, x, parameters = small(), draw(2, 2, 7, 6), draw(2, 1)
    axes = [torch.linspace(0, 1, n, dtype=torch.float64) for n in (5, 9)]
    points = torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1)
    every = network(x, points, parameters)
    torch.testing.assert_close(network(x, points[::2, 1::3], parameters), every[..., ::2, 1::3], rtol=0, atol=1e-14)
    each = torch.stack([points, points.flip(0)])
    both = network(x, each, parameters)
    torch.testing.assert_close(both[1], every[1].flip(1), rtol=0, atol=1e-14)
    torch.testing.assert_close(both[0], every[0], rtol=0, atol=1e-14)


def test_output_is_periodic_along_periodic_axes_only():
    network, x, parameters, points = small(), draw(2, 2, 7, 6), draw(2, 1), draw(3, 4, 2)
    before = network(x, points, parameters)
    around = network(x, points + torch.tensor([1.0, 0.0]), parameters)
    torch.testing.assert_close(around, before, rtol=0, atol=1e-13)
    aside = network(x, points + torch.tensor([0.0, 1.0]), parameters)
    assert (aside - before).abs().max() > 1e-3


def test_derivative_by_the_coordinates_is_that_of_finite_differences():
    network, x, parameters, points = small(), draw(1, 2, 7, 6), draw(1, 1), draw(2, 2, 2)
    assert torch.autograd.gradcheck(lambda at: network(x, at, parameters), points.requires_grad_())


def test_sensors_are_the_points_of_the_data():
    assert DeepONet.modes_for((12, 9)) == {"resolution": [12, 9]}
    assert DeepONet(1, 1, dim=1, resolution=(8,), **SMALL).resolution == [8]


def test_wrong_input_is_refused():
    network, x, parameters = small(), draw(2, 2, 7, 6), draw(2, 1)
    with pytest.raises(
        InputError, match=r"Expected x at \(7, 6\) sensors, got \(14, 12\). Bring the input to the grid"
    ):
        network(draw(2, 2, 14, 12), None, parameters)
    for wrong in (draw(3, 2, 3, 4, 2), draw(4, 2), draw(3, 4, 3)):
        with pytest.raises(InputError, match=r"Expected coordinates of shape \(\*2 axes, 2\), got .* Give a grid of"):
            network(x, wrong, parameters)
    with pytest.raises(InputError, match=r"Expected a resolution of 2 axes, got \(7,\)"):
        small(resolution=(7,))
    with pytest.raises(InputError, match=r"Expected activation out of relu, silu, gelu, got 'tanh'"):
        small(activation="tanh")
    with pytest.raises(InputError, match=r"Expected n_layers of at least 1, got 0"):
        small(n_layers=0)
