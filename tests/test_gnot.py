from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from surrogate.datasets.errors import InputError
from surrogate.datasets.meshes.points import Points
from surrogate.layers import LinearAttention
from surrogate.models import GNOT

REFERENCE = Path(__file__).parent / "reference"
CONFIG = json.loads((REFERENCE / "gnot.json").read_text())["2inputs_2experts"]
SMALL = {"dim": 2, "hidden_channels": 8, "n_layers": 2, "n_heads": 2, "parameter_channels": 2}
VARIANTS = {
    "experts": lambda: GNOT([1, 0], 3, n_experts=3, **SMALL),
    "single expert": lambda: GNOT([1, 0], 3, **SMALL),
    "plain": lambda: GNOT([1, 0], 3, **SMALL, options={"pre_norm": True}),
    "average": lambda: GNOT([1, 0], 3, n_experts=2, **SMALL, options={"average": True}),
    "galerkin": lambda: GNOT([1, 0], 3, **SMALL, options={"attention": "galerkin"}),
    "l1": lambda: GNOT([1, 0], 3, **SMALL, options={"attention": "l1"}),
    "softmax": lambda: GNOT([1, 0], 3, **SMALL, options={"attention": "softmax"}),
    "identity": lambda: GNOT([1, 0], 3, **SMALL, options={"attention": "identity", "cross_attention": "galerkin"}),
    "octaves": lambda: GNOT([1, 0], 3, **SMALL, options={"octaves": 2, "mlp_layers": 1}),
    "no functions": lambda: GNOT([], 3, n_experts=2, **SMALL),
}
COUNTS = [2000, 1, 3, 40]
variants = pytest.mark.parametrize("variant", VARIANTS)


def build(variant: str, dtype: torch.dtype = torch.float64) -> GNOT:
    torch.manual_seed(0)
    return VARIANTS[variant]().to(dtype).eval()


def one(coordinates: torch.Tensor, values: torch.Tensor | None = None) -> Points:
    return Points(coordinates, torch.tensor([0, len(coordinates)]), values)


