"""From one grid to another, axis by axis."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
import xarray as xr
from jaxtyping import Float
from scipy.sparse import csr_array
from torch import Tensor, nn

from surrogate.datasets.errors import expected
from surrogate.datasets.fields import Fields, check
from surrogate.datasets.grids.axes import CHEBYSHEV, UNIFORM, Axis
from surrogate.datasets.grids.grid import Grid
from surrogate.datasets.transfer.axis_maps import chebyshev_matrix, conservative_matrix, linear_matrix
from surrogate.datasets.transfer.fourier import FourierMap
from surrogate.datasets.transfer.interpolation_maps import SparseMap

METHODS = ("linear", "spectral", "conservative")

_TOUCHING = 1e-6  # of the length of an axis: round-off of single precision is not outside


class GridMap(nn.Module):
    """A tensor product of maps, one for each axis: values on ``source`` become values on ``target``.

    A module whose buffers move with it to another device. Gradients flow to the values.
    """

    def __init__(self, source: Grid, target: Grid, maps: Sequence[nn.Module]) -> None:
        super().__init__()
        self.source, self.target, self.maps = source, target, nn.ModuleList(maps)

    def forward(self, values: Float[Tensor, "*batch_and_space"]) -> Float[Tensor, "*batch_and_new"]:
        """Return the values on ``target``, in the dtype of ``values``; the last axes are those of space.

        Raises
        ------
        InputError
            Another shape than that of ``source``.
        """
        dim = self.source.dim
        if tuple(values.shape[-dim:]) != self.source.shape:
            do = "Use the map of this grid."
            raise expected(f"values of shape (..., {self.source.shape})", tuple(values.shape), do)
        return self.along({name: i - dim for i, name in enumerate(self.source.names)}, values)

    def along(self, dims: dict[str, int], values: Tensor) -> Tensor:
        """Return ``values`` with the axes mapped whose names and places are given."""
        for name, mapping in zip(self.source.names, self.maps, strict=True):
            if name in dims:
                values = mapping(values.movedim(dims[name], -1)).movedim(-1, dims[name])
        return values


def resampling(source: Grid, target: Grid, *, method: str = "linear", dtype: torch.dtype = torch.float32) -> GridMap:
    r"""Return the map that takes tensors ``(..., *space)`` from one grid to another.

    Along each axis, which is left alone where its points stay the same,

    - ``"linear"`` interpolates between neighbors. Linear functions are reproduced; the error for smooth ones is of
      second order. Beyond the outermost centers of cells, up to the side of the box, it extrapolates.
    - ``"spectral"`` takes the trigonometric interpolant on a periodic, uniform axis and drops the modes that the target
      cannot hold: exact for those that both hold, and the mean is kept. On a Chebyshev axis it takes the polynomial
      through the points, at any points of the target: exact for polynomials of lower degree than there are points.
    - ``"conservative"`` takes values as means over cells (those as wide as the quadrature weights) and averages over
      the overlaps. The integral, by the quadrature of both grids, is kept to round-off, and so are bounds; the error is
      of first order where cells are cut, none where cells of the target are made up of whole ones.

    Parameters
    ----------
    source, target
        Grids of the same axes. ``target`` may lie inside of ``source``, except along periodic axes.
    method
        ``"linear"``, ``"spectral"`` or ``"conservative"``.
    dtype
        Of the weights.

    Raises
    ------
    InputError
        Another number of axes, an axis that is periodic on one grid only or has another period, a target outside of the
        source, an unknown method, ``"spectral"`` on an axis without such an interpolant.

    Examples
    --------
    >>> halve = resampling(Grid((4,), location="cell"), Grid((2,), location="cell"), method="conservative")
    >>> halve(torch.tensor([1.0, 3.0, 5.0, 7.0]))
    tensor([2., 6.])
    """
    if method not in METHODS:
        raise expected(f"a method out of {', '.join(METHODS)}", repr(method), "Correct `method`.")
    if source.dim != target.dim or not source.dim:
        do = "Give a grid with the axes of the fields."
        raise expected(f"a target of {source.dim} axes", f"one of {target.dim}", do)
    pairs = list(zip(source.parts, target.parts, strict=True))
    for old, new in pairs:
        _check_box(old, new)
    return GridMap(source, target, [_along(old, new, method, dtype) for old, new in pairs])


def resample(fields: Fields, target: Grid, *, method: str = "linear") -> xr.Dataset:
    """Return fields on another grid.

    Parameters
    ----------
    fields
        Fields on a grid, as a whole in memory.
    target
        The grid to take them to.
    method
        ``"linear"``, ``"spectral"`` or ``"conservative"``: see `resampling`.

    Returns
    -------
    xarray.Dataset
        The same variables in the same dtype, with the coordinates of ``target`` in the units of before. What has no
        space is as it was; a field over some of the axes is mapped along these.

    Raises
    ------
    InputError
        Fields that break the convention, and as `resampling`.

    Examples
    --------
    >>> import surrogate as sg
    >>> fields = sg.generate(sg.cases.Burgers(resolution=32, steps=2), samples=1, seed=0, progress=False)
    >>> fine = sg.datasets.resample(fields, sg.Grid((64,), periodic=True), method="spectral")
    >>> dict(fine["u"].sizes)
    {'sample': 1, 'time': 3, 'x': 64}
    """
    dataset = check(fields)
    mapping = resampling(Grid.from_fields(dataset), target, method=method, dtype=torch.float64)
    names = set(target.names)
    coords = target.coordinates()
    for axis, coordinate in coords.items():
        attrs = dataset[axis].attrs
        coordinate.attrs.update({key: attrs[key] for key in ("units", "long_name") if key in attrs})
    result = dataset.drop_vars([name for name, v in dataset.variables.items() if names & set(v.dims)])
    result = result.assign_coords(coords)
    for name, field in dataset.data_vars.items():
        dims = {str(dim): place for place, dim in enumerate(field.dims) if dim in names}
        if dims:
            values = mapping.along(dims, torch.from_numpy(np.require(field.values, requirements=["C", "W"])))
            result[name] = (field.dims, values.numpy(), field.attrs)
    return result[list(dataset.data_vars)]


def _check_box(old: Axis, new: Axis) -> None:
    if old.periodic != new.periodic:
        kinds = [("closed", "periodic")[axis.periodic] for axis in (old, new)]
        raise expected(f"a target with a {kinds[0]} axis {old.name}", f"a {kinds[1]} one", "Correct its boundary.")
    slack, got = _TOUCHING * old.length, f"{new.low:.6g} to {new.high:.6g}"
    if old.periodic and max(abs(new.low - old.low), abs(new.high - old.high)) > slack:
        raise expected(f"the extent {old.low:.6g} to {old.high:.6g} along {old.name}", got, "Correct the extent.")
    if min(new.low - old.low, old.high - new.high) < -slack:
        do = "Choose a smaller extent; nothing is known outside."
        raise expected(f"a target from {old.low:.6g} to {old.high:.6g} along {old.name}", got, do)


def _along(old: Axis, new: Axis, method: str, dtype: torch.dtype) -> nn.Module:
    if old.n == new.n and np.allclose(old.points, new.points, rtol=0, atol=1e-12 * old.length):
        same_cells = np.allclose(old.edges, new.edges, rtol=0, atol=1e-12 * old.length)
        if same_cells or method != "conservative":
            return nn.Identity()
    if method == "spectral" and old.periodic:
        if not old.stretching == new.stretching == UNIFORM:
            do = "Use method='linear' or 'conservative'."
            raise expected(f"a uniform axis {old.name} on both grids for Fourier modes", "a stretched one", do)
        return FourierMap(old.n, new.n, (new.points[0] - old.points[0]) / old.length)
    if method == "spectral" and old.stretching != CHEBYSHEV:
        do = "Use method='linear' or 'conservative'."
        raise expected(f"an axis {old.name} that is periodic or of Chebyshev points", "another closed one", do)
    matrices: dict[str, Callable[[Axis, Axis], csr_array]] = {
        "linear": linear_matrix,
        "spectral": chebyshev_matrix,
        "conservative": conservative_matrix,
    }
    return SparseMap(matrices[method](old, new), dtype)
