from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
import xarray as xr

from surrogate.datasets.errors import InputError
from surrogate.datasets.grids.grid import Grid
from surrogate.datasets.samples.preparation import prepare
from surrogate.layers import FactorizedAttention, axial_mean, grid_axes, rotate, standardize
from surrogate.models import FactFormer

REFERENCE = Path(__file__).parent / "reference"
FOLDER = os.environ.get("SURROGATE_REFERENCE")
CONFIGS = json.loads((REFERENCE / "factformer.json").read_text())
CASES = [
    (REFERENCE, "2d_km_group", "turb_ns2d_fact_lm"),
    pytest.param(
        Path(FOLDER or "", "golden"),
        "3d_iso_group",
        "turb_ns3d_fact_lm",
        marks=pytest.mark.skipif(FOLDER is None, reason="SURROGATE_REFERENCE is not set"),
    ),
]


@pytest.mark.parametrize(("folder", "case", "script"), CASES)
def test_equals_the_reference(folder, case, script):
    arrays = {key: torch.from_numpy(value) for key, value in np.load(folder / f"factformer__{case}.npz").items()}
    state = {key.removeprefix("p:"): value for key, value in arrays.items() if key.startswith("p:")}
    network = FactFormer.from_reference(CONFIGS[case], state, reference=script).eval()
    u = arrays["in:u"].clone().requires_grad_()
    x = u.movedim(-1, 1) if network.dim == 2 else u.transpose(1, 2).flatten(1, 2)
    lines = [arrays[f"in:pos{axis}"][:, 0] for axis in range(network.dim)]
    points = torch.stack(torch.meshgrid(*lines, indexing="ij"), dim=-1)
    y = network.march(x, points, steps=CONFIGS[case]["latent_steps_in_this_call"]).movedim(2, -1)
    (gradient,) = torch.autograd.grad(y.square().sum(), u)
    torch.testing.assert_close(y, arrays["out:y"], rtol=0, atol=1e-10)
    torch.testing.assert_close(gradient, arrays["grad:u"], rtol=0, atol=1e-10)


SMALL = {
    "in_dim": 2,
    "out_dim": 2,
    "in_time_window": 3,
    "dim": 16,
    "depth": 2,
    "heads": 2,
    "dim_head": 4,
    "kernel_multiplier": 2,
    "latent_multiplier": 1.5,
    "max_latent_steps": 2,
    "padding": 2,
}


