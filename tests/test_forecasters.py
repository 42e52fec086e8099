"""What every forecaster must pass. A new one is tested by adding a line to MEMBERS."""

from __future__ import annotations

import json
import re

import pytest
import torch

from surrogate.datasets.errors import InputError
from surrogate.forecasters import DLinear, Linear, NLinear, PatchTST, Ridge, RLinear
from surrogate.forecasters.forecaster import Forecaster
from surrogate.training.manifest import network_arguments

SIZES = {"history": 20, "horizon": 5}
SMALL = {**SIZES, "patch_length": 6, "stride": 2, "hidden_channels": 8, "n_layers": 2, "n_heads": 2}
MEMBERS = {
    "linear": lambda: Linear(3, **SIZES),
    "linear_individual": lambda: Linear(3, individual=True, **SIZES),
    "nlinear": lambda: NLinear(3, **SIZES),
    "dlinear": lambda: DLinear(3, kernel=7, **SIZES),
    "dlinear_individual": lambda: DLinear(3, individual=True, kernel=7, **SIZES),
    "rlinear": lambda: RLinear(3, **SIZES),
    "ridge": lambda: Ridge(3, **SIZES),
    "patchtst": lambda: PatchTST(3, **SMALL),
    "patchtst_plain": lambda: PatchTST(
        3, options={"residual_attention": False, "pad_end": False}, **{**SMALL, "stride": 2}
    ),
    "patchtst_options": lambda: PatchTST(
        3,
        options={"decomposition": True, "kernel": 5, "individual": True, "affine": True, "subtract_last": True},
        **SMALL,
    ),
}
COUNTS = [  # of the specifications
    (Linear.published("etth1"), 32_352),
    (NLinear.published("etth1"), 32_352),
    (DLinear.published("etth1"), 64_704),
    (RLinear.published("etth1"), 32_366),
    (Linear(7, history=336, horizon=96, individual=True), 226_464),
    (DLinear(7, history=336, horizon=96, individual=True), 452_928),
    (RLinear(7, history=336, horizon=96, individual=True), 226_478),
    (PatchTST.published("etth1"), 81_728),
    (PatchTST(**{**PatchTST.PUBLISHED["etth1"]["network"], "horizon": 720}), 501_680),
    (PatchTST(**{**PatchTST.PUBLISHED["etth1"]["network"], "history": 512}), 115_872),
    (PatchTST.published("ettm1"), 921_184),
    (PatchTST(**{**PatchTST.PUBLISHED["ettm1"]["network"], "history": 512}), 1_194_336),
    # fine-tuning form of the self-supervised variant, whose window of 512 is cropped to 42 patches of 12
    (PatchTST(7, history=504, horizon=96, patch_length=12, stride=12, options={"pad_end": False}), 920_672),
]
members = pytest.mark.parametrize("name", MEMBERS)


def build(name: str) -> Forecaster:
    torch.manual_seed(0)
    return MEMBERS[name]().double().eval()


def window(batch: int = 4) -> torch.Tensor:
    return torch.randn(batch, 20, 3, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


@pytest.mark.parametrize(("network", "count"), COUNTS)
def test_parameter_count(network, count):
    assert sum(p.numel() for p in network.parameters()) == count


@members
def test_every_input_channel_and_time_reaches_its_forecast(name):
    network, x = build(name), window().requires_grad_()
    (gradient,) = torch.autograd.grad(network(x).square().sum(), x)
    assert (gradient.abs().amax(0) > 1e-9).all()


@members
def test_channels_are_forecast_one_by_one(name):
    network, x = build(name), window()
    moved = x.clone()
    moved[:, :, 1] += torch.randn(4, 20, dtype=torch.float64)
    change = (network(moved) - network(x)).abs().amax((0, 1))
    assert change[1] > 1e-3
    assert change[[0, 2]].max() < 1e-13  # round-off: other blocking of the matrix products


@members
def test_gradient_reaches_every_parameter(name):
    network = build(name)
    network(window()).square().sum().backward()
    for key, parameter in network.named_parameters():
        assert parameter.grad is not None, key
        if key.endswith("attention.projection.bias"):  # the middle third, of the keys, has no effect
            query, _, value = parameter.grad.chunk(3)
            assert min(query.norm(), value.norm()) > 1e-9
        else:
            assert parameter.grad.norm() > 1e-9, key


@members
def test_alone_as_in_a_batch(name):
    network, x = build(name), window()
    alone = torch.cat([network(sample[None]) for sample in x])
    torch.testing.assert_close(alone, network(x), rtol=0, atol=1e-13)


@members
def test_built_again_from_its_attributes(name):
    network = build(name)
    arguments = json.loads(json.dumps(network_arguments(network)))
    again = type(network)(**arguments).double().eval()
    again.load_state_dict(network.state_dict())
    assert torch.equal(again(window()), network(window()))


@members
def test_float32_agrees_with_float64(name):
    network, x = build(name).float(), window().float()
    single = network(x)
    double = network.double()(x.double())
    # unit round-off 6e-8, about a hundred dependent operations
    assert (single - double).norm() < 1e-5 * double.norm()


@members
def test_export(name):
    network, x = build(name), window()
    exported = torch.export.export(network, (x,)).module()
    torch.testing.assert_close(exported(x), network(x), rtol=0, atol=1e-12)


@members
def test_wrong_windows_are_refused(name):
    network = build(name)
    with pytest.raises(InputError, match=re.escape("(batch, 20, 3), got (4, 19, 3). Give the last `history` values")):
        network(window()[:, 1:])
    with pytest.raises(InputError, match=re.escape("(batch, 20, 3), got (4, 20, 2)")):
        network(window()[:, :, 1:])


@pytest.mark.parametrize("name", ["nlinear", "rlinear", "ridge", "patchtst"])
def test_a_level_is_carried_through(name):
    network, x = build(name), window()
    torch.testing.assert_close(network(x + 100.0), network(x) + 100.0, rtol=0, atol=1e-11)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Linear(0, history=3, horizon=1), "at least 1, got 0, 3 and 1"),
        (lambda: PatchTST(1, history=10, horizon=1), "patches of 1 to 10 values, got 16 with stride 8. Use shorter"),
        (lambda: PatchTST(1, history=20, horizon=1, hidden_channels=10, n_heads=3), "divides 10 channels, got 3"),
        (lambda: PatchTST(1, history=20, horizon=1, options={"norm": "layer"}), "options out of .*, got norm"),
        (lambda: DLinear(1, history=20, horizon=1, kernel=24)(torch.zeros(1, 20, 1)), "an odd kernel, got 24"),
        (lambda: Ridge(1, history=3, horizon=1, penalties=[0.0]), "positive penalties"),
        (lambda: PatchTST.published("moon"), "a configuration out of etth1, .*, got 'moon'"),
    ],
)
def test_bad_arguments_are_refused(make, message):
    with pytest.raises(InputError, match=message):
        make()
