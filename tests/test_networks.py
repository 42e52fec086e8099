"""What every network must pass. A new network is tested by adding a line to MEMBERS."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest
import safetensors.torch
import torch
from torch import nn

from surrogate.datasets.errors import InputError
from surrogate.datasets.grid import Grid
from surrogate.datasets.points import Points
from surrogate.models import (
    FFNO,
    FNO,
    GNOT,
    IFNO,
    TFNO,
    UNO,
    DeepONet,
    FactFormer,
    GalerkinTransformer,
    IFactFormer,
    MgNO,
    UNet,
)
from surrogate.models.network import GridNetwork

SMALL = {"hidden_channels": 8, "n_layers": 2, "parameter_channels": 2}
MULTIGRID = {**SMALL, "n_smoothing": [[1, 1], [1, 0], [2, 0]]}
ONE_LAYER = {**MULTIGRID, "n_layers": 1}
GROWING = {"coordinates": True, "growing_channels": True, "head": "cycle"}
INCREMENT = {"coordinates": True, "smoothing_bias": True, "increment": True}
TRANSFORMER = {**SMALL, "n_heads": 2, "n_frequencies": 3}
SCALED = {**TRANSFORMER, "options": {"coordinates_in_decoder": True, "joined_channels": 5}}
POINT = {**TRANSFORMER, "options": {"coordinates_in_decoder": True, "decoder": "point"}}
FACTORIZED = {**SMALL, "n_heads": 2, "head_channels": 4}
ITERATED = {**FACTORIZED, "n_layers": 1, "n_iterations": 3}
FIRST = {"norm": "slices", "second_map": True}
LIFTED = {"hidden_channels": 8, "parameter_channels": 2}
LEVELS = {"channel_multipliers": (1, 2, 1), "scalings": (0.5, 1.0, 2.0)}
BOUNDED = {"convolution_branch": True, "padding": 2, "decoder_groups": 4}

GRID = {
    "galerkin_1d": lambda: GalerkinTransformer(2, 1, dim=1, periodic=True, **TRANSFORMER),
    "fourier_1d": lambda: GalerkinTransformer(2, 1, dim=1, attention="fourier", **TRANSFORMER),
    "linear_1d": lambda: GalerkinTransformer(2, 1, dim=1, attention="linear", **TRANSFORMER),
    "softmax_1d": lambda: GalerkinTransformer(2, 1, dim=1, attention="softmax", **TRANSFORMER),
    "identity_1d": lambda: GalerkinTransformer(2, 1, dim=1, attention="identity", **TRANSFORMER),
    "galerkin_2d": lambda: GalerkinTransformer(2, 3, dim=2, periodic=[True, False], **TRANSFORMER),
    "galerkin_2d_post_norm": lambda: GalerkinTransformer(2, 1, dim=2, options={"norm": "layer"}, **TRANSFORMER),
    "galerkin_3d": lambda: GalerkinTransformer(2, 1, dim=3, options={"coordinates_in_decoder": True}, **TRANSFORMER),
    "scaled_1d": lambda: GalerkinTransformer(2, 1, dim=1, coarse_shape=9, periodic=True, **TRANSFORMER),
    "scaled_2d": lambda: GalerkinTransformer(2, 3, dim=2, coarse_shape=[6, 5], periodic=[True, False], **SCALED),
    "scaled_2d_out": lambda: GalerkinTransformer(2, 1, dim=2, coarse_shape=5, out_shape=[7, 6], **POINT),
    "scaled_3d": lambda: GalerkinTransformer(2, 1, dim=3, coarse_shape=[5, 5, 4], **TRANSFORMER),
    "fno_1d": lambda: FNO(2, 1, dim=1, n_modes=6, periodic=True, **SMALL),
    "fno_2d": lambda: FNO(2, 3, dim=2, n_modes=6, **SMALL),
    "fno_3d": lambda: FNO(2, 1, dim=3, n_modes=(4, 6, 5), **SMALL),
    "factformer_1d": lambda: FactFormer(2, 1, dim=1, periodic=True, **FACTORIZED),
    "factformer_2d": lambda: FactFormer(2, 6, dim=2, periodic=[True, False], latent_steps=2, **FACTORIZED),
    "factformer_2d_steady": lambda: FactFormer(2, 1, latent_steps=0, options=BOUNDED, **FACTORIZED),
    "factformer_2d_softmax": lambda: FactFormer(2, 1, options={"attention": "softmax"}, **FACTORIZED),
    "factformer_2d_identity": lambda: FactFormer(2, 1, options={"attention": "identity"}, **FACTORIZED),
    "factformer_3d": lambda: FactFormer(2, 1, dim=3, options={"in_fields": 1}, **FACTORIZED),
    "ifactformer_1d": lambda: IFactFormer(2, 1, dim=1, periodic=True, **ITERATED),
    "ifactformer_2d": lambda: IFactFormer(2, 3, periodic=[True, False], options={"checkpointing": True}, **ITERATED),
    "ifactformer_2d_first": lambda: IFactFormer(2, 1, options=FIRST, **ITERATED),
    "ifactformer_2d_identity": lambda: IFactFormer(2, 1, options={"attention": "identity"}, **ITERATED),
    "ifactformer_3d": lambda: IFactFormer(2, 1, dim=3, parallel=False, options={"in_fields": 2}, **ITERATED),
}
GRID |= {
    "mgno_1d": lambda: MgNO(2, 1, dim=1, periodic=True, options={"coordinates": True}, **MULTIGRID),
    "mgno_2d": lambda: MgNO(2, 3, dim=2, boundary="neumann", options=GROWING, **MULTIGRID),
    "mgno_2d_residual": lambda: MgNO(2, 2, dim=2, residual_restriction=True, options=INCREMENT, **ONE_LAYER),
    "mgno_3d": lambda: MgNO(2, 1, dim=3, periodic=[True, False, False], options={"coordinates": True}, **ONE_LAYER),
    "tfno_1d": lambda: TFNO(2, 1, dim=1, n_modes=6, rank=0.5, periodic=True, **SMALL),
    "tfno_2d": lambda: TFNO(2, 3, dim=2, n_modes=6, rank=0.3, **SMALL),
    "uno_1d": lambda: UNO(2, 1, dim=1, n_modes=6, periodic=True, **LIFTED),
    "uno_2d": lambda: UNO(2, 3, n_modes=4, periodic=[True, False], **LEVELS, **LIFTED),
    "uno_3d": lambda: UNO(2, 1, dim=3, n_modes=(4, 3, 2), channel_multipliers=(1, 1), scalings=(0.5, 2.0), **LIFTED),
    "ifno_1d": lambda: IFNO(2, 1, dim=1, n_modes=6, periodic=True, n_iterations=3, **LIFTED),
    "ifno_2d": lambda: IFNO(2, 3, n_modes=6, options={"use_channel_mlp": True}, **LIFTED),
    "ffno_1d": lambda: FFNO(2, 1, dim=1, n_modes=6, periodic=True, **SMALL),
    "ffno_2d_shared": lambda: FFNO(2, 3, dim=2, n_modes=6, shared_weights=True, **SMALL),
    "ffno_3d": lambda: FFNO(2, 1, dim=3, n_modes=(4, 6, 5), **SMALL),
    "unet_1d": lambda: UNet(2, 1, dim=1, periodic=True, channel_multipliers=(1, 2, 2), **SMALL),
    "unet_2d": lambda: UNet(2, 3, dim=2, periodic=[True, False], channel_multipliers=(1, 2, 1), **SMALL),
    "unet_3d": lambda: UNet(2, 1, dim=3, channel_multipliers=(1, 1, 2), **SMALL | {"n_layers": 1}),
    "deeponet_1d": lambda: DeepONet(2, 1, dim=1, resolution=(21,), periodic=True, **SMALL),
    "deeponet_2d": lambda: DeepONet(2, 3, dim=2, resolution=(10, 9), periodic=[True, False], **SMALL),
    "deeponet_3d": lambda: DeepONet(2, 1, dim=3, resolution=(8, 7, 6), n_basis=10, **SMALL),
}
RAGGED = {
    "gnot_1d": lambda: GNOT([2], 1, dim=1, n_heads=2, options={"pre_norm": True, "octaves": 1}, **SMALL),
    "gnot_2d": lambda: GNOT([1, 0], 3, dim=2, n_heads=2, n_experts=2, **SMALL),
    "gnot_2d_galerkin": lambda: GNOT([1], 1, dim=2, options={"attention": "galerkin"}, **SMALL),
    "gnot_2d_l1": lambda: GNOT([1, 1], 1, dim=2, options={"attention": "l1", "average": True}, **SMALL),
    "gnot_2d_softmax": lambda: GNOT([1, 0], 1, dim=2, options={"attention": "softmax"}, **SMALL),
    "gnot_2d_identity": lambda: GNOT([1], 1, dim=2, n_heads=2, options={"attention": "identity"}, **SMALL),
    "gnot_3d": lambda: GNOT([1, 2], 2, dim=3, n_experts=3, options={"function_dims": [3, 1]}, **SMALL),
}
MEMBERS = GRID | RAGGED
SHAPES = {1: (21,), 2: (10, 9), 3: (8, 7, 6)}

COUNTS = [  # of the specification; for FNO see test_fno.py
    (GalerkinTransformer, "burgers", 530_305),
    (GalerkinTransformer, "burgers_fourier", 530_305),
    (GalerkinTransformer, "darcy", 2_220_829),
    (GalerkinTransformer, "darcy_inverse", 2_383_873),
    (GalerkinTransformer, "navier_stokes", 862_049),
    (FactFormer, "kolmogorov", 3_463_489),
    (FactFormer, "isotropic", 5_093_188),
    (FactFormer, "smoke", 4_501_764),
    (FactFormer, "darcy", 3_749_953),
    (IFactFormer, "channel", 1_163_187),
    (IFactFormer, "channel_chained", 1_071_027),
    (IFactFormer, "channel_first", 1_181_619),
]


def build(name: str, dtype: torch.dtype = torch.float64) -> nn.Module:
    torch.manual_seed(0)
    return MEMBERS[name]().to(dtype).eval()


def ragged_inputs(network: GNOT, counts: tuple[int, ...] = (13, 1, 6)) -> tuple:
    """Return functions, query points and parameters; the functions have other points, their numbers too."""
    dtype = next(network.parameters()).dtype
    generator = torch.Generator().manual_seed(1)

    def points(numbers: list[int], dim: int, channels: int) -> Points:
        ptr = torch.tensor([0, *numbers]).cumsum(0)
        coordinates = torch.rand(ptr[-1], dim, generator=generator, dtype=dtype)
        values = torch.randn(ptr[-1], channels, generator=generator, dtype=dtype) if channels else None
        return Points(coordinates, ptr, values)

    sizes = zip(network.function_dims, network.in_channels, strict=True)
    functions = tuple(points([n // 2 + 3 + i for n in counts], *size) for i, size in enumerate(sizes))
    query = points(list(counts), network.dim, 0)
    return functions, query, torch.randn(len(counts), network.parameter_channels, generator=generator, dtype=dtype)


def inputs(network: nn.Module, batch: int = 3, shape: tuple[int, ...] | None = None) -> tuple:
    if not isinstance(network, GridNetwork):
        return ragged_inputs(network)
    dtype = next(network.parameters()).dtype
    generator = torch.Generator().manual_seed(1)
    shape = shape or SHAPES[network.dim]
    axes = [torch.linspace(0, 1, n, dtype=dtype) for n in shape]
    x = torch.randn(batch, network.in_channels, *shape, generator=generator, dtype=dtype)
    parameters = torch.randn(batch, network.parameter_channels, generator=generator, dtype=dtype)
    return x, torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1), parameters


def change(one: torch.Tensor, two: torch.Tensor) -> float:
    return float((one - two).detach().norm() / one.detach().norm())


def cast(tensors, dtype: torch.dtype):
    """Return tensors in nested tuples in this dtype."""
    return tuple(part.to(dtype) if hasattr(part, "to") else cast(part, dtype) for part in tensors)


members = pytest.mark.parametrize("name", MEMBERS)
grid_members = pytest.mark.parametrize("name", GRID)


@grid_members
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_shape_and_dtype(name, dtype):
    network = build(name, dtype)
    x, *more = inputs(network)
    y = network(x, *more)
    assert y.shape == (3, network.out_channels, *(network.out_shape or x.shape[2:]))
    assert y.dtype == dtype


@members
def test_float32_agrees_with_float64(name):
    one, two = build(name, torch.float32), build(name, torch.float64)
    two.load_state_dict(one.state_dict())
    arguments = inputs(one)
    exact = two(*cast(arguments, torch.float64))
    # unit round-off 6e-8, about a hundred dependent operations, averaging in the norm
    assert change(exact, one(*arguments).double()) < 1e-5


@members
def test_gradient_reaches_every_parameter(name):
    network = build(name)
    network(*inputs(network)).square().sum().backward()
    for key, parameter in network.named_parameters():
        assert parameter.grad is not None, key
        assert parameter.grad.isfinite().all(), key
        assert parameter.grad.abs().max() > 0, key


LIVE = 1e-8  # relative change that round-off in float64 (1e-15) cannot make


@grid_members
def test_every_input_changes_the_output(name):
    network = build(name)
    x, coordinates, parameters = inputs(network)
    before = network(x, coordinates, parameters)
    for channel in range(network.in_channels):
        other = x.clone()
        other[:, channel] += 0.1 * torch.randn_like(other[:, channel])
        assert change(before, network(other, coordinates, parameters)) > LIVE
    for axis in range(network.dim):
        other = coordinates.clone()
        other[..., axis] = other[..., axis] ** 2
        assert change(before, network(x, other, parameters)) > LIVE
    for column in range(network.parameter_channels):
        other = parameters.clone()
        other[:, column] += 0.1
        assert change(before, network(x, coordinates, other)) > LIVE


@members
def test_every_block_changes_the_output(name):
    network = build(name)
    arguments = inputs(network)
    before = network(*arguments)
    for key, module in network.named_modules():
        own = dict(module.named_parameters(recurse=False))
        if not own:
            continue
        kept = {k: v.detach().clone() for k, v in own.items()}
        with torch.no_grad():
            for value in own.values():
                value.mul_(1 + 0.5 * torch.rand_like(value)).add_(0.01 * torch.randn_like(value))
        assert change(before, network(*arguments)) > LIVE, key
        module.load_state_dict(kept, strict=False)
    assert torch.equal(before, network(*arguments))


@members
def test_weights_survive_safetensors(name, tmp_path):
    network, other = build(name), MEMBERS[name]().double().eval()
    safetensors.torch.save_file(network.state_dict(), tmp_path / "weights.safetensors")
    other.load_state_dict(safetensors.torch.load_file(tmp_path / "weights.safetensors"))
    arguments = inputs(network)
    assert torch.equal(network(*arguments), other(*arguments))


@members
def test_is_built_again_from_its_attributes(name):
    network = build(name)
    names = list(inspect.signature(type(network)).parameters)
    again = type(network)(**json.loads(json.dumps({key: getattr(network, key) for key in names}))).double()
    again.load_state_dict(network.state_dict())
    x, coordinates, parameters = inputs(network)
    arguments = x, None if name in GRID else coordinates, parameters
    assert torch.equal(network(*arguments), again.eval()(*arguments))


@grid_members
def test_a_sample_does_not_depend_on_its_batch(name):
    network = build(name)
    x, coordinates, parameters = inputs(network)
    together = network(x, coordinates, parameters)
    repeated = network(x, coordinates.expand(3, *coordinates.shape), parameters)
    assert change(together, repeated) < 1e-13  # products of other shapes round differently
    for i in range(3):
        assert change(together[i : i + 1], network(x[i : i + 1], coordinates, parameters[i : i + 1])) < 1e-13


@members
def test_same_seed_gives_same_weights_and_evaluation_is_deterministic(name):
    one, two = build(name), build(name)
    assert all(torch.equal(one.state_dict()[key], value) for key, value in two.state_dict().items())
    arguments = inputs(one)
    assert torch.equal(one(*arguments), one(*arguments))
    assert torch.equal(one(*arguments), one.train()(*arguments))  # all rates are 0


@grid_members
def test_other_resolution_is_accepted_or_refused(name):
    network = build(name)
    shape = tuple(n + 3 for n in SHAPES[network.dim])
    if network.resolution is None:
        assert network(*inputs(network, shape=shape)).shape[2:] == tuple(network.out_shape or shape)
    else:
        with pytest.raises(InputError, match=r"Expected x at .* sensors"):
            network(*inputs(network, shape=shape))


@grid_members
def test_default_coordinates_are_those_of_the_grid(name):
    network = build(name)
    x, _, parameters = inputs(network)
    sides = tuple(("periodic",) * 2 if wraps else ("wall",) * 2 for wraps in network.periodic)
    points = Grid(shape=tuple(x.shape[2:]), boundary=sides).unit_coordinates(dtype=x.dtype)
    assert change(network(x, points, parameters), network(x, None, parameters)) < 1e-13


@members
def test_bfloat16_autocast_trains(name):
    network = build(name, torch.float32).train()
    arguments = inputs(network)
    exact = network(*arguments)
    with torch.autocast("cpu", torch.bfloat16):
        y = network(*arguments)
    y.float().square().sum().backward()
    assert all(parameter.grad.isfinite().all() for parameter in network.parameters())
    n_products = 10 if name in GRID else 30  # one after another, about
    assert change(exact, y.float()) < 0.005 * n_products  # unit round-off 4e-3, added up


@grid_members
def test_wrong_input_is_refused(name):
    network = build(name)
    x, coordinates, parameters = inputs(network)
    with pytest.raises(InputError, match=r"Expected x of shape \(batch, 2, .* Stack the fields"):
        network(x[:, :1], coordinates, parameters)
    with pytest.raises(InputError, match="Expected 2 parameters per sample, got 0"):
        network(x, coordinates)
    with pytest.raises(InputError, match="Expected coordinates of shape"):
        network(x, coordinates[..., :1].expand(*coordinates.shape[:-1], 4), parameters)
    if isinstance(network, FactFormer | IFactFormer):
        return  # it takes any grid
    limit = r"at most .* Fourier coefficients|(a grid of )?at least \d points along each axis.*|x at .* sensors"
    with pytest.raises(InputError, match=rf"Expected ({limit}), got"):
        network(x[..., :2], coordinates[..., :2, :], parameters)


@grid_members
def test_another_dtype_or_device_is_refused(name):
    network = build(name)
    x, coordinates, parameters = inputs(network)
    with pytest.raises(InputError, match=r"x as torch.float64 on cpu, as the weights, got torch.float32 on cpu\. Move"):
        network(x.float(), coordinates, parameters)
    with pytest.raises(InputError, match=r"x as torch.float64 on cpu, as the weights, got torch.float64 on meta"):
        network(x.to("meta"), coordinates.to("meta"), parameters.to("meta"))


@pytest.mark.parametrize(("network_class", "name", "count"), COUNTS)
def test_parameter_count(network_class, name, count):
    network = network_class.published(name)
    assert sum(parameter.numel() for parameter in network.parameters()) == count


def test_unknown_names_are_refused():
    with pytest.raises(InputError, match="Expected a configuration out of burgers"):
        GalerkinTransformer.published("darcey")
    with pytest.raises(InputError, match=r"Expected options out of .*, got dropuot"):
        GalerkinTransformer(1, 1, dim=1, options={"dropuot": 0.1})
    with pytest.raises(InputError, match=r"Expected options out of .*, got factorization"):
        FNO(1, 1, dim=1, options={"factorization": "tucker"})


TRACE = """
import json, sys
import torch
sys.path.insert(0, sys.argv[1])
from test_networks import build, change, inputs