def small_state(dim: int) -> dict[str, torch.Tensor]:
    """Return random weights of the authors' Darcy (2-D) or smoke (3-D) network."""
    torch.manual_seed(0)
    if dim == 2:
        shapes = {"to_in": (16, 2), "simple_to_out.1": (32,), "simple_to_out.2": (16, 32, 1)}
        shapes |= {"simple_to_out.4": (2, 16, 1)}
    else:
        shapes = {"to_in.0": (8, 1, 1, 1), "to_in.2": (16, 8, 3, 1), "expand_latent": (24, 32)}
        shapes |= {"propagator.norm": (24,), "propagator.fn.net.0": (16, 24), "propagator.fn.net.3": (24, 16)}
        shapes |= {"simple_to_out.1": (24,), "simple_to_out.2": (16, 3, 1), "simple_to_out.4": (8, 16, 1)}
        shapes |= {"simple_to_out.6": (2, 8, 1)}
    for name, out, width in (("down_block.1", 8, 16), ("down_block.3", 8, 8), ("up_block.1", 8, 8)):
        shapes[name] = (out, width, *[3] * dim)
    shapes["up_block.3"] = (16, 8, *[3] * dim)
    for layer in ("encoder.layers.0", "encoder.layers.1"):
        shapes |= {f"{layer}.0.1": (16, 16), f"{layer}.1.in_norm": (16,), f"{layer}.1.to_in": (16, 16)}
        shapes |= {f"{layer}.1.to_v": (8, 16), f"{layer}.1.to_out.1": (16, 8), f"{layer}.1.to_out.3": (16, 16)}
        for position, axis in zip((0, 1, 1), "xyz"[:dim], strict=False):
            reducer, kernel = f"{layer}.1.to_{axis}.{position}", f"{layer}.1.low_rank_kernel_{axis}"
            shapes |= {f"{reducer}.to_in": (16, 16), f"{reducer}.out_ffn.norm": (16,)}
            shapes |= {f"{reducer}.out_ffn.fn.net.0": (32, 16), f"{reducer}.out_ffn.fn.net.3": (16, 16)}
            shapes |= {f"{kernel}.to_q": (16, 16), f"{kernel}.to_k": (16, 16)}
    unbiased = ("to_v", "to_q", "to_k", ".to_out.1", ".to_out.3", "expand_latent", "to_in.2", "simple_to_out.2")
    state = {}
    for name, shape in shapes.items():
        state[f"{name}.weight"] = torch.randn(shape, dtype=torch.float64) / 2
        inner = name.startswith("encoder") and name.endswith(".to_in")
        if not (inner or name.endswith(unbiased) or (dim == 3 and name == "simple_to_out.4")):
            state[f"{name}.bias"] = torch.randn(shape[0], dtype=torch.float64) / 2
    for layer in (0, 1):
        state[f"encoder.layers.{layer}.0.0._B"] = torch.randn(dim, 8, dtype=torch.float64)
    if dim == 3:
        state["latent_time_emb"] = torch.randn(1, 2, 1, 1, 1, 24, dtype=torch.float64)
    return state


