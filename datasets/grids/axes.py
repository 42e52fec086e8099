"""One axis of a grid: its points, its quadrature weights and the cells that these make."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

import numpy as np
from scipy.fft import dct

from surrogate.datasets.errors import expected

UNIFORM, CHEBYSHEV, TANH, POINTS = "uniform", "chebyshev", "tanh", "points"
Stretching = str | tuple[str, float] | tuple[float, ...]

_TOUCHING = 1e-6  # of the length of the axis: round-off of single precision is no mismatch


@dataclass(frozen=True)
class Axis:
    """``n`` points between ``low`` and ``high``; see `surrogate.Grid` for where they are."""

    name: str
    n: int
    low: float
    high: float
    periodic: bool
    location: Literal["node", "cell"]
    stretching: Stretching

    def checked_box(self) -> tuple[float, float]:
        """Return low and high, of given points to the last digit; raise `InputError` where they do not fit the rest."""
        if self.stretching == UNIFORM:
            return self.low, self.high
        if given_points(self.stretching) is None:
            if self.periodic:
                do = f"Give the points along {self.name} themselves, without the end point."
                raise expected(f"a closed axis {self.name} for this stretching", "a periodic one", do)
            return self.low, self.high
        points, closed = np.asarray(self.stretching), self.location == "cell" or not self.periodic
        what = f"{self.name}: {'edges of cells' if self.location == 'cell' else 'points'}"
        if len(points) != self.n + (self.location == "cell"):
            wanted = f"{self.n + (self.location == 'cell')} values for {what}"
            raise expected(wanted, len(points), "Correct `shape`, or give other points.")
        if not np.isfinite(points).all() or not np.all(np.diff(points) > 0):
            raise expected(f"increasing {what}", describe_steps(points), "Sort them, and leave out doubles.")
        ends = f"from {points[0]:.6g} to {points[-1]:.6g}"
        slack = _TOUCHING * self.length
        if closed and max(abs(points[0] - self.low), abs(points[-1] - self.high)) > slack:
            do = "Correct the extent; part of an axis is no grid of the whole."
            raise expected(f"{what} from {self.low:.6g} to {self.high:.6g}", ends, do)
        if not closed and not (self.low - slack <= points[0] and points[-1] < self.high - slack):
            do = "Leave out the end point, which is the first point again, or correct the extent."
            raise expected(f"{what} in [{self.low:.6g}, {self.high:.6g})", ends, do)
        return (float(points[0]), float(points[-1])) if closed else (self.low, self.high)

    @property
    def length(self) -> float:
        """Length of the axis."""
        return self.high - self.low

    @property
    def spacing(self) -> float:
        """Distance between neighbors if they were equally spaced."""
        return self.length / (self.n if self.location == "cell" or self.periodic else self.n - 1)

    @property
    def points(self) -> np.ndarray:
        """Coordinates of the points, float64."""
        if self.stretching == UNIFORM:
            return self.low + self.spacing * (np.arange(self.n) + (0.5 if self.location == "cell" else 0.0))
        if self.location == "cell":
            edges = self._stretched(self.n + 1)
            middles: np.ndarray = (edges[1:] + edges[:-1]) / 2
            return middles
        return self._stretched(self.n)

    @property
    def weights(self) -> np.ndarray:
        """Quadrature weights; their sum is the length."""
        closed_nodes = self.location == "node" and not self.periodic
        if self.stretching == UNIFORM:
            weights = np.full(self.n, self.spacing)
            if closed_nodes:
                weights[[0, -1]] /= 2
            return weights
        if self.location == "cell":
            return np.diff(self._stretched(self.n + 1))
        if self.stretching == CHEBYSHEV:
            return clenshaw_curtis(self.n) * self.length / 2
        gaps = np.diff(self.points)
        outer = 0.0 if closed_nodes else self.length - gaps.sum()
        return np.convolve([outer, *gaps, outer], [0.5, 0.5], mode="valid")

    @property
    def edges(self) -> np.ndarray:
        """Edges ``(n + 1,)`` of the cells around the points, each as wide as its weight.

        On a periodic axis of nodes the first cell begins before the first point.
        """
        if self.location == "cell":
            return self._stretched(self.n + 1)
        start = self.low
        if self.periodic:
            points = self.points
            start = points[0] - (points[0] + self.length - points[-1]) / 2
        edges = np.concatenate([[start], start + np.cumsum(self.weights)])
        edges[-1] = start + self.length
        return edges

    def _stretched(self, n: int) -> np.ndarray:
        """Return ``n`` values with both ends among them, or those that were given."""
        kind, centered = kind_of(self.stretching), 2 * np.arange(n) / (n - 1) - 1
        if kind == POINTS:
            return np.asarray(self.stretching, dtype=np.float64)
        if kind == CHEBYSHEV:
            centered = np.sin(np.pi / 2 * centered)  # minus the cosine, but symmetric to the last bit
        if kind == TANH:
            strength = float(self.stretching[1])
            centered = np.tanh(strength * centered) / np.tanh(strength)
        values: np.ndarray = self.low + self.length * (0.5 + 0.5 * centered)
        return values


def stretching_of(name: str, given: Any) -> Stretching:
    """Return the stretching of an axis in the form that compares and can be stored.

    Raises
    ------
    InputError
        It is none.
    """
    do = "Give 'uniform', 'chebyshev', ('tanh', strength) or the points."
    if isinstance(given, str):
        if given not in (UNIFORM, CHEBYSHEV):
            raise expected(f"a known stretching along {name}", repr(given), do)
        return given
    if isinstance(given, Sequence) and len(given) == 2 and given[0] == TANH:
        strength = float(given[1])
        if not 0 < strength <= 10:  # beyond, the points at the ends fall together in double precision
            raise expected(f"a strength of tanh above 0 and up to 10 along {name}", strength, "Good values: 1 to 3.")
        return (TANH, strength)
    try:
        values = np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError):
        raise expected(f"a known stretching along {name}", repr(given), do) from None
    if values.ndim != 1 or len(values) < 2:
        raise expected(f"a list of points along {name}", f"an array of shape {values.shape}", do)
    return tuple(values.tolist())


def given_points(stretching: Stretching) -> tuple[float, ...] | None:
    """Return the points (of cells: the edges) if they were given one by one, else None."""
    return cast(tuple[float, ...], stretching) if kind_of(stretching) == POINTS else None


def kind_of(stretching: Stretching) -> str:
    """Return ``uniform``, ``chebyshev``, ``tanh`` or ``points``."""
    if isinstance(stretching, str):
        return stretching
    return TANH if stretching[0] == TANH else POINTS


def clenshaw_curtis(n: int) -> np.ndarray:
    r"""Return the weights at :math:`-\cos(\pi j/(n-1))` on :math:`[-1, 1]`, exact for polynomials of degree n - 1.

    References
    ----------
    J. Waldvogel, "Fast construction of the Fejér and Clenshaw-Curtis quadrature rules", BIT 46 (2006).
    """
    moments = np.zeros(n)  # integrals of the Chebyshev polynomials
    even = np.arange(0, n, 2)
    moments[even] = 2 / (1 - even.astype(np.float64) ** 2)
    weights: np.ndarray = dct(moments, type=1) / (n - 1)
    weights[[0, -1]] /= 2
    return weights


def describe_steps(values: np.ndarray) -> str:
    """Return in words how far neighbors are apart."""
    steps = np.diff(values)
    return f"steps between {steps.min():.6g} and {steps.max():.6g}"