def sample(network: GNOT, n: int, seed: int = 0) -> tuple:
    """Return functions, query points and parameters of one sample with ``n`` query points."""
    generator = torch.Generator().manual_seed(1000 * seed + n)
    dtype = next(network.parameters()).dtype

    def random(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator, dtype=dtype)

    functions = [one(random(n // 2 + 1 + i, 2), random(n // 2 + 1 + i, c)) for i, c in enumerate(network.in_channels)]
    functions = tuple(f if f.values.shape[1] else f._replace(values=None) for f in functions)
    return functions, one(random(n, 2)), random(1, network.parameter_channels)


def join(samples: list[tuple]) -> tuple:
    def joined(parts: list[Points]) -> Points:
        values = None if parts[0].values is None else [part.values for part in parts]
        return Points.from_list([part.coordinates for part in parts], values)

    functions = tuple(joined([given[0][i] for given in samples]) for i in range(len(samples[0][0])))
    return functions, joined([given[1] for given in samples]), torch.cat([given[2] for given in samples])


def change(before: torch.Tensor, after: torch.Tensor) -> float:
    return float((before - after).detach().norm() / before.detach().norm())


def waves(x: torch.Tensor, n: int) -> torch.Tensor:
    columns = []
    for column in x.T:
        phases = [2.0**k * column for k in range(-n, n + 1)]
        columns += [column, *map(torch.cos, phases), *map(torch.sin, phases)]
    return torch.stack(columns, dim=1) if n else x


def residual(mlp, x: torch.Tensor) -> torch.Tensor:
    x = F.gelu(mlp.lift(x))
    for layer in mlp.layers:
        x = F.gelu(layer(x)) + x
    return mlp.projection(x)


def attention(module, x: torch.Tensor, sources: list[torch.Tensor], kind: str, share: int) -> torch.Tensor:
    """Write out queries, keys and values in every head."""
    if kind == "identity":
        return module.output(module.query(x) + module.values[0](x))

    def normalized(x):
        if kind == "softmax":
            return x
        return x / x.abs().sum(-1, keepdim=True) if kind == "l1" else x.softmax(-1)

    heads, d = [], x.shape[1] // module.n_heads
    for columns in (slice(start, start + d) for start in range(0, x.shape[1], d)):
        y = q = normalized(module.query(x)[:, columns])
        for key, value, z in zip(module.keys, module.values, sources, strict=True):
            k, v = normalized(key(z)[:, columns]), value(z)[:, columns]
            if kind == "softmax":
                y = y + (q @ k.mT / d**0.5).softmax(-1) @ v / share
                continue
            below = {"linear": q @ k.sum(0), "galerkin": len(z) + 0 * q[:, 0], "l1": q.abs() @ k.sum(0).abs()}
            y = y + (q @ k.mT @ v) / below[kind][:, None] / share
        heads.append(y)
    return module.output(torch.cat(heads, dim=1))


def mixture(block, number: int, x: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
    experts, norm = block.mixtures[number].experts, block.mixture_norms[number]
    if block.pre_norm:
        return experts[0](norm(x))
    gate = torch.ones(len(x), 1).to(x) if block.gate is None else block.gate(positions)
    return norm(sum(gate[:, [e]] * expert(x) for e, expert in enumerate(experts)))


def from_specification(network: GNOT, functions, query: Points, parameters: torch.Tensor) -> torch.Tensor:
    """Follow the formulas for a single sample."""
    full = {**GNOT.OPTIONS, **network.options}
    share = len(functions) if full["average"] else 1
    x = torch.cat([query.coordinates, parameters.expand(len(query.coordinates), -1)], dim=1)
    x = residual(network.lift, waves(x, full["octaves"]))
    given = [f.coordinates if f.values is None else torch.cat([f.coordinates, f.values], dim=1) for f in functions]
    lifts = zip(network.function_lifts, given, strict=True)
    z = [residual(lift, waves(f, full["octaves"])) for lift, f in lifts]
    for block in network.blocks:
        sources = [norm(f) for norm, f in zip(block.function_norms, z, strict=True)]
        cross = full["cross_attention"] or full["attention"]
        x = x + attention(block.cross, block.attention_norms[0](x), sources, cross, share)
        x = x + mixture(block, 0, x, query.coordinates)
        own = block.attention_norms[1](x)
        x = x + attention(block.attention, own, [own], full["attention"], 1)
        x = x + mixture(block, 1, x, query.coordinates)
    return residual(network.projection, x)


def test_equals_the_reference():
    arrays = {key: torch.from_numpy(value) for key, value in np.load(REFERENCE / "gnot__2inputs_2experts.npz").items()}
    state = {key.removeprefix("p:"): value for key, value in arrays.items() if key.startswith("p:")}
    network = GNOT.from_reference(CONFIG, state, reference="GNOT").eval()
    x = arrays["in:x"][0].clone().requires_grad_()
    functions = one(arrays["in:f0"][0, :, :2], arrays["in:f0"][0, :, 2:]), one(arrays["in:f1"][0])
    y = network(functions, one(x), arrays["in:theta"])
    torch.testing.assert_close(y, arrays["out:y"][0], rtol=0, atol=1e-10)
    (gradient,) = torch.autograd.grad(y.square().sum(), x)
    torch.testing.assert_close(gradient, arrays["grad:x"][0], rtol=0, atol=1e-10)


@variants
def test_equals_the_specification(variant):
    network = build(variant)
    samples = [sample(network, n) for n in (1, 37, 5)]
    expected = torch.cat([from_specification(network, *given) for given in samples])
    torch.testing.assert_close(network(*join(samples)), expected, rtol=1e-12, atol=1e-12)


@variants
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-6), (torch.float64, 1e-12)])
def test_a_sample_does_not_depend_on_its_batch(variant, dtype, tolerance):
    network = build(variant, dtype)
    samples = [sample(network, n) for n in COUNTS]
    alone, gradients = [], []
    for given in samples:
        y = network(*given)
        alone.append(y.detach())
        gradients.append(torch.autograd.grad(y.square().sum(), list(network.parameters())))
    batch = join(samples)
    query = batch[1]._replace(coordinates=batch[1].coordinates.requires_grad_())
    together = network(batch[0], query, batch[2])
    for i, (start, stop) in enumerate(zip(query.ptr[:-1], query.ptr[1:], strict=True)):
        assert change(alone[i], together[start:stop]) < tolerance
        gradient = torch.autograd.grad(
            together[start:stop].square().sum(), [*network.parameters(), query.coordinates], retain_graph=True
        )
        assert not gradient[-1][:start].any()
        assert not gradient[-1][stop:].any()
        norm = sum(part.square().sum() for part in gradients[i]).sqrt()
        difference = sum((a - b).square().sum() for a, b in zip(gradient[:-1], gradients[i], strict=True)).sqrt()
        assert difference < 10 * tolerance * norm  # the same sums once more, on the way back
    perturbed = join([*samples[:-1], sample(network, COUNTS[-1], seed=1)])
    assert torch.equal(network(*perturbed)[: -COUNTS[-1]], together[: -COUNTS[-1]])


def test_equal_samples_are_a_special_case():
    network = build("experts")
    equal = [sample(network, 12, seed) for seed in range(3)]
    ragged = join([*equal, sample(network, 7)])
    assert change(network(*join(equal)), network(*ragged)[:36]) < 1e-13


@variants
def test_order_of_points_has_no_meaning(variant):
    network = build(variant)
    functions, query, parameters = sample(network, 50)
    y = network(functions, query, parameters)
    order = torch.randperm(50)
    other = network(functions, one(query.coordinates[order]), parameters)
    assert change(y[order], other) < 1e-12
    shuffled = []
    for function in functions:
        order = torch.randperm(len(function.coordinates))
        values = None if function.values is None else function.values[order]
        shuffled.append(one(function.coordinates[order], values))
    assert change(y, network(shuffled, query, parameters)) < 1e-12


@variants
def test_every_input_changes_the_output(variant):
    network = build(variant)
    given = sample(network, 20)
    before = network(*given)
    for tensor in [*given[0], given[1], (given[2],)]:
        for part in (part for part in tensor if part is not None and part.is_floating_point()):
            for column in range(part.shape[1]):
                kept = part.clone()
                part[:, column] += 0.1 * torch.rand(len(part), dtype=part.dtype)
                assert change(before, network(*given)) > 1e-8
                part.copy_(kept)
    assert torch.equal(before, network(*given))


def test_query_points_may_be_elsewhere_and_are_those_of_the_first_function_by_default():
    network = build("single expert")
    functions, query, parameters = sample(network, 30)
    assert network(functions, query, parameters).shape == (30, 3)
    own = network(functions, functions[0], parameters)
    assert torch.equal(own, network(functions, None, parameters))
    only = GNOT(1, 1, dim=2)
    assert only(functions[0].to(torch.float32)).shape == (len(functions[0].coordinates), 1)


@variants
def test_a_function_without_points_adds_nothing(variant):
    network = build(variant)
    if not network.in_channels:
        pytest.skip("has no functions")
    functions, query, parameters = sample(network, 9)
    other = sample(network, 6)
    none = functions[0].rows(0, 0)
    y = network(*join([((none, functions[1]), query, parameters), other]))[:9]
    assert y.isfinite().all()
    blind = build(variant)
    with torch.no_grad():
        for block in blind.blocks:
            block.cross.values[0].weight.zero_()
            block.cross.values[0].bias.zero_()
    assert change(y, blind(functions, query, parameters)) < 1e-12


@variants
@pytest.mark.parametrize("counts", [[100], [3, 80, 1, 16]])
def test_chunks_change_nothing(variant, counts):
    network = build(variant)
    given = join([sample(network, n) for n in counts])
    whole = network(*given)
    whole_gradient = torch.autograd.grad(whole.square().sum(), list(network.parameters()))
    network.chunk_size = 7
    parts = network(*given)
    gradient = torch.autograd.grad(parts.square().sum(), list(network.parameters()))
    assert change(whole, parts) < 1e-12
    assert all((a - b).norm() < 1e-11 * (1 + a.norm()) for a, b in zip(whole_gradient, gradient, strict=True))


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_attention_is_alive_at_initialization(dim):
    """RMS of what each attention adds over the RMS of what it is added to."""
    torch.manual_seed(0)
    network = GNOT([1], 1, dim=dim, hidden_channels=64, n_heads=4).double()
    ratios = []
    for block in network.blocks:
        for module in (block.cross, block.attention):
            module.register_forward_hook(lambda _, given, y: ratios.append(change(given[0], given[0] + y)))
    network(one(torch.rand(500, dim).double(), torch.randn(500, 1).double()))
    assert len(ratios) == 6
    assert all(0.05 < ratio < 5 for ratio in ratios), ratios


def reference_state(network: GNOT, plain: bool) -> dict[str, torch.Tensor]:
    """Return the weights under the names of the reference, written down from its layout."""
    names = {}
    for ours, theirs in [("lift", "trunk_mlp"), ("projection", "out_mlp"), ("function_lifts.0", "branch_mlps.0")]:
        names |= {f"{ours}.lift": f"{theirs}.linear_pre", f"{ours}.projection": f"{theirs}.linear_post"}
        names |= {f"{ours}.layers.{i}": f"{theirs}.linears.{i}" for i in range(3)}
    for i in range(network.n_layers):
        block = f"blocks.{i}"
        for part, suffix in (("crossattn", ".0"), ("selfattn", "")):
            ours = f"{block}.{'cross' if part == 'crossattn' else 'attention'}"
            many = "s" if suffix else ""
            names |= {f"{ours}.query": f"{block}.{part}.query", f"{ours}.output": f"{block}.{part}.proj"}
            names |= {f"{ours}.{x}s.0": f"{block}.{part}.{x}{many}{suffix}" for x in ("key", "value")}
        for number in (0, 1):
            names[f"{block}.attention_norms.{number}"] = f"{block}.ln{1 + 3 * number}"
            names[f"{block}.mixture_norms.{number}"] = f"{block}.ln{3 + 2 * number}"
            for ours, theirs in ((0, 0), (3, 2)):
                expert = f"mlp{number + 1}" if plain else f"moe_mlp{number + 1}.0"
                names[f"{block}.mixtures.{number}.experts.0.{ours}"] = f"{block}.{expert}.{theirs}"
        names[f"{block}.function_norms.0"] = f"{block}.ln2_branch.0"
    return {f"{names[key.rpartition('.')[0]]}.{key.rpartition('.')[2]}": v for key, v in network.state_dict().items()}


@pytest.mark.parametrize("plain", [False, True])
def test_weights_of_the_reference_with_one_expert(plain):
    torch.manual_seed(0)
    options = {"pre_norm": True, "octaves": 1} if plain else {}
    network = GNOT([1], 2, dim=2, hidden_channels=6, n_layers=2, parameter_channels=1, options=options).double().eval()
    state = reference_state(network, plain)
    if not plain:
        state |= {f"blocks.{i}.gatenet.0.weight": torch.randn(24, 2).double() for i in (0, 1)}
    config = {"trunk_size": 3, "branch_sizes": [3], "output_size": 2, "n_layers": 2, "n_hidden": 6, "n_head": 1}
    config |= {"mlp_layers": 3, "space_dim": 2, "n_inner": 4, "n_experts": 1, "horiz_fourier_dim": 1 if plain else 0}
    again = GNOT.from_reference(config, state, reference="CGPT" if plain else "GNOT").eval()
    given = sample(network, 11)
    assert torch.equal(network(*given), again(*given))


@pytest.mark.parametrize(
    ("setting", "reference", "message"),
    [
        ({}, "MGPT", "a reference out of GNOT, CGPT, got 'MGPT'"),
        ({"attn_type": "random"}, "GNOT", "attn_type = 'linear', got 'random'. This variant has no counterpart here"),
        ({"space_dim": None}, "CGPT", "space_dim in the configuration, got none. Add the number"),
        ({"horiz_fourier_dim": 2}, "GNOT", "horiz_fourier_dim = 0, got 2. The reference fails there"),
    ],
)
def test_variants_without_counterpart_are_refused(setting, reference, message):
    with pytest.raises(InputError, match=f"Expected {message}"):
        GNOT.from_reference({**CONFIG, **setting}, {}, reference=reference)


def test_wrong_arguments_are_refused():
    for arguments, message in (
        ({"options": {"dropuot": 0.1}}, r"options out of .*, got dropuot"),
        ({"options": {"activation": "sine"}}, r"activation out of relu, silu, gelu, got 'sine'"),
        (
            {"options": {"attention": "cosine"}},
            r"attention out of linear, galerkin, l1, softmax, identity, got 'cosine'",
        ),
        ({"options": {"cross_attention": "identity"}}, r"a cross_attention that mixes points, got 'identity'"),
        ({"options": {"function_dims": [1, 2]}}, r"function_dims for 1 functions, got \[1, 2\]"),
        ({"n_heads": 5}, r"hidden_channels divisible by n_heads, got \(64, 5\)"),
    ):
        with pytest.raises(InputError, match=f"Expected {message}"):
            GNOT([1], 1, dim=2, **arguments)


def test_wrong_input_is_refused():
    network = build("experts")
    (source, shape), query, parameters = sample(network, 8)
    two = join([sample(network, 4)] * 2)
    for arguments, message in (
        ((source, query, parameters), "2 input functions, got 1. Give the points of each function"),
        (((source, source), query, parameters), "0 channels of function 1, got 1. Give a column of `values` for each"),
        (((shape, shape), query, parameters), "1 channels of function 0, got 0"),
        (((source, shape), one(torch.zeros(3, 3).double()), parameters), "the query points in 2 dimensions, got 3"),
        (((one(torch.zeros(2, 1).double()), shape), query, parameters), "function 0 in 2 dimensions, got 1"),
        ((two[0], query, parameters), "1 samples of function 0, got 2. Give each function for every sample"),
        (((source, shape), query), r"parameters of shape \(1, 2\), got \(1, 0\)"),
        (((source, shape), query, parameters[:, :1]), r"parameters of shape \(1, 2\), got \(1, 1\)"),
        (((source, shape), query.rows(0, 0), parameters), "query points, got none. Say where the output is wanted"),
        (((source, shape._replace(ptr=shape.ptr + 1)), query, parameters), "ptr of function 1 that rises from 0 to"),
    ):
        with pytest.raises(InputError, match=f"Expected {message}"):
            network(*arguments)
    with pytest.raises(InputError, match="Expected query points, got no functions and no coordinates"):
        build("no functions")((), None, parameters)


def test_dropout_acts_in_training_only():
    torch.manual_seed(0)
    for name in ("dropout", "attention_dropout"):
        network = GNOT([1], 1, dim=2, hidden_channels=8, options={name: 0.5})
        points = Points(torch.rand(20, 2), torch.tensor([0, 20]), torch.rand(20, 1))
        assert not torch.equal(network(points), network(points)), name
        network.eval()
        assert torch.equal(network(points), network(points)), name


def test_attention_takes_moments_of_parts():
    torch.manual_seed(0)
    attention = LinearAttention(6, n_heads=3).double()
    z, ptr = torch.randn(9, 6).double(), torch.tensor([0, 9])
    whole = attention.moments(z, ptr)
    parts = [attention.moments(part, torch.tensor([0, len(part)])) for part in (z[:4], z[4:])]
    for expected, total in zip(whole, parts[0].plus(parts[1]), strict=True):
        torch.testing.assert_close(total, expected, rtol=0, atol=1e-14)


@pytest.mark.gpu
@variants
def test_cpu_and_gpu_agree(variant):
    network = build(variant)
    given = join([sample(network, n) for n in COUNTS])
    y = network(*given)
    moved = tuple(f.to("cuda") for f in given[0]), given[1].to("cuda"), given[2].cuda()
    assert change(y, network.cuda()(*moved).cpu()) < 1e-12
