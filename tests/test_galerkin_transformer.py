from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from surrogate.datasets.errors import InputError
from surrogate.layers import Attention
from surrogate.models import GalerkinTransformer
from surrogate.models.galerkin_reference import arguments, weights

REFERENCE = Path(__file__).parent / "reference"
DARCY = json.loads((REFERENCE / "galerkin__2d_darcy.json").read_text())
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


@pytest.fixture
def darcy() -> tuple[GalerkinTransformer, dict[str, torch.Tensor]]:
    """Return our network with the weights of the reference with a coarse grid, and its arrays."""
    arrays = {key: torch.from_numpy(value) for key, value in np.load(REFERENCE / "galerkin__2d_darcy.npz").items()}
    state = {key.removeprefix("p:"): value for key, value in arrays.items() if key.startswith("p:")}
    network = GalerkinTransformer.from_reference(DARCY, state, reference="FourierTransformer2D")
    return network.eval(), arrays


def test_coarse_attention_equals_the_reference(darcy, monkeypatch):
    network, arrays = darcy
    coarse, own = arrays["in:pos"].unflatten(1, (8, 8)), network.points_on  # its coarse points are not on the fine grid
    monkeypatch.setattr(network, "points_on", lambda shape, points: coarse if shape == [8, 8] else own(shape, points))
    x = arrays["in:node"].movedim(-1, 1).clone().requires_grad_()
    y = network(x, arrays["in:grid"]).movedim(1, -1)
    # what stands behind the network in its paper: mean and deviation at every point, zeros on the boundary
    y = y * (arrays["in:normalizer_std"] + 1e-5) + arrays["in:normalizer_mean"]
    y = F.pad(y[:, 1:-1, 1:-1], (0, 0, 1, 1, 1, 1))
    torch.testing.assert_close(y, arrays["out:preds"], rtol=0, atol=1e-10)
    (gradient,) = torch.autograd.grad(y.square().sum(), x)
    torch.testing.assert_close(gradient.movedim(1, -1), arrays["grad:node"], rtol=0, atol=1e-10)


def test_the_linear_map_before_interpolation_changes_nothing(darcy):
    """In training with dropout it comes after."""
    network, arrays = darcy
    x = arrays["in:node"].movedim(-1, 1)
    early = network(x)
    network.train().dropout.p = 1e-300  # which drops nothing, but is not 0
    for part in network.modules():
        if isinstance(part, torch.nn.Dropout) and part is not network.dropout:
            part.p = 0.0
        if isinstance(part, Attention):
            part.dropout = 0.0
    torch.testing.assert_close(network(x), early, rtol=1e-12, atol=1e-12)


def test_coarse_points_lie_between_the_given_ones():
    network = GalerkinTransformer(1, 1, dim=2, periodic=[True, False], coarse_shape=[6, 5])
    x, y = torch.arange(9.0).double() / 9, torch.linspace(0, 1, 8).double()
    bent = torch.stack(torch.meshgrid(x, 2 * y - 1, indexing="ij"), dim=-1)[None]
    coarse = network.points_on([6, 5], bent)
    torch.testing.assert_close(coarse[0, :, 0, 0], torch.arange(6.0).double() / 6)
    torch.testing.assert_close(coarse[0, 0, :, 1], torch.linspace(-1, 1, 5).double())


def test_variants_without_counterpart_are_refused():
    with pytest.raises(
        InputError, match=r"Expected a reference out of SimpleTransformer, FourierTransformer2DLite, Fou.*2D, got"
    ):
        GalerkinTransformer.from_reference(LITE, {}, reference="FourierTransformer3D")
    with pytest.raises(
        InputError, match=r"Expected batch_norm = False, got True. This variant has no counterpart here"
    ):
        GalerkinTransformer.from_reference({**LITE, "batch_norm": True}, {}, reference="FourierTransformer2DLite")
    with pytest.raises(InputError, match="Expected n_fine and n_coarse in the configuration, got none"):
        GalerkinTransformer.from_reference(LITE, {}, reference="FourierTransformer2D")
    with pytest.raises(InputError, match="Expected upsample_mode = 'interp', got 'deconv'"):
        GalerkinTransformer.from_reference(DARCY | {"upsample_mode": "deconv"}, {}, reference="FourierTransformer2D")
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


def test_pointwise_decoder_takes_the_weights_of_the_reference():
    """Its linear maps are the last of the network, so a bias there adds to the output, one before it through SiLU."""
    config = DARCY | {"decoder_type": "pointwise", "n_coarse": 8, "upscaler_size": [[8, 8], [8, 8]]}
    own = GalerkinTransformer(
        1,
        1,
        dim=2,
        coarse_shape=8,
        out_shape=8,
        hidden_channels=10,
        n_layers=2,
        n_heads=2,
        options={"feed_forward_channels": 16, "decoder": "point", "decoder_layers": 2, "coordinates_in_decoder": True},
    )
    state = {}
    names = {"decoder.layers.0.0": "regressor.ff.0.0", "decoder.layers.1.0": "regressor.ff.1.0"}
    names |= {"decoder.output": "regressor.out", "join": "regressor.fc"}
    for ours, theirs in names.items():
        state |= {f"{theirs}.{part}": own.state_dict()[f"{ours}.{part}"] for part in ("weight", "bias")}
    assert arguments(config, "FourierTransformer2D")["out_shape"] == [8, 8]
    renamed = weights(state, "galerkin")
    assert all(torch.equal(renamed[name], value) for name, value in own.state_dict().items() if name in renamed)
    assert len(renamed) == 8


def test_wrong_shapes_are_refused():
    with pytest.raises(InputError, match=r"Expected at least 2 points along each of 2 axes, got \[9\]. Give one"):
        GalerkinTransformer(1, 1, dim=2, coarse_shape=[9])
    with pytest.raises(InputError, match="Expected a coarse_shape beside out_shape, got none"):
        GalerkinTransformer(1, 1, dim=2, out_shape=9)
    with pytest.raises(InputError, match=r"an out_shape of at least the coarse_shape \[9, 9\], got \[9, 8\]"):
        GalerkinTransformer(1, 1, dim=2, coarse_shape=9, out_shape=[9, 8])
    with pytest.raises(InputError, match="Expected decoder 'spectral' or 'point', got 'points'"):
        GalerkinTransformer(1, 1, dim=1, options={"decoder": "points"})
    with pytest.raises(InputError, match=r"hidden_channels divisible by n_heads, got \(10, 4\)"):
        GalerkinTransformer(1, 1, dim=1, hidden_channels=10, n_heads=4)
    with pytest.raises(InputError, match="at least 3 channels on the coarse grid, got 2"):
        GalerkinTransformer(1, 1, dim=1, hidden_channels=2, coarse_shape=4)
    with pytest.raises(InputError, match="Expected activation out of relu, silu, gelu, got 'tanh'"):
        GalerkinTransformer(1, 1, dim=1, coarse_shape=4, options={"down_scaler_activation": "tanh"})
    network = GalerkinTransformer(1, 1, dim=2, coarse_shape=9, n_frequencies=3)
    with pytest.raises(InputError, match=r"a grid of at least 9 points along each axis, got 8. Use a smaller coarse"):
        network(torch.randn(1, 1, 8, 12))
    with pytest.raises(InputError, match=r"at most \(9, 5\) Fourier coefficients, got \(32, 16\) on a grid"):
        GalerkinTransformer(1, 1, dim=2, coarse_shape=5)(torch.randn(1, 1, 9, 9))
