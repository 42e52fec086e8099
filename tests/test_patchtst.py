"""PatchTST against the public implementation, for each of its options that has a counterpart."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from surrogate.datasets.errors import InputError
from surrogate.forecasters import PatchTST
from surrogate.layers import ResidualAttention, moving_average

REFERENCE = Path(__file__).parent / "reference"
CONFIG = json.loads((REFERENCE / "patchtst__supervised.json").read_text())


def golden() -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
    arrays = {key: torch.from_numpy(value) for key, value in np.load(REFERENCE / "patchtst__supervised.npz").items()}
    return arrays, {key.removeprefix("p:"): value for key, value in arrays.items() if key.startswith("p:")}


def test_equals_the_reference():
    arrays, state = golden()
    network = PatchTST.from_reference(CONFIG, state, reference="PatchTST_supervised").eval()
    x = arrays["in:x"].requires_grad_()
    y = network(x)
    torch.testing.assert_close(y, arrays["out:y"], rtol=0, atol=1e-10)
    (gradient,) = torch.autograd.grad(y.square().sum(), x)
    torch.testing.assert_close(gradient, arrays["grad:x"], rtol=0, atol=1e-10)


def test_decomposition_adds_two_networks():
    arrays, state = golden()
    half = {name.removeprefix("model."): value for name, value in state.items()}
    both = {f"model_{part}.{name}": value for part in ("res", "trend") for name, value in half.items()}
    config = {**CONFIG, "decomposition": 1}
    joint = PatchTST.from_reference(config, both, reference="PatchTST_supervised").eval()
    single = PatchTST.from_reference(CONFIG, state, reference="PatchTST_supervised").eval()
    x = arrays["in:x"]
    trend = moving_average(x.mT, 25).mT
    torch.testing.assert_close(joint(x), single(x - trend) + single(trend))


def test_individual_heads_are_those_of_the_reference():
    arrays, state = golden()
    copies = {key: value for key, value in state.items() if ".head." not in key}
    for channel in range(3):
        for part in ("weight", "bias"):
            copies[f"model.head.linears.{channel}.{part}"] = (channel + 1) * state[f"model.head.linear.{part}"]
    config = {**CONFIG, "individual": 1, "affine": 0}
    copies = {key: value for key, value in copies.items() if "revin" not in key}
    network = PatchTST.from_reference(config, copies, reference="PatchTST_supervised").eval()
    shared = {key: value for key, value in state.items() if "revin" not in key}
    single = PatchTST.from_reference({**CONFIG, "affine": 0}, shared, reference="PatchTST_supervised").eval()
    x = arrays["in:x"]
    x = x - x.mean(1, keepdim=True)  # then the forecast is proportional to the head
    factor = torch.tensor([1.0, 2.0, 3.0]).double()
    torch.testing.assert_close(network(x), single(x) * factor)


def test_without_padding_the_first_values_that_fill_no_patch_are_left_out():
    torch.manual_seed(0)
    sizes = {"horizon": 3, "patch_length": 6, "stride": 4, "hidden_channels": 8, "n_heads": 2}
    options = {"pad_end": False, "normalized": False}
    long, short = (PatchTST(2, history=n, options=options, **sizes).double().eval() for n in (21, 18))
    short.load_state_dict(long.state_dict())
    x = torch.randn(3, 21, 2).double()
    assert torch.equal(long(x), short(x[:, 3:]))


def test_scores_add_up_from_layer_to_layer():
    torch.manual_seed(0)
    layer = ResidualAttention(6, n_heads=2).double()
    x, before = torch.randn(3, 5, 6).double(), torch.randn(3, 2, 5, 5).double()
    y, scores = layer(x, before)
    query, key, value = (part.reshape(3, 5, 2, 3).transpose(1, 2) for part in layer.projection(x).chunk(3, dim=-1))
    torch.testing.assert_close(scores, query @ key.mT / 3**0.5 + before)
    mixed = torch.nn.functional.scaled_dot_product_attention(query, key, value, attn_mask=before)
    torch.testing.assert_close(y, layer.output(mixed.transpose(1, 2).reshape(3, 5, 6)))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"norm": "LayerNorm"}, "norm = 'BatchNorm', got 'LayerNorm'. This variant has no counterpart"),
        ({"pre_norm": True}, "pre_norm = False, got True"),
        (
            {"padding_patch": None, "seq_len": 42},
            "to the end of the window, got 2 values that the reference drops",
        ),
        ({"padding_patch": "start"}, "padding_patch = 'end', got 'start'"),
    ],
)
def test_variants_without_counterpart_are_refused(change, message):
    with pytest.raises(InputError, match=message):
        PatchTST.from_reference({**CONFIG, **change}, {}, reference="PatchTST_supervised")


def test_other_classes_are_refused():
    with pytest.raises(InputError, match="the reference 'PatchTST_supervised', got 'PatchTST'"):
        PatchTST.from_reference(CONFIG, {}, reference="PatchTST")