class Followed:
    """The specification written down step by step, without our layers, for `small_state`."""

    def __init__(self, state: dict[str, torch.Tensor], norm: str) -> None:
        self.state, self.norm = state, norm

    def linear(self, name: str, x: torch.Tensor) -> torch.Tensor:
        return F.linear(x, self.state[f"{name}.weight"], self.state.get(f"{name}.bias"))

    def layer_norm(self, name: str, x: torch.Tensor) -> torch.Tensor:
        return F.layer_norm(x, x.shape[-1:], self.state[f"{name}.weight"], self.state[f"{name}.bias"])

    def conv(self, name: str, x: torch.Tensor, **settings: int) -> torch.Tensor:
        function = {3: F.conv1d, 4: F.conv2d, 5: F.conv3d}[x.ndim]
        return function(x, self.state[f"{name}.weight"], self.state.get(f"{name}.bias"), **settings)

    def kernel(self, block: str, number: int, u: torch.Tensor, line: torch.Tensor) -> torch.Tensor:
        axis = "xyz"[number]
        reducer = f"{block}.to_{axis}.{min(number, 1)}"
        w = self.linear(f"{reducer}.to_in", u)
        w = w.mean([other + 1 for other in range(u.ndim - 2) if other != number])
        first, second = self.linear(f"{reducer}.out_ffn.fn.net.0", self.layer_norm(f"{reducer}.out_ffn.norm", w)).chunk(
            2, -1
        )
        function = self.linear(f"{reducer}.out_ffn.fn.net.3", F.gelu(first) * second)
        angle = torch.exp(1j * 64 * line[:, None] * 10000.0 ** (-torch.arange(4, dtype=torch.float64) / 4))
        turned = []
        for which in "qk":
            heads = self.linear(f"{block}.low_rank_kernel_{axis}.to_{which}", function).unflatten(-1, (2, 2, 4))
            turned.append(torch.complex(heads[..., 0, :], heads[..., 1, :]) * angle[:, None])
        return torch.einsum("bihf,bjhf->bhij", turned[0], turned[1].conj()).real

    def block(self, block: str, u: torch.Tensor, lines: list[torch.Tensor]) -> torch.Tensor:
        u = self.layer_norm(f"{block}.in_norm", u)
        v, u = self.linear(f"{block}.to_v", u).unflatten(-1, (2, 4)), self.linear(f"{block}.to_in", u)
        kernels = [self.kernel(block, number, u, line) for number, line in enumerate(lines)]
        path = "bhij,bhlm,bjmhc->bilhc" if len(lines) == 2 else "bhij,bhlm,bhrs,bjmshc->bilrhc"
        y = torch.einsum(path, *kernels, v)
        if self.norm == "group":
            dims = (*range(1, y.ndim - 2), y.ndim - 1)
            y = (y - y.mean(dims, keepdim=True)) / (y.var(dims, keepdim=True) + 1e-8).sqrt()
            y = y.flatten(-2)
        else:
            y = y.flatten(-2)
            y = F.instance_norm(y.flatten(2)).view(y.shape)  # its channels are the points of the first axis
        return self.linear(f"{block}.to_out.3", F.gelu(self.linear(f"{block}.to_out.1", y)))

    def encoder(self, u: torch.Tensor, lines: list[torch.Tensor]) -> torch.Tensor:
        points = torch.stack(torch.meshgrid(*lines, indexing="ij"), dim=-1)
        for layer in ("encoder.layers.0", "encoder.layers.1"):
            phases = 2 * torch.pi * points @ self.state[f"{layer}.0.0._B"]
            u = u + self.linear(f"{layer}.0.1", torch.cat([phases.sin(), phases.cos()], -1))
            u = u + self.block(f"{layer}.1", u, lines)
        return u

    def branch(self, u: torch.Tensor) -> torch.Tensor:
        x = F.instance_norm(u.movedim(-1, 1))
        x = self.conv("down_block.3", F.gelu(self.conv("down_block.1", x, stride=2, padding=1)), padding=1)
        x = F.interpolate(x, size=u.shape[1:-1], mode="nearest")
        x = self.conv("up_block.3", F.gelu(self.conv("up_block.1", x, padding=1)), padding=1)
        return torch.cat([x.movedim(1, -1), u], dim=-1)

    def group_norm(self, x: torch.Tensor, groups: int) -> torch.Tensor:
        name = "simple_to_out.1"
        return F.group_norm(
            x.movedim(-1, 1).flatten(2), groups, *(self.state[f"{name}.{p}"] for p in ("weight", "bias"))
        )

    def darcy(self, x: torch.Tensor, lines: list[torch.Tensor]) -> torch.Tensor:
        u = self.branch(self.encoder(self.linear("to_in", x.movedim(1, -1)), lines))
        y = self.conv("simple_to_out.4", F.gelu(self.conv("simple_to_out.2", self.group_norm(u, 8))))
        return y.unflatten(2, x.shape[2:])

    def smoke(self, x: torch.Tensor, lines: list[torch.Tensor]) -> torch.Tensor:
        u = self.conv("to_in.2", F.gelu(self.conv("to_in.0", x.flatten(3), groups=2)))
        u = F.pad(u.unflatten(-1, x.shape[3:])[:, :, 0], [0, 2] * 3).movedim(1, -1)
        z = self.linear("expand_latent", self.branch(self.encoder(u, lines)[:, :-2, :-2, :-2]))
        frames = []
        for step in range(2):
            z = z + self.state["latent_time_emb"][:, step]
            inner = F.gelu(self.linear("propagator.fn.net.0", self.layer_norm("propagator.norm", z)))
            z = z + self.linear("propagator.fn.net.3", inner)
            y = F.gelu(self.conv("simple_to_out.2", self.group_norm(z, 12), groups=8))
            y = self.conv("simple_to_out.6", F.gelu(self.conv("simple_to_out.4", y)))
            frames.append(y.unflatten(2, x.shape[3:]))
        return torch.stack(frames, dim=1)


