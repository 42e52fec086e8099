"""What every network must pass: see members/networks.py."""

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

from members.networks import GRID, MEMBERS, SHAPES, build, cast, change, inputs
from surrogate.datasets.errors import InputError
from surrogate.datasets.grids.grid import Grid
from surrogate.models import (
    FNO,
    FactFormer,
    GalerkinTransformer,
    IFactFormer,
)

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
from members.networks import build, change, inputs

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
