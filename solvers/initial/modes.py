"""Sums of plane waves on periodic boxes, at the points of any grid."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from surrogate.datasets.errors import expected
from surrogate.datasets.grids.grid import Grid
from surrogate.solvers.spectral import require_periodic


def require_box(grid: Grid, *dims: int) -> None:
    """Raise `InputError` unless ``grid`` is periodic and uniform and its dimension one of ``dims``."""
    require_periodic(grid)
    if grid.dim not in dims:
        words = " or ".join(map(str, dims))
        raise expected(f"a grid of dimension {words}", grid.shape, "Choose a distribution for this dimension.")


@lru_cache(maxsize=4)
def half_space(n_frequencies: int, dim: int) -> np.ndarray:
    r"""Return numbers m of modes with :math:`0 < \max_i |m_i| \le M`, one of each pair m and -m: ``(dim, mode)``.

    Their order is that of :math:`\max_i |m_i|`, so that those for a smaller M come first. Do not write to it.
    """
    axes = [np.arange(-n_frequencies, n_frequencies + 1)] * (dim - 1) + [np.arange(n_frequencies + 1)]
    numbers = np.stack([axis.ravel() for axis in np.meshgrid(*axes, indexing="ij")])
    last = np.zeros(numbers.shape[1])
    for component in numbers:
        last = np.where(component != 0, component, last)
    numbers = numbers[:, last > 0]  # the last component that is not zero
    numbers = numbers[:, np.lexsort((*numbers[::-1], abs(numbers).max(axis=0)))]
    numbers.flags.writeable = False
    return numbers


def wavevectors(numbers: np.ndarray, *lengths: float) -> np.ndarray:
    r"""Return :math:`k_i = 2 \pi m_i / L_i` of modes m, ``(dim, mode)``."""
    vectors: np.ndarray = 2 * np.pi * numbers / np.array(lengths)[:, None]
    return vectors


def plane_waves(numbers: np.ndarray, coefficients: np.ndarray, grid: Grid) -> np.ndarray:
    r"""Return :math:`\Re \sum_m c_m e^{i k_m \cdot y}`, y from the center of the box, at the points of a periodic grid.

    A grid receives the modes below its Nyquist frequency, :math:`|m_i| < n_i / 2` on every axis.

    Parameters
    ----------
    numbers
        Modes of a `half_space`, ``(dim, mode)``.
    coefficients
        Complex amplitudes ``(*channels, mode)``.
    grid
        A periodic grid.
    """
    shape = np.array(grid.shape)
    held = (2 * abs(numbers) < shape[:, None]).all(axis=0)
    numbers, coefficients = numbers[:, held], coefficients[..., held]
    first = 0.5 / shape if grid.location == "cell" else np.zeros(grid.dim)
    half = shape.prod() / 2 * coefficients * np.exp(2j * np.pi * (first - 0.5) @ numbers)
    modes = np.zeros((*coefficients.shape[:-1], *grid.shape[:-1], grid.shape[-1] // 2 + 1), dtype=np.complex128)
    flat = numbers[-1] == 0  # where the transform takes both m and -m
    modes[(..., *-numbers[:, flat])] = half[..., flat].conj()
    modes[(..., *numbers)] = half
    values: np.ndarray = np.fft.irfftn(modes, s=grid.shape, axes=tuple(range(-grid.dim, 0)))
    return values
