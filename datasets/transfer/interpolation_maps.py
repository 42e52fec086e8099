"""Linear maps between meshes, grids and points, computed once for each geometry."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from scipy.sparse import csr_array
from scipy.spatial import cKDTree
from torch import Tensor, nn

from surrogate.datasets.errors import expected
from surrogate.datasets.grids.grid import Grid
from surrogate.datasets.meshes.mesh import Mesh
from surrogate.datasets.meshes.point_location import Location, locate
from surrogate.datasets.transfer.grid_weights import grid_points, grid_weights, multilinear

Place = Mesh | Grid | np.ndarray

_KEPT = 256
_TOUCHING = 1e-6  # of the size of the source: round-off of single precision is not outside
_cache: OrderedDict[tuple[str, ...], csr_array] = OrderedDict()


class SparseMap(nn.Module):
    """The product with a sparse matrix ``(M, N)``: values at N points become values at M points.

    A module whose buffers move with it to another device. Gradients flow to the values.

    Attributes
    ----------
    shape
        Number of points after and before.
    """

    def __init__(self, matrix: csr_array, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        self.shape: tuple[int, int] = matrix.shape
        self._direct = _Csr(matrix, dtype)
        self._transposed = _Csr(csr_array(matrix.T), dtype)

    @property
    def matrix(self) -> csr_array:
        """The matrix, in double precision."""
        return self._direct.matrix

    @property
    def adjoint(self) -> SparseMap:
        """The product with the transposed matrix."""
        return SparseMap(self._transposed.matrix, self._direct.weights.dtype)

    def forward(self, values: Float[Tensor, "*batch source"]) -> Float[Tensor, "*batch target"]:
        """Return the values at the target points, in the dtype of ``values``."""
        target, source = self.shape
        if values.shape[-1] != source:
            raise expected(f"values at {source} points", values.shape[-1], "Use the map of this geometry.")
        rows = values.reshape(-1, source)
        if torch.is_grad_enabled() and values.requires_grad:
            result: Tensor = _Product.apply(rows, self._direct, self._transposed)  # type: ignore[no-untyped-call]
        else:
            result = self._direct.times(rows)
        return result.reshape(*values.shape[:-1], target)


class _Csr(nn.Module):
    """A matrix for scipy and for torch."""

    offsets: Tensor
    columns: Tensor
    weights: Tensor

    def __init__(self, matrix: csr_array, dtype: torch.dtype) -> None:
        super().__init__()
        self.matrix = matrix
        self.single = matrix.astype(np.float32)
        for name, part in (("offsets", matrix.indptr), ("columns", matrix.indices)):
            self.register_buffer(name, torch.from_numpy(part), persistent=False)
        self.register_buffer("weights", torch.from_numpy(matrix.data).to(dtype), persistent=False)

    def times(self, rows: Tensor) -> Tensor:
        """Return the product ``(batch, M)``.

        On the CPU scipy is faster by 2 to 6 for one row and for float64, torch by 3 for many rows of float32.
        """
        if rows.device.type == "cpu" and (rows.dtype == torch.float64 or len(rows) == 1):
            matrix = self.matrix if rows.dtype == torch.float64 else self.single
            values = rows.detach().to(torch.float64 if matrix is self.matrix else torch.float32).numpy()
            product = (matrix @ values[0])[None] if len(rows) == 1 else (matrix @ values.T).T
            return torch.from_numpy(product).to(rows.dtype)
        return nn.functional.embedding_bag(
            self.columns,
            rows.T.contiguous(),
            self.offsets,
            mode="sum",
            per_sample_weights=self.weights.to(rows.dtype),
            include_last_offset=True,
        ).T


class _Product(torch.autograd.Function):
    """The gradient is the product with the transposed matrix, which is kept, as to transpose costs more."""

    @staticmethod
    def forward(context: Any, rows: Tensor, direct: _Csr, transposed: _Csr) -> Tensor:
        context.both = direct, transposed
        return direct.times(rows)

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        direct, transposed = context.both
        gradient: Tensor = _Product.apply(gradients[0], transposed, direct)  # type: ignore[no-untyped-call]
        return gradient, None, None


def interpolation(
    source: Mesh | Grid,
    target: Place,
    *,
    outside: str = "raise",
    dtype: torch.dtype = torch.float32,
) -> SparseMap:
    r"""Return the linear interpolation from the points of ``source`` to those of ``target``.

    On a mesh with the barycentric coordinates of the simplices that cut its cells (P1), on a grid multilinear; linear
    functions are reproduced, the error for smooth ones is of second order. The points of a grid count in C order, so
    that values ``(batch, channel, *space)`` are flattened first.

    Parameters
    ----------
    source, target
        A mesh, a grid, or as target also points (M, d). Points of equal content give the same, kept map.
    outside
        What happens to target points outside of the source: ``"raise"``; ``"nearest"`` takes the value at the nearest
        point of its boundary; ``"nan"`` gives NaN.
    dtype
        Of the weights.

    Raises
    ------
    InputError
        Points outside, with their number and the largest distance; another number of dimensions.

    Examples
    --------
    >>> square = Mesh([[0, 0], [1, 0], [1, 1], [0, 1]], {"quad": [[0, 1, 2, 3]]})
    >>> interpolation(square, np.array([[0.5, 0.25]]))(torch.tensor([0.0, 1.0, 1.0, 0.0]))
    tensor([0.5000])
    """
    if outside not in ("nearest", "nan", "raise"):
        raise expected("outside='nearest', 'nan' or 'raise'", repr(outside), "Correct `outside`.")
    queries = _points(target, source.dim)
    keys = ("linear", outside, _key(source), _key(queries))
    return SparseMap(_kept(keys, lambda: _linear(source, queries, outside)), dtype)


def nearest(source: Place, target: Place, *, dtype: torch.dtype = torch.float32) -> SparseMap:
    """Return the map that takes for each target point the value at the nearest source point.

    Raises
    ------
    InputError
        Another number of dimensions.
    """
    points = _points(source)
    queries = _points(target, points.shape[1])

    def make() -> csr_array:
        column = np.asarray(cKDTree(points).query(queries)[1])
        return _matrix(column[:, None], np.ones((len(queries), 1)), len(points))

    return SparseMap(_kept(("nearest", _key(points), _key(queries)), make), dtype)


def conservative(
    source: Mesh | Grid, target: Mesh | Grid, *, outside: str = "raise", dtype: torch.dtype = torch.float32
) -> SparseMap:
    r"""Return the map :math:`W_t^{-1} A^\top W_s` to a coarser target, which keeps the integral.

    A interpolates from target to source, W are the quadrature weights. Each target point receives the mean of what lies
    around it, weighted by the hat function: the integral is kept to round-off as the rows of A sum to one. On a target
    finer than the source it leaves points without any value, which is refused.

    Raises
    ------
    InputError
        A target that is finer than the source somewhere, and as `interpolation`.
    """

    def make() -> csr_array:
        back = interpolation(target, source, outside=outside).matrix
        if np.isnan(back.data).any():
            raise expected("a source within the target", "points outside", "Use outside='nearest'.")
        shares = csr_array(back.T.multiply(_weights(source)))
        empty = shares.sum(axis=1) == 0
        if empty.any():
            got = f"{int(empty.sum())} of its points between those of the source"
            raise expected("a target coarser than the source", got, "Use `interpolation`.")
        return csr_array(shares.multiply(1 / _weights(target)[:, None]))

    return SparseMap(_kept(("conservative", outside, _key(source), _key(target)), make), dtype)


def _linear(source: Mesh | Grid, queries: np.ndarray, outside: str) -> csr_array:
    located = locate(source, queries) if isinstance(source, Mesh) else Location(*multilinear(source, queries))
    points = _points(source)
    size = np.linalg.norm(np.ptp(points, axis=0))
    beyond = located.distance > _TOUCHING * size
    if outside == "raise" and beyond.any():
        got = f"{int(beyond.sum())} of {len(queries)} outside, by up to {located.distance.max():.3g}"
        raise expected("target points inside of the source", got, "Pass outside='nearest' or outside='nan'.")
    weights = np.where(beyond[:, None], np.nan, located.weights) if outside == "nan" else located.weights
    return _matrix(located.nodes, weights, len(points))


def _matrix(columns: np.ndarray, weights: np.ndarray, size: int) -> csr_array:
    narrow = max(size, columns.size) <= np.iinfo(np.int32).max  # half the traffic for the indices
    kind = np.int32 if narrow else np.int64
    rows = np.repeat(np.arange(len(columns), dtype=kind), columns.shape[1])
    matrix = csr_array((weights.ravel(), (rows, columns.ravel().astype(kind))), shape=(len(columns), size))
    matrix.sum_duplicates()
    matrix.eliminate_zeros()
    return matrix


def _kept(key: tuple[str, ...], make: Callable[[], csr_array]) -> csr_array:
    """Return the matrix of this key; the 256 used last are kept."""
    if key not in _cache:
        _cache[key] = make()
    _cache.move_to_end(key)
    while len(_cache) > _KEPT:
        _cache.popitem(last=False)
    return _cache[key]


def _key(place: Place) -> str:
    if isinstance(place, Mesh):
        return place.key
    if isinstance(place, Grid):
        return repr(place)
    return f"{place.shape}{hashlib.sha256(np.ascontiguousarray(place).tobytes()).hexdigest()}"


def _points(place: Place, dim: int | None = None) -> np.ndarray:
    points = np.asarray(grid_points(place) if isinstance(place, Grid) else getattr(place, "points", place), dtype=float)
    if points.ndim != 2 or (dim is not None and points.shape[1] != dim):
        wanted = "d" if dim is None else dim
        raise expected(f"points (M, {wanted})", f"shape {points.shape}", "Give as many coordinates as the source has.")
    if not np.isfinite(points).all():
        raise expected("finite coordinates", "others", "Repair the points.")
    return points


def _weights(place: Mesh | Grid) -> np.ndarray:
    return place.quadrature_weights if isinstance(place, Mesh) else grid_weights(place)
