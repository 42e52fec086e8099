from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
import xarray as xr
from torch import Tensor

from surrogate.datasets.errors import InputError
from surrogate.datasets.grids.grid import Grid
from surrogate.datasets.samples.preparation import prepare
from surrogate.models import MgNO

PIPE = {
    "num_layer": 2,
    "num_channel_u": 4,
    "num_channel_f": 2,
    "num_classes": 1,
    "num_iteration": [[1, 0], [2, 0], [1, 1], [2, 0]],
    "padding_mode": "zeros",
}


def test_equals_the_reference():
    path = Path(__file__).parent / "reference" / "mgno__dc_pipe.npz"
    arrays = {key: torch.from_numpy(value) for key, value in np.load(path).items()}
    state = {key.removeprefix("p:"): value for key, value in arrays.items() if key.startswith("p:")}
    network = MgNO.from_reference(PIPE, state, reference="MgNO_DC")
    x = arrays["in:a"].clone().requires_grad_()
    y = network(x)
    torch.testing.assert_close(y, arrays["out:u"], rtol=0, atol=1e-10)
    (gradient,) = torch.autograd.grad(y.square().sum(), x)
    torch.testing.assert_close(gradient, arrays["grad:a"], rtol=0, atol=1e-10)


COUNTS = [  # of the specification; in the last without the operators of first steps, which have no effect there
    ("darcy", 572_661),
    ("darcy_smooth", 678_093),
    ("pipe", 783_876),
    ("navier_stokes", 2_885_194),
    ("helmholtz", 5_351_806 - (9 * 20 + 1) - 3 * (9 * 20 * 20 + 20) - (9 * 20 + 20)),
]


@pytest.mark.parametrize(("name", "count"), COUNTS)
def test_parameter_count(name, count):
    assert sum(parameter.numel() for parameter in MgNO.published(name).parameters()) == count


def kernels(f: int, u: int, steps: list, *, growth: int = 0, bias: bool = False, up: Sequence[int] = ()) -> dict:
    """Return random kernels of one V-cycle under the names of the reference: {name: tensor}."""
    shapes = {}
    for level, (before, after) in enumerate(steps):
        more, last = 1 + growth * level, level == len(steps) - 1
        entries = [(f"layer{level}", step + (level > 0)) for step in range(before)]
        entries += [(f"post_smooth_layer{level}", step) for step in range(after)]
        for place, entry in entries:
            shapes[f"{place}.{entry}.S"] = (u * more, f * more, 3, 3)
            if (place, entry) != ("layer0", 0) or growth:  # there it is present, without effect
                shapes[f"{place}.{entry}.A"] = (f * more, u * more, 3, 3)
        if not last:
            shapes[f"layer{level + 1}.0.R"] = (f * (more + growth), f * more, 3, 3)
            shapes[f"layer{level + 1}.0.Pi"] = (u * (more + growth), u * more, 3, 3)
            kernel = up[level] if up else 4
            shapes[f"RTlayers.{level}"] = (u * (more + growth), u * more, kernel, kernel)
    state = {f"{name}.weight": torch.randn(shape).double() / shape[1] ** 0.5 / 3 for name, shape in shapes.items()}
    if bias:
        smoothing = {name: shape for name, shape in shapes.items() if name[-2:] in (".S", ".A")}
        state |= {f"{name}.bias": torch.randn(shape[0]).double() / 3 for name, shape in smoothing.items()}
    return state


def v_cycle(
    f: Tensor, steps: list, state: dict, *, mode: str = "constant", padding: int = 1, norm: Callable = lambda u, _: u
) -> Tensor:
    """Follow the specification; ``norm(u, level)`` is applied after each addition on the way up."""

    def smooth(name: str, x: Tensor) -> Tensor:
        return F.conv2d(F.pad(x, (1,) * 4, mode=mode), state[f"{name}.weight"], state.get(f"{name}.bias"))

    def restrict(name: str, x: Tensor) -> Tensor:
        return F.conv2d(F.pad(x, (padding,) * 4, mode=mode), state[f"{name}.weight"], stride=2)

    stored = []
    for level, (before, _) in enumerate(steps):
        if level == 0:
            u = smooth("layer0.0.S", f)
        else:
            f, u = restrict(f"layer{level}.0.R", f), restrict(f"layer{level}.0.Pi", u)
        for entry in range(1, before + (level > 0)):
            u = u + smooth(f"layer{level}.{entry}.S", f - smooth(f"layer{level}.{entry}.A", u))
        stored.append((f, u))
    for level in reversed(range(len(steps) - 1)):
        f, fine = stored[level]
        raised = F.conv_transpose2d(u, state[f"RTlayers.{level}.weight"], stride=2, padding=padding)
        rows, columns = fine.shape[2:]
        u = norm(fine + raised[..., :rows, :columns], level)
        for entry in range(steps[level][1]):
            name = f"post_smooth_layer{level}.{entry}"
            u = u + smooth(f"{name}.S", f - smooth(f"{name}.A", u))
    return u


