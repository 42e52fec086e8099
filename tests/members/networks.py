"""Every network, small. A new network is tested by adding a line to MEMBERS."""

from __future__ import annotations

import torch
from torch import nn

from surrogate.datasets.meshes.points import Points
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
