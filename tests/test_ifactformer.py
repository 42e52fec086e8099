from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from surrogate.datasets.errors import InputError
from surrogate.layers import FactorizedAttention, grid_axes
from surrogate.models import IFactFormer

REFERENCE = Path(__file__).parent / "reference"
FOLDER = os.environ.get("SURROGATE_REFERENCE")
CONFIGS = json.loads((REFERENCE / "ifactformer.json").read_text())
CASES = [
    (REFERENCE, "m_head"),
    pytest.param(
        Path(FOLDER or "", "golden"),
        "o_head",
        marks=pytest.mark.skipif(FOLDER is None, reason="SURROGATE_REFERENCE is not set"),
    ),
]


def reference_case(folder: Path, case: str) -> tuple[dict[str, torch.Tensor], ...]:
    """Return the state dict of the reference and the other arrays."""
    arrays = {key: torch.from_numpy(value) for key, value in np.load(folder / f"ifactformer__{case}.npz").items()}
    state = {key.removeprefix("p:"): value for key, value in arrays.items() if key.startswith("p:")}
    return state, arrays


def product_grid(*lines: torch.Tensor) -> torch.Tensor:
    return torch.stack(torch.meshgrid(*lines, indexing="ij"), dim=-1)


@pytest.mark.parametrize(("folder", "case"), CASES)
def test_equals_the_reference(folder, case):
    state, arrays = reference_case(folder, case)
    network = IFactFormer.from_reference(CONFIGS[case], state, reference=CONFIGS[case]["model"]).eval()
    u = arrays["in:u"].clone().requires_grad_()
    points = product_grid(*(arrays[f"in:pos{axis}"][:, 0] for axis in range(3)))
    y = network(u.movedim(-1, 2).flatten(1, 2), points).movedim(1, -1)
    (gradient,) = torch.autograd.grad(y.square().sum(), u)
    torch.testing.assert_close(y, arrays["out:y"], rtol=0, atol=1e-10)
    if "grad:u" in arrays:
        torch.testing.assert_close(gradient, arrays["grad:u"], rtol=0, atol=1e-10)


class FirstVersion:
    """The specification of the first version, side by side, written down step by step without our layers."""

    def __init__(self, state: dict[str, torch.Tensor], n_iterations: int) -> None:
        self.state, self.n_iterations = state, n_iterations

    def linear(self, name: str, x: torch.Tensor) -> torch.Tensor:
        return F.linear(x, self.state[f"{name}.weight"].flatten(1), self.state.get(f"{name}.bias"))

    def norm(self, name: str, x: torch.Tensor) -> torch.Tensor:
        return F.layer_norm(x, x.shape[-1:], self.state[f"{name}.weight"], self.state[f"{name}.bias"])

    def kernel(self, block: str, number: int, u: torch.Tensor, line: torch.Tensor) -> torch.Tensor:
        reducer = f"{block}.to_{'xyz'[number]}.{min(number, 1)}"
        w = self.linear(f"{reducer}.to_in", u).mean([other + 1 for other in range(3) if other != number])
        gate = self.linear(f"{reducer}.out_ffn.fn.net.0", self.norm(f"{reducer}.out_ffn.norm", w))
        first, second = gate.chunk(2, -1)
        function = self.linear(f"{reducer}.out_ffn.fn.net.3", F.gelu(first) * second)
        angle = torch.exp(1j * 64 * line[:, None] * 10000.0 ** (-torch.arange(6, dtype=torch.float64) / 6))
        turned = []
        for which in "qk":
            heads = self.linear(f"{block}.low_rank_kernel_{'xyz'[number]}.to_{which}", function).unflatten(-1, (2, 12))
            turned.append(torch.complex(heads[..., :6], heads[..., 6:]) * angle[:, None])
        return torch.einsum("bihf,bjhf->bhij", turned[0], turned[1].conj()).real

    def attention(self, block: str, u: torch.Tensor, lines: list[torch.Tensor]) -> torch.Tensor:
        u = self.norm(f"{block}.in_norm", u)
        v, u = self.linear(f"{block}.to_v", u).unflatten(-1, (2, 4)), self.linear(f"{block}.to_in", u)
        paths = ("bhij,bjyzhc->biyzhc", "bhij,bxjzhc->bxizhc", "bhij,bxyjhc->bxyihc")
        kernels = [self.kernel(block, number, u, line) for number, line in enumerate(lines)]
        parts = [torch.einsum(path, kernel, v) for path, kernel in zip(paths, kernels, strict=True)]
        y = torch.cat(parts, dim=-1).flatten(-2)
        y = F.instance_norm(y.flatten(2)).view(y.shape)  # its channels are the points of the first axis
        y = self.linear(f"{block}.to_out.3", F.gelu(self.linear(f"{block}.to_out.1", y)))
        return self.linear(f"{block}.further.2", F.gelu(self.linear(f"{block}.further.0", y)))

    def __call__(self, u: torch.Tensor, lines: list[torch.Tensor]) -> torch.Tensor:
        frames = u.flatten(2, 4).movedim(-1, 1)  # batch, field, frame, point
        u = F.conv2d(frames, self.state["to_in.0.weight"], self.state["to_in.0.bias"], groups=3)
        u = F.conv2d(F.gelu(u), self.state["to_in.2.weight"])[:, :, 0].mT.unflatten(1, [len(line) for line in lines])
        for layer in ("encoder.layers.0", "encoder.layers.1"):
            phases = 2 * torch.pi * product_grid(*lines) @ self.state[f"{layer}.0.0._B"]
            u = u + self.linear(f"{layer}.0.1", torch.cat([phases.sin(), phases.cos()], -1))
            for _ in range(self.n_iterations):
                u = u + self.attention(f"{layer}.1", u, lines) / self.n_iterations
        return self.linear("simple_to_out.3", F.gelu(self.linear("simple_to_out.1", u)))