def named(prefix: str, state: dict) -> dict:
    return {f"{prefix}.{name}": value for name, value in state.items()}


@pytest.mark.parametrize(
    ("reference", "up", "shape"), [("MgNO_DC", (), (45, 64)), ("MgNO_DC_smooth", (3, 4, 3, 3, 4), (211, 211))]
)
def test_darcy_variants_equal_the_specification(reference, up, shape):
    """The first on a grid that the reference refuses, where the way up is cut."""
    torch.manual_seed(0)
    steps = [[1, 0]] * 4 + [[1, 1], [2, 0]]
    cycles = [kernels(f, 3, steps, up=up) for f in (2, 3)]
    points = [(torch.randn(3, f, 1, 1).double(), torch.randn(3).double()) for f in (2, 3)]
    head = torch.randn(1, 3, 1, 1).double()
    state = {"linear.weight": head}
    for layer, (cycle, (weight, bias)) in enumerate(zip(cycles, points, strict=True)):
        state |= named(f"conv_list.{layer}", cycle)
        state |= {f"linear_list.{layer}.weight": weight, f"linear_list.{layer}.bias": bias}
    config = {**PIPE, "num_channel_u": 3, "num_iteration": steps}
    network = MgNO.from_reference(config, state, reference=reference)
    x = h = torch.randn(1, 2, *shape).double()
    for cycle, (weight, bias) in zip(cycles, points, strict=True):
        h = F.gelu(v_cycle(h, steps, cycle) + F.conv2d(h, weight, bias))
    torch.testing.assert_close(network(x), F.conv2d(h, head), rtol=0, atol=1e-11)


def test_navier_stokes_variant_equals_the_specification():
    torch.manual_seed(0)
    steps = [[1, 1], [1, 0], [1, 1], [2, 0]]
    state, cycles = {"last_layer.weight": torch.randn(1, 3, 1, 1).double()}, []
    for layer, f in enumerate((1, 3)):
        norms = [[torch.randn(3, 64 >> i, 64 >> i).double() for _ in range(2)] for i in range(3)]
        cycles.append((kernels(f, 3, steps, bias=True), norms))
        state |= named(f"conv_list.{layer}", cycles[-1][0])
        for level, pair in enumerate(norms):
            place = f"conv_list.{layer}.norm_layer_list.{level}"
            state |= {f"{place}.weight": pair[0], f"{place}.bias": pair[1]}
    config = {"num_layer": 2, "num_channel_u": 3, "num_channel_f": 1, "num_classes": 1, "num_iteration": steps}
    network = MgNO.from_reference({**config, "bias": True}, state, reference="MgNO_NS")
    x = h = torch.randn(1, 1, 64, 64).double()
    for cycle, norms in cycles:

        def norm(u: Tensor, level: int, norms: list = norms) -> Tensor:
            return F.layer_norm(u, u.shape[1:], *norms[level])

        h = F.gelu(v_cycle(h, steps, cycle, mode="circular", norm=norm))
    exact = x + F.conv2d(h, state["last_layer.weight"])
    torch.testing.assert_close(network(x), exact, rtol=0, atol=1e-11)


def test_helmholtz_variant_equals_the_specification():
    torch.manual_seed(0)
    counts, up = [1, 1, 1, 1, 2], (3, 4, 4, 3)
    steps = [[n, 0] for n in counts]
    cycles = [kernels(f, u, steps, growth=1, bias=True, up=up) for f, u in ((2, 3), (3, 3), (3, 1))]
    norms = [[torch.randn(3, 101, 101).double() for _ in range(2)] for _ in range(2)]
    state = named("conv_list.0", cycles[0]) | named("conv_list.1", cycles[1]) | named("last_layer", cycles[2])
    for layer, pair in enumerate(norms):
        state |= {f"norm_layer_list.{layer}.weight": pair[0], f"norm_layer_list.{layer}.bias": pair[1]}
    config = {"num_layer": 2, "num_channel_u": 3, "num_channel_f": 2, "num_classes": 1, "num_iteration": counts}
    network = MgNO.from_reference(config, state, reference="MgNO_helm")
    x = h = torch.randn(1, 2, 101, 101).double()
    for cycle, norm in zip(cycles, norms, strict=False):
        u = v_cycle(h, steps, cycle, mode="reflect", padding=0)
        h = F.gelu(F.layer_norm(u, u.shape[1:], *norm))
    exact = v_cycle(h, steps, cycles[2], mode="reflect", padding=0)
    torch.testing.assert_close(network(x), exact, rtol=0, atol=1e-11)


def test_residual_restriction_of_the_reference_is_read():
    torch.manual_seed(0)
    steps = [[1, 0], [2, 0]]
    state = named("conv_list.0", kernels(2, 4, steps)) | {"conv_list.0.layer1.0.A.weight": torch.randn(2, 4, 3, 3)}
    state |= {"linear_list.0.weight": torch.randn(4, 2, 1, 1), "linear_list.0.bias": torch.randn(4)}
    state |= {"linear.weight": torch.randn(1, 4, 1, 1)}
    config = {**PIPE, "num_layer": 1, "num_iteration": steps, "use_res": True}
    network = MgNO.from_reference(config, state, reference="MgNO_DC")
    operator = network.layers[0].cycle.down[0].operator.convolution.weight
    assert torch.equal(operator, state["conv_list.0.layer1.0.A.weight"].to(operator.dtype))