@pytest.mark.parametrize("norm", ["group", "slices"])
def test_steady_form_equals_the_specification(norm):
    state = small_state(2)
    config = {**SMALL, "norm_variant": norm}
    network = FactFormer.from_reference(config, state, reference="darcy2d_fact").eval()
    x = torch.randn(2, 2, 7, 6, dtype=torch.float64)
    lines = [torch.linspace(0, 1, 7, dtype=torch.float64) ** 1.1, torch.linspace(0, 1, 6, dtype=torch.float64)]
    y = network(x, torch.stack(torch.meshgrid(*lines, indexing="ij"), dim=-1))
    torch.testing.assert_close(y, Followed(state, norm).darcy(x, lines), rtol=1e-10, atol=1e-10)


def test_padded_form_equals_the_specification():
    state = small_state(3)
    network = FactFormer.from_reference(SMALL, state, reference="threed_smokesim_fact_lm").eval()
    x = torch.randn(2, 2, 3, 4, 5, 6, dtype=torch.float64)  # batch, field, frame, space
    lines = [torch.arange(n, dtype=torch.float64) / 3 for n in (4, 5, 6)]
    padded = [torch.arange(n + 2, dtype=torch.float64) / 3 for n in (4, 5, 6)]
    y = network(x.transpose(1, 2).flatten(1, 2), torch.stack(torch.meshgrid(*lines, indexing="ij"), dim=-1))
    frames = Followed(state, "group").smoke(x, padded)
    torch.testing.assert_close(y, frames.flatten(1, 2), rtol=1e-10, atol=1e-10)


def test_instance_norm_is_that_of_each_channel_over_space():
    x = 3 * torch.randn(2, 3, 5, 4, 6, dtype=torch.float64) + 1
    expected = F.instance_norm(x.movedim(-1, 2).flatten(1, 2), eps=1e-6).unflatten(1, (3, 6)).movedim(2, -1)
    axes = grid_axes(product_grid(uniform(5), uniform(4)), [False, False], quadrature=False)
    centered, factors = standardize(x, "instance", 1e-6, axes)
    torch.testing.assert_close((centered * factors).reshape(x.shape), expected, rtol=1e-12, atol=1e-12)


def attention(dim: int, **settings: object) -> FactorizedAttention:
    torch.manual_seed(0)
    block = FactorizedAttention(16, n_heads=2, head_channels=8, kernel_multiplier=1, dim=dim, **settings)
    return block.double().eval()


def product_grid(*lines: torch.Tensor) -> torch.Tensor:
    return torch.stack(torch.meshgrid(*lines, indexing="ij"), dim=-1)[None]


def uniform(n: int) -> torch.Tensor:
    return torch.linspace(0, 1, n, dtype=torch.float64)


def test_attention_is_the_integral_with_the_product_of_its_kernels():
    block = attention(2)
    axes = grid_axes(product_grid(uniform(6) ** 2, uniform(5)), [False, False])
    u = torch.randn(2, 6, 5, 16, dtype=torch.float64)
    first, second = block.kernels(u, axes)
    value = block.value(block.in_norm(u)).unflatten(-1, (2, 8))
    whole = torch.einsum(
        "bhij,bhlm,j,m,bjmhc->bhilc", first, second, axes[0].weights[0], axes[1].weights[0], value
    )  # the norm takes out the factors of the kernels
    weights = torch.einsum("x,y->xy", *(axis.weights[0] for axis in axes))[:, :, None] / 8
    whole = whole - (weights * whole).sum((2, 3, 4), keepdim=True)
    whole = whole / ((weights * whole.square()).sum((2, 3, 4), keepdim=True) * 240 / 239).sqrt()  # 6 * 5 * 8 values
    expected = block.output(whole.movedim(1, -2).flatten(-2))
    # the floor of the norm, 1e-12, beside a variance of order 0.01
    torch.testing.assert_close(block(u, axes), expected, rtol=1e-9, atol=1e-9)