backend, result = sys.argv[2], {}
for name in sys.argv[3:]:
    network = build(name)
    arguments = inputs(network)
    expected = network(*arguments)
    compiled = torch.compile(network, fullgraph=True, backend=backend)
    y = compiled(*arguments)
    y.square().sum().backward()
    gradient = max(float(p.grad.abs().max()) for p in network.parameters())
    exported = torch.export.export(network, arguments).module()
    result[name] = [change(expected, y), change(expected, exported(*arguments)), gradient]
    torch.compiler.reset()
print(json.dumps(result))
"""


def trace(backend: str, names: Iterable[str]) -> dict[str, list[float]]:
    # in a process of its own: the checks that pytest puts around every function cannot be traced
    command = [sys.executable, "-c", TRACE, str(Path(__file__).parent), backend, *names]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize(
    ("backend", "names"),
    [
        ("aot_eager", [*GRID, "gnot_1d", "gnot_2d"]),
        pytest.param("inductor", ["galerkin_2d", "fno_2d"], marks=pytest.mark.slow),
    ],
)
def test_compile_and_export_trace_the_whole_network(backend, names):
    for name, (compiled, exported, gradient) in trace(backend, names).items():
        assert compiled < 1e-12, name
        assert exported < 1e-12, name
        assert gradient > 0, name


@pytest.mark.parametrize(
    "name",
    ["galerkin_1d", "galerkin_2d", "fourier_1d", "linear_1d", "softmax_1d", "identity_1d", "galerkin_3d", "scaled_2d"],
)
def test_attention_is_alive_at_initialization(name):
    """RMS of what each attention adds, over the RMS of what it is added to, for white-noise input."""
    network = build(name)
    ratios = []

    def record(module: nn.Module, arguments: tuple[torch.Tensor, ...], result: torch.Tensor) -> None:
        ratios.append(float(result.detach().norm() / arguments[0].detach().norm()))

    for layer in network.layers:
        layer.attention.register_forward_hook(record)
    network(*inputs(network))
    assert len(ratios) == network.n_layers
    # the maps start with gain 1e-2, so without norms and coordinates the branch would be a millionth of its input
    assert all(0.1 < ratio < 10 for ratio in ratios), ratios