def test_a_periodic_network_follows_shifts():
    torch.manual_seed(0)
    network = MgNO(1, 1, hidden_channels=6, n_layers=2, periodic=True).double()
    x = torch.randn(1, 1, 32, 48).double()
    torch.testing.assert_close(network(x.roll(16, 2)), network(x).roll(16, 2), rtol=0, atol=1e-13)


@pytest.mark.parametrize(("n", "n_levels"), [(64, 5), (85, 5), (128, 6), (211, 6), (256, 6), (7, 2), (3, 1)])
def test_levels_for_a_grid_are_those_of_the_literature(n, n_levels):
    assert len(MgNO.modes_for((n, 256))["n_smoothing"]) == n_levels


def test_boundary_and_resolution_come_from_the_data():
    grid = Grid(shape=(9, 8), boundary=(("neumann", "neumann"), ("periodic", "periodic")))
    values = np.random.default_rng(0).normal(size=(6, 9, 8))
    data = xr.Dataset(coords=grid.coordinates())
    for name in ("a", "u"):
        data[name] = (("sample", "x", "y"), values, {"units": "1", "long_name": name})
    network = MgNO.for_data(prepare(data, inputs=["a"], outputs=["u"], split=(4, 1, 1)), hidden_channels=4, n_layers=1)
    assert (network.boundary, network.periodic) == (["neumann", "dirichlet"], [False, True])
    assert network.layers[0].cycle.first.beyond == ["neumann", "periodic"]
    assert network(torch.randn(1, 1, 9, 8)).isfinite().all()
    with pytest.raises(InputError, match=r"Expected a grid of shape \(9, 8\), got \(17, 16\)\. Resample the fields"):
        network(torch.randn(1, 1, 17, 16))


WRONG = [
    ({"n_smoothing": [[1, 0], [1, 1]]}, "Expected a first step on the finest level and a last on the way up, got"),
    (
        {"boundary": "periodic"},
        r"Expected boundary 'dirichlet' or 'neumann' for each of 2 axes, got .* `periodic` says",
    ),
    ({"boundary": ["neumann"]}, "Expected boundary 'dirichlet' or 'neumann' for each of 2 axes, got"),
    ({"periodic": [True]}, "Expected periodic for each of 2 axes, got"),
    ({"options": {"norm": "layer"}}, "Expected a resolution for norm 'layer', got None. Give the shape of the grid"),
    ({"resolution": [64]}, r"Expected a resolution of 2 axes, got \(64,\)"),
    ({"options": {"norm": "batch"}}, "Expected norm out of None, 'cycle', 'layer', got 'batch'"),
    ({"options": {"head": "mlp"}}, "Expected head out of 'pointwise', 'cycle', got 'mlp'"),
    ({"options": {"activation": "tanh"}}, "Expected activation out of 'relu', 'silu', 'gelu', got 'tanh'"),
    ({"options": {"restriction_padding": 2}}, "Expected restriction_padding out of 0, 1, got 2"),
    ({"options": {"up_kernels": [4]}}, "Expected up_kernels for 4 ways up, got"),
    ({"options": {"increment": True}}, "Expected as many channels in as out for an increment, got 2 in and 1 out"),
    ({"options": {"smoother": 1}}, "Expected options out of .*, got smoother"),
]


@pytest.mark.parametrize(("arguments", "message"), WRONG)
def test_wrong_arguments_are_refused(arguments, message):
    with pytest.raises(InputError, match=message):
        MgNO(2, 1, **arguments)


def test_a_grid_smaller_than_the_cycle_is_refused():
    message = r"Expected at least 2 points along each axis on level 5, got \(64, 16\) on level 1. Use fewer levels or a"
    with pytest.raises(InputError, match=message):
        MgNO(1, 1)(torch.zeros(1, 1, 64, 16))


def test_variants_without_counterpart_are_refused():
    with pytest.raises(
        InputError, match="Expected a reference out of MgNO_DC, MgNO_DC_smooth, MgNO_NS, MgNO_helm, got"
    ):
        MgNO.from_reference(PIPE, {}, reference="MgNO_helm2")
    with pytest.raises(InputError, match=r"Expected mlp_hidden_dim = 0, got 128\. This variant has no counterpart"):
        MgNO.from_reference({**PIPE, "mlp_hidden_dim": 128}, {}, reference="MgNO_NS")
    with pytest.raises(InputError, match="Expected padding_mode out of zeros, reflect, circular, got 'replicate'"):
        MgNO.from_reference({**PIPE, "padding_mode": "replicate"}, {}, reference="MgNO_DC")
