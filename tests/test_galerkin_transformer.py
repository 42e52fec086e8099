from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from surrogate.datasets.errors import InputError
from surrogate.models import GalerkinTransformer

REFERENCE = Path(__file__).parent / "reference"
CONFIGS = json.loads((REFERENCE / "galerkin__1d.json").read_text())


@pytest.mark.parametrize("case", CONFIGS)
def test_equals_the_reference(case):
    arrays = {key: torch.from_numpy(value) for key, value in np.load(REFERENCE / f"galerkin__{case}.npz").items()}
    state = {key.removeprefix("p:"): value for key, value in arrays.items() if key.startswith("p:")}
    network = GalerkinTransformer.from_reference(CONFIGS[case], state, reference="SimpleTransformer").eval()
    x = arrays["in:node"].mT.clone().requires_grad_()
    y = network(x, arrays["in:pos"])
    torch.testing.assert_close(y.mT, arrays["out:preds"], rtol=0, atol=1e-10)
    if "grad:node" in arrays:
        (gradient,) = torch.autograd.grad(y.square().sum(), x)
        torch.testing.assert_close(gradient.mT, arrays["grad:node"], rtol=0, atol=1e-10)


LITE = {
    "node_feats": 5,
    "pos_dim": 2,
    "n_targets": 2,
    "n_hidden": 6,
    "num_encoder_layers": 2,
    "n_head": 2,
    "dim_feedforward": 7,
    "attention_type": "galerkin",
    "layer_norm": True,
    "attn_norm": False,
    "freq_dim": 4,
    "num_regressor_layers": 2,
    "fourier_modes": 3,
    "spacial_fc": False,
    "xavier_init": 0.01,
    "diagonal_weight": 0.01,
    "encoder_dropout": 0.0,
    "dropout": 0.0,
}


def lite_state() -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    shapes = {"feat_extract.id": (6, 5), "regressor.regressor.0": (4, 4), "regressor.regressor.2": (2, 4)}
    for layer in (0, 1):
        shapes |= {f"encoder_layers.{layer}.attn.linears.{i}": (6, 6) for i in range(3)}
        shapes |= {f"encoder_layers.{layer}.attn.fc": (6, 10)}
        shapes |= {f"encoder_layers.{layer}.ff.lr1": (7, 6), f"encoder_layers.{layer}.ff.lr2": (6, 7)}
        shapes |= {f"encoder_layers.{layer}.layer_norm{i}": (6,) for i in (1, 2)}
        shapes |= {f"regressor.spectral_conv.{layer}.linear": (4, (6, 4)[layer])}
    state = {}
    for name, shape in shapes.items():
        state |= {f"{name}.weight": torch.randn(shape).double() / 2, f"{name}.bias": torch.randn(shape[0]).double() / 2}
    for layer, width in enumerate((6, 4)):
        for half in (0, 1):
            name = f"regressor.spectral_conv.{layer}.fourier_weight.{half}"
            state[name] = torch.randn(width, 4, 3, 3, 2).double() / 2
    return state


def lite(state: dict[str, torch.Tensor], node: torch.Tensor, points: torch.Tensor) -> torch.Tensor:
    """Follow the specification of the 2-D form: ``node`` is (batch, n, n, 3), ``points`` (n n, 2)."""

    def linear(name: str, x: torch.Tensor) -> torch.Tensor:
        return F.linear(x, state[f"{name}.weight"], state[f"{name}.bias"])

    def spectral(name: str, x: torch.Tensor) -> torch.Tensor:
        spectrum, result = torch.fft.rfft2(x, dim=(1, 2), norm="ortho"), torch.zeros(0)
        result = torch.zeros(*spectrum.shape[:3], 4, dtype=spectrum.dtype)
        for rows, half in ((slice(None, 3), 0), (slice(-3, None), 1)):
            weight = torch.view_as_complex(state[f"{name}.fourier_weight.{half}"])
            result[:, rows, :3] = torch.einsum("bxyi,ioxy->bxyo", spectrum[:, rows, :3], weight)
        filtered = torch.fft.irfft2(result, s=x.shape[1:3], dim=(1, 2), norm="ortho")
        return F.silu(filtered + linear(f"{name}.linear", x))

    batch, n = node.shape[0], node.shape[1]
    flat = points.expand(batch, -1, -1)
    x = linear("feat_extract.id", torch.cat([node.flatten(1, 2), flat], -1))
    for layer in ("encoder_layers.0", "encoder_layers.1"):
        q, k, v = (linear(f"{layer}.attn.linears.{i}", x).chunk(2, -1) for i in range(3))
        q, k, v = ([torch.cat([flat, head], -1) for head in heads] for heads in (q, k, v))
        mixed = [q[h] @ (k[h].mT @ v[h]) / n**2 for h in (0, 1)]
        x = x + linear(f"{layer}.attn.fc", torch.cat(mixed, -1))
        x = F.layer_norm(x, (6,), state[f"{layer}.layer_norm1.weight"], state[f"{layer}.layer_norm1.bias"])
        x = x + linear(f"{layer}.ff.lr2", linear(f"{layer}.ff.lr1", x).relu())
        x = F.layer_norm(x, (6,), state[f"{layer}.layer_norm2.weight"], state[f"{layer}.layer_norm2.bias"])
    x = x.unflatten(1, (n, n))
    for block in (0, 1):
        x = spectral(f"regressor.spectral_conv.{block}", x)
    return linear("regressor.regressor.2", F.silu(linear("regressor.regressor.0", x)))


@pytest.mark.parametrize("n", [8, 9])
def test_two_dimensional_form_equals_the_specification(n):
    state = lite_state()
    network = GalerkinTransformer.from_reference(LITE, state, reference="FourierTransformer2DLite").eval()
    node, points = torch.randn(2, n, n, 3).double(), torch.rand(n * n, 2).double()
    y = network(node.movedim(-1, 1), points.unflatten(0, (n, n)))
    torch.testing.assert_close(y.movedim(1, -1), lite(state, node, points), rtol=1e-11, atol=1e-11)


def test_variants_without_counterpart_are_refused():
    with pytest.raises(
        InputError, match="Expected a reference out of SimpleTransformer, FourierTransformer2DLite, got"
    ):
        GalerkinTransformer.from_reference(LITE, {}, reference="FourierTransformer3D")
    with pytest.raises(
        InputError, match=r"Expected batch_norm = False, got True. This variant has no counterpart here"
    ):
        GalerkinTransformer.from_reference({**LITE, "batch_norm": True}, {}, reference="FourierTransformer2DLite")
    with pytest.raises(InputError, match="Expected layer_norm or attn_norm, got both"):
        GalerkinTransformer.from_reference({**LITE, "attn_norm": True}, {}, reference="FourierTransformer2DLite")


def test_layers_start_independently_unless_asked_otherwise():
    torch.manual_seed(0)
    for identical in (False, True):
        network = GalerkinTransformer(1, 1, dim=1, options={"identical_layers": identical})
        one, two = (network.layers[i].attention.projection.weight for i in (0, 3))
        assert torch.equal(one, two) == identical
        assert one is not two


def test_dropout_acts_in_training_only():
    torch.manual_seed(0)
    x = torch.randn(2, 1, 32)
    for name in ("dropout", "attention_dropout", "encoder_dropout", "feed_forward_dropout", "decoder_dropout"):
        network = GalerkinTransformer(1, 1, dim=1, hidden_channels=8, n_frequencies=4, options={name: 0.5})
        assert not torch.equal(network(x), network(x)), name
        network.eval()
        assert torch.equal(network(x), network(x)), name