def test_first_version_equals_the_specification():
    torch.manual_seed(0)
    state, arrays = reference_case(REFERENCE, "m_head")
    state = {name.replace(".to_out.2", ".to_out.1").replace(".to_out.4", ".to_out.3"): v for name, v in state.items()}
    for layer in (0, 1):
        for position in (0, 2):
            state[f"encoder.layers.{layer}.1.further.{position}.weight"] = torch.randn(12, 12, dtype=torch.float64) / 3
    lines = [arrays[f"in:pos{axis}"][:, 0] for axis in range(3)]
    u = arrays["in:u"]
    network = IFactFormer.from_reference(CONFIGS["m_head"], state, reference="IFactFormer_m/v1").eval()
    y = network(u.movedim(-1, 2).flatten(1, 2), product_grid(*lines)).movedim(1, -1)
    torch.testing.assert_close(y, FirstVersion(state, 3)(u, lines), rtol=1e-10, atol=1e-10)


def test_parallel_attention_is_one_integral_for_each_axis():
    torch.manual_seed(0)
    settings = {"n_heads": 2, "head_channels": 4, "kernel_multiplier": 2, "dim": 2, "norm": "instance"}
    block = FactorizedAttention(16, parallel=True, **settings).double()
    lines = torch.linspace(0, 1, 6, dtype=torch.float64) ** 2, torch.linspace(0, 1, 5, dtype=torch.float64)
    axes = grid_axes(product_grid(*lines)[None], [False, False])
    u = torch.randn(2, 6, 5, 16, dtype=torch.float64)
    value = block.value(block.in_norm(u)).unflatten(-1, (2, 4))
    first, second = block.kernels(u, axes)
    weights = [axis.weights[0] for axis in axes]
    parts = [
        torch.einsum("bhij,j,bjyhc->biyhc", first, weights[0], value),
        torch.einsum("bhij,j,bxjhc->bxihc", second, weights[1], value),
    ]
    whole = torch.cat(parts, dim=-1)
    inner = torch.einsum("i,j,bijhc->bhc", *weights, whole)[:, None, None]
    variance = torch.einsum("i,j,bijhc->bhc", *weights, (whole - inner).square())[:, None, None]
    expected = block.output(((whole - inner) / variance.sqrt()).flatten(-2))
    # the floor of the norm, 1e-12, beside a variance of order 0.01
    torch.testing.assert_close(block(u, axes), expected, rtol=1e-9, atol=1e-9)


SMALL = {"dim": 2, "hidden_channels": 16, "n_heads": 2, "head_channels": 4}


def test_steps_approach_the_solution_of_a_differential_equation():
    """Explicit Euler steps over a time of 1: with twice as many the error halves."""
    torch.manual_seed(0)
    x = torch.randn(1, 2, 9, 8, dtype=torch.float64)
    network = IFactFormer(2, 1, **SMALL).double()
    results = []
    for n in (16, 32, 64):
        finer = IFactFormer(2, 1, n_iterations=n, **SMALL).double()
        finer.load_state_dict(network.state_dict())
        results.append(finer(x).detach())
    ratio = float((results[1] - results[0]).norm() / (results[2] - results[1]).norm())
    assert ratio == pytest.approx(2, rel=0.1)  # higher orders of the step, 1/32 and the Lipschitz constant of A


