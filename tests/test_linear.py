"""The linear forecasters against the public implementations, and against what they compute by definition."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from surrogate.datasets.errors import InputError
from surrogate.forecasters import DLinear, Linear, NLinear, RLinear
from surrogate.layers import RevIN, moving_average

REFERENCE = Path(__file__).parent / "reference"
CONFIGS = {
    "DLinear": {"seq_len": 32, "pred_len": 9, "individual": False, "enc_in": 3},
    "RLinear": {"seq_len": 32, "pred_len": 9, "channel": 3, "individual": False, "drop": 0.1, "rev": True},
}


def golden(name: str) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
    arrays = {key: torch.from_numpy(value) for key, value in np.load(REFERENCE / f"{name}.npz").items()}
    return arrays, {key.removeprefix("p:"): value for key, value in arrays.items() if key.startswith("p:")}


@pytest.mark.parametrize("cls", [DLinear, RLinear])
def test_equals_the_reference(cls):
    arrays, state = golden(f"linear__{cls.__name__.lower()}")
    network = cls.from_reference(CONFIGS[cls.__name__], state, reference=cls.__name__).eval()
    x = arrays["in:x"].requires_grad_()
    y = network(x)
    torch.testing.assert_close(y, arrays["out:y"], rtol=0, atol=1e-10)
    (gradient,) = torch.autograd.grad(y.square().sum(), x)
    torch.testing.assert_close(gradient, arrays["grad:x"], rtol=0, atol=1e-10)


def test_rev_in_equals_the_reference():
    arrays, state = golden("revin__affine")
    layer = RevIN(4, affine=True).double()
    layer.load_state_dict({name.removeprefix("affine_"): value for name, value in state.items()})
    x = arrays["in:x"].requires_grad_()
    z, instance = layer.normalize(x)
    y = layer.denormalize(arrays["in:z"], instance)
    torch.testing.assert_close(z, arrays["out:normalised"], rtol=0, atol=1e-10)
    torch.testing.assert_close(y, arrays["out:denormalised"], rtol=0, atol=1e-10)
    (gradient,) = torch.autograd.grad(z.square().sum() + y.square().sum(), x)
    torch.testing.assert_close(gradient, arrays["grad:x"], rtol=0, atol=1e-10)


@pytest.mark.parametrize("subtract_last", [False, True])
def test_rev_in_undoes_itself(subtract_last):
    layer, x = RevIN(3, affine=True, subtract_last=subtract_last).double(), 5 + torch.randn(4, 9, 3).double()
    z, instance = layer.normalize(x)
    reference = x[:, -1] if subtract_last else x.mean(1)
    torch.testing.assert_close(z[:, 2], (x[:, 2] - reference) / (x.var(1, correction=0) + 1e-5).sqrt())
    # the inverse divides by a gain of 1 + 1e-10
    torch.testing.assert_close(layer.denormalize(z, instance), x, rtol=0, atol=1e-8)


@pytest.mark.parametrize(("cls", "names"), [(Linear, ["Linear"]), (DLinear, ["Linear_Seasonal", "Linear_Trend"])])
def test_individual_maps_are_those_of_the_reference(cls, names):
    torch.manual_seed(0)
    x = torch.randn(2, 30, 3).double()
    state = {}
    for name in names:
        for channel in range(3):
            state[f"{name}.{channel}.weight"] = torch.randn(4, 30).double()
            state[f"{name}.{channel}.bias"] = torch.randn(4).double()
    config = {"seq_len": 30, "pred_len": 4, "enc_in": 3, "individual": True}
    y = cls.from_reference(config, state, reference=cls.__name__)(x)
    trend = moving_average(x.mT, 25).mT
    parts = [x] if cls is Linear else [x - trend, trend]
    for channel in range(3):
        direct = sum(
            part[:, :, channel] @ state[f"{name}.{channel}.weight"].T + state[f"{name}.{channel}.bias"]
            for name, part in zip(names, parts, strict=True)
        )
        torch.testing.assert_close(y[:, :, channel], direct)


def test_moving_average_repeats_the_ends():
    x = torch.randn(1, 2, 40).double()
    padded = np.pad(x[0, 0].numpy(), 12, mode="edge")
    direct = np.convolve(padded, np.full(25, 1 / 25), mode="valid")
    np.testing.assert_allclose(moving_average(x, 25)[0, 0].numpy(), direct, rtol=0, atol=1e-14)


def test_nlinear_forecasts_what_follows_the_last_value():
    torch.manual_seed(0)
    nlinear = NLinear(2, history=6, horizon=3).double()
    x = torch.randn(5, 6, 2).double()
    last = x[:, -1:]
    direct = torch.einsum("bli,hl->bhi", x - last, nlinear.linear.weight) + nlinear.linear.bias[:, None] + last
    torch.testing.assert_close(nlinear(x), direct)


def test_dlinear_is_linear_in_disguise():
    torch.manual_seed(0)
    dlinear, linear = (cls(1, history=30, horizon=4).double() for cls in (DLinear, Linear))
    average = moving_average(torch.eye(30).double()[:, None], 25)[:, 0].T  # the matrix of the moving average
    with torch.no_grad():
        seasonal, trend = dlinear.linear.weight, dlinear.trend.weight
        linear.linear.weight.copy_(seasonal + (trend - seasonal) @ average)
        linear.linear.bias.copy_(dlinear.linear.bias + dlinear.trend.bias)
    x = torch.randn(3, 30, 1).double()
    torch.testing.assert_close(dlinear(x), linear(x))


def test_foreign_references_are_refused():
    with pytest.raises(InputError, match="the reference 'DLinear', got 'NLinear'"):
        DLinear.from_reference(CONFIGS["DLinear"], {}, reference="NLinear")
    with pytest.raises(InputError, match=r"rev = True, got False. Use `Linear`"):
        RLinear.from_reference(
            {**CONFIGS["RLinear"], "rev": False}, {"Linear.weight": torch.zeros(1)}, reference="RLinear"
        )