def test_kernels_depend_on_distances_and_have_bounded_rank():
    block, line = attention(2), uniform(21)
    u = torch.randn(1, 21, 20, 16, dtype=torch.float64)
    near, far = (
        block.kernels(u, grid_axes(product_grid(line + shift, line[:20]), [False] * 2))[0] for shift in (0, 0.3)
    )
    torch.testing.assert_close(near, far, rtol=1e-10, atol=1e-12)
    assert int(torch.linalg.matrix_rank(near[0, 0])) == 8
    assert float(rotate(torch.ones(1, 1, 21, 8, dtype=torch.float64), line[None]).norm(dim=-1).std()) < 1e-14


def wave(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Return 16 smooth functions on a product grid."""
    powers = torch.arange(16, dtype=torch.float64)
    return torch.sin((1 + powers / 4) * x[:, None, None] + powers * y[None, :, None] / 8 + powers)[None]


def test_quadrature_sees_the_same_field_on_stretched_axes():
    u, y = uniform(65), uniform(33)
    sine = torch.sin(torch.pi * u / 2) ** 2  # crowded at both walls
    means = {}
    for name, line in (("uniform", u), ("stretched", sine)):
        for quadrature in (True, False):
            axes = grid_axes(product_grid(line, y), [False, False], quadrature=quadrature)
            means[name, quadrature] = axial_mean(wave(line, y), axes, 1)
    # errors of the trapezoidal rule: h² f''/12 with h = 1/40 at most and f'' below 25
    assert float((means["uniform", True] - means["stretched", True]).abs().max()) < 25 / 40**2 / 12
    assert float((means["uniform", False] - means["stretched", False]).abs().max()) > 0.01


def test_weights_of_axes_are_quadratures():
    line = torch.tensor([0.0, 0.1, 0.4, 0.9], dtype=torch.float64)
    points = product_grid(line, torch.arange(4, dtype=torch.float64) / 4)
    walls, wraps = grid_axes(points, [False, True], extent=2.0)
    torch.testing.assert_close(walls.weights[0], torch.tensor([0.1, 0.4, 0.8, 0.5], dtype=torch.float64) / 1.8)
    torch.testing.assert_close(wraps.weights[0], torch.full((4,), 0.25, dtype=torch.float64))
    torch.testing.assert_close(wraps.coordinates[0], torch.arange(4, dtype=torch.float64) / 2)
    (around,) = grid_axes(line[None, :, None], [True])
    torch.testing.assert_close(around.weights[0], torch.tensor([0.1, 0.2, 0.4, 0.3], dtype=torch.float64))


def start(dim: int, n: int, small: bool) -> tuple[list[float], list[float]]:
    """Return the share of every branch in its sum, and the gradient of every query, relative to loss and weights."""
    torch.manual_seed(0)
    options = {"small_kernels": small, "kernel_multiplier": 2}
    network = FactFormer(2, 1, dim=dim, hidden_channels=32, n_layers=2, head_channels=16, options=options)
    shares: list[float] = []
    for layer in network.layers:
        layer.register_forward_hook(lambda _, given, y: shares.append(float((y.norm() / given[0].norm()).detach())))
    loss = network(torch.randn(2, 2, *[n] * dim)).square().mean()
    loss.backward()
    queries = [axis.query.weight for layer in network.layers for axis in layer.axes]
    return shares, [float((weight.grad.norm() * weight.norm() / loss).detach()) for weight in queries]


@pytest.mark.parametrize(("dim", "n"), [(2, 32), (3, 12)])
def test_attention_is_alive_at_initialization_and_the_quirk_is_not(dim, n):
    shares, gradients = start(dim, n, small=False)
    assert all(0.1 < share < 10 for share in shares), shares
    assert all(0.05 < gradient < 50 for gradient in gradients), gradients
    dead, faint = start(dim, n, small=True)
    assert max(dead) < {2: 1e-2, 3: 1e-6}[dim]
    assert max(faint) < {2: 1e-2, 3: 1e-5}[dim]


def test_first_steps_of_the_march_do_not_depend_on_their_number():
    torch.manual_seed(0)
    network = FactFormer(2, 6, hidden_channels=8, n_layers=1, latent_steps=3).double()
    x = torch.randn(2, 2, 8, 9, dtype=torch.float64)
    frames = network.march(x, steps=3)
    assert frames.shape == (2, 3, 2, 8, 9)
    torch.testing.assert_close(network.march(x, steps=2), frames[:, :2], rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(network(x), frames.flatten(1, 2), rtol=0, atol=0)


def test_kernels_are_those_of_the_layers():
    torch.manual_seed(0)
    network = FactFormer(1, 1, dim=3, hidden_channels=8, n_layers=2, n_heads=2, head_channels=4)
    x = torch.randn(2, 1, 5, 6, 7)
    seen: list[torch.Tensor] = []
    for layer in network.layers:
        for axis in layer.axes:
            axis.register_forward_hook(lambda _, given, y: seen.append(y))
    network(x)
    expected = list(seen)
    kernels = network.kernels(x)
    assert [k.shape[-1] for k in kernels[0]] == [5, 6, 7]
    for one, two in zip([k for layer in kernels for k in layer], expected, strict=True):
        torch.testing.assert_close(one, two, rtol=0, atol=0)


def test_stretched_axes_need_no_warning():
    grid = Grid(shape=(12,), stretching=("chebyshev",))
    values = np.random.default_rng(0).normal(size=(6, 4, 12))
    fields = xr.Dataset(
        {"u": (("sample", "time", "x"), values, {"units": "1", "long_name": "u"})},
        coords={"time": ("time", 0.1 * np.arange(4.0), {"units": "1"}), **grid.coordinates()},
    )
    data = prepare(fields, inputs=["u"], outputs=["u"], split=(4, 1, 1))
    network = FactFormer.for_data(data, hidden_channels=8, n_layers=1)  # warnings are errors
    assert (network.in_channels, network.out_channels, network.dim, network.periodic) == (1, 1, 1, [False])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"hidden_channels": 12}, "Expected hidden_channels divisible by 8, got 12"),
        ({"latent_steps": -1}, "Expected latent_steps of at least 0, got -1"),
        ({"latent_steps": 2}, "Expected out_channels divisible by 2 latent_steps, got 3. Every latent step gives"),
        ({"options": {"latent_multiplier": 1.1}}, r"Expected latent channels divisible by \[8\], got 70"),
        ({"options": {"decoder_groups": 24}}, r"Expected latent channels divisible by \[8, 24\], got 128"),
        ({"options": {"in_fields": 3}}, r"Expected in_channels and half of .* divisible by 3 in_fields, got \(2, 32\)"),
        ({"options": {"norm": "batch"}}, "Expected norm out of group, slices, instance, got 'batch'. Correct"),
        ({"head_channels": 3, "options": {"kernel_multiplier": 1}}, "Expected an even head_channels .*, got 3"),
        ({"options": {"kernels": 1}}, "Expected options out of kernel_multiplier, .*, got kernels"),
    ],
)
def test_wrong_settings_are_refused(arguments, message):
    with pytest.raises(InputError, match=message):
        FactFormer(2, 3, **arguments)


def test_wrong_input_is_refused():
    network = FactFormer(1, 2, hidden_channels=8, n_layers=1, latent_steps=2)
    x = torch.randn(1, 1, 8, 8)
    with pytest.raises(InputError, match=r"Expected steps from 1 to 2, got 3. Build the network with more"):
        network.march(x, steps=3)
    with pytest.raises(InputError, match=r"Expected at least 2 points along each axis, got \(8, 1\)"):
        network(x[..., :1], torch.zeros(8, 1, 2))
    with pytest.raises(InputError, match=r"Expected a reference out of turb_ns2d_fact_lm, .*, got 'darcy'"):
        FactFormer.from_reference(SMALL, {}, reference="darcy")