@pytest.mark.parametrize("parallel", [True, False])
def test_checkpointing_computes_the_steps_again_and_gives_the_same_gradients(parallel):
    torch.manual_seed(0)
    x, gradients, calls = torch.randn(2, 2, 9, 8), [], []
    weights = IFactFormer(2, 1, parallel=parallel, **SMALL).state_dict()
    for checkpointing in (False, True):
        network = IFactFormer(2, 1, parallel=parallel, options={"checkpointing": checkpointing}, **SMALL)
        network.load_state_dict(weights)
        count: list[int] = []
        network.layers[0].attention.value.register_forward_hook(lambda *_, count=count: count.append(1))
        network(x).square().sum().backward()
        calls.append(len(count))
        gradients.append({name: parameter.grad for name, parameter in network.named_parameters()})
    assert calls == [10, 20]
    assert all(torch.equal(gradients[0][name], gradient) for name, gradient in gradients[1].items())


def start(parallel: bool, small: bool) -> tuple[list[float], list[float]]:
    """Return the share of the attention in each step, and the gradient of every query, relative to loss and weight."""
    torch.manual_seed(0)
    options = {"small_kernels": small}
    network = IFactFormer(3, 3, dim=3, hidden_channels=48, n_iterations=4, parallel=parallel, options=options)
    shares: list[float] = []
    (layer,) = network.layers
    layer.attention.register_forward_hook(
        lambda _, given, y: shares.append(float((y.norm() / given[0].norm()).detach()))
    )
    loss = network(torch.randn(2, 3, 12, 11, 10)).square().mean()
    loss.backward()
    queries = [axis.query.weight for axis in layer.attention.axes]
    return shares, [float((weight.grad.norm() * weight.norm() / loss).detach()) for weight in queries]


@pytest.mark.parametrize("parallel", [True, False])
def test_attention_is_alive_at_initialization(parallel):
    shares, gradients = start(parallel, small=False)
    assert len(shares) == 4
    assert all(0.1 < share < 10 for share in shares), shares
    assert all(0.02 < gradient < 50 for gradient in gradients), gradients


def test_chained_attention_of_the_authors_is_dead_at_initialization():
    dead, faint = start(parallel=False, small=True)
    assert max(dead) < 1e-5
    assert max(faint) < 1e-5


def test_a_stretched_axis_shows_the_same_field():
    torch.manual_seed(0)
    uniform = torch.linspace(0, 1, 65, dtype=torch.float64)
    errors = {}
    for quadrature in (True, False):
        options = {"quadrature": quadrature}
        network = IFactFormer(1, 1, periodic=[True, False], n_iterations=4, options=options, **SMALL).double()
        results = []
        for line in (uniform, torch.sin(torch.pi * uniform / 2) ** 2):  # crowded at both walls; walls, middle in common
            points = product_grid(uniform[:16] * 4, line)
            field = torch.sin(2 * torch.pi * points[..., 0]) * torch.cos(3 * points[..., 1]) + points[..., 1] ** 2
            results.append(network(field[None, None], points)[..., [0, 32, 64]].detach())
        errors[quadrature] = float((results[1] - results[0]).norm() / results[0].norm())
    assert errors[True] < 0.01, errors  # second order: (1/40)² of the widest gap, and some
    assert errors[False] > 5 * errors[True], errors


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"hidden_channels": 15}, "Expected even hidden_channels, got 15"),
        ({"n_iterations": 0}, "Expected n_iterations of at least 1, got 0"),
        ({"options": {"in_fields": 3}}, r"Expected in_channels and half of .* divisible by 3 in_fields, got \(2, 32\)"),
        ({"options": {"norm": "batch"}}, "Expected norm out of group, slices, instance, got 'batch'. Correct"),
        ({"head_channels": 3}, "Expected an even head_channels .*, got 9"),
        ({"options": {"kernels": 1}}, "Expected options out of attention, kernel_multiplier, .*, got kernels"),
    ],
)
def test_wrong_settings_are_refused(arguments, message):
    with pytest.raises(InputError, match=message):
        IFactFormer(2, 3, **arguments)


def test_wrong_input_is_refused():
    x = torch.randn(1, 1, 8, 8)
    with pytest.raises(InputError, match=r"Expected at least 2 points along each axis, got \(8, 1\)"):
        IFactFormer(1, 1, **SMALL)(x[..., :1], torch.zeros(8, 1, 2))
    with pytest.raises(InputError, match=r"Expected extent of each of 2 axes, got \[1.0\]. Give one length"):
        IFactFormer(1, 1, options={"extent": [1.0]}, **SMALL)(x)
    with pytest.raises(InputError, match=r"Expected a reference out of IFactFormer_m, .*, got 'IFactFormer'"):
        IFactFormer.from_reference(CONFIGS["m_head"], {}, reference="IFactFormer")
