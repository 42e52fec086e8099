"""Polygons with holes and with inclusions of other materials."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from surrogate.datasets.errors import expected


@dataclass(frozen=True, eq=False)
class Polygon:
    r"""A polygon, less holes, with inclusions; each of them a loop of corners ``(n, 2)``, the last joined to the first.

    Loops may run either way; they must not touch or cross each other.

    Parameters
    ----------
    outer
        The outer loop.
    holes
        Loops that bound what is left out.
    inclusions
        Loops that bound other materials: inclusion number i is material i + 1, what is left is material 0.

    Raises
    ------
    InputError
        A loop with fewer than three corners or no area, one that crosses itself or another, holes or inclusions that
        are not inside of the outer loop, or within each other.
    """

    outer: Any
    holes: tuple[Any, ...] = ()
    inclusions: tuple[Any, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "outer", _loop("the outer loop", self.outer))
        for name in ("holes", "inclusions"):
            loops = tuple(_loop(f"loop {i} of {name}", loop) for i, loop in enumerate(getattr(self, name)))
            object.__setattr__(self, name, loops)
        if _any_crossing(self.segments):
            raise expected("loops that do not cross", "some that do", "Move them apart.")
        for number, loop in enumerate(self.loops[1:], start=1):
            within = [
                other for place, other in enumerate(self.loops) if place != number and contains(other, loop[:1])[0]
            ]
            if len(within) != 1 or within[0] is not self.outer:
                do = "Move it; holes and inclusions do not contain each other."
                raise expected("holes and inclusions inside of the outer loop", f"another place of loop {number}", do)

    @property
    def loops(self) -> tuple[np.ndarray, ...]:
        """The outer loop, the holes, the inclusions."""
        return (self.outer, *self.holes, *self.inclusions)

    @cached_property
    def segments(self) -> np.ndarray:
        """Both ends of the sides of all loops, ``(n, 2, 2)``."""
        return np.concatenate([np.stack([loop, np.roll(loop, -1, axis=0)], axis=1) for loop in self.loops])

    @property
    def area(self) -> float:
        """Area without that of the holes."""
        return area(self.outer) - sum(area(hole) for hole in self.holes)

    @property
    def n_materials(self) -> int:
        """One more than there are inclusions."""
        return 1 + len(self.inclusions)

    def contains(self, points: np.ndarray) -> np.ndarray:
        """Return for each point (n, 2) whether it lies in the outer loop and in no hole."""
        inside = contains(self.outer, points)
        for hole in self.holes:
            inside &= ~contains(hole, points)
        return inside

    def material(self, points: np.ndarray) -> np.ndarray:
        """Return the number of the material at each point (n, 2)."""
        material = np.zeros(len(points), dtype=np.int64)
        for number, loop in enumerate(self.inclusions, start=1):
            material[contains(loop, points)] = number
        return material

    def distance(self, points: np.ndarray) -> np.ndarray:
        """Return the distance of each point (n, 2) to the nearest loop."""
        nearest: np.ndarray = distances(points, self.segments).min(axis=1)
        return nearest


def area(loop: np.ndarray) -> float:
    """Return the area within a loop."""
    x, y = loop.T
    return float(abs(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2)


def contains(loop: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Return for each point (n, 2) whether a ray from it crosses the loop an odd number of times."""
    (x0, y0), (x1, y1) = loop.T[:, None], np.roll(loop, -1, axis=0).T[:, None]
    x, y = points[:, :1], points[:, 1:]
    straddles = (y0 > y) != (y1 > y)
    left = (x1 - x0) * (y - y0) - (x - x0) * (y1 - y0)
    crossed = straddles & ((left > 0) == (y1 > y0))
    odd: np.ndarray = crossed.sum(axis=1) % 2 == 1
    return odd


def distances(points: np.ndarray, segments: np.ndarray) -> np.ndarray:
    """Return the distance ``(n, m)`` of each point (n, 2) to each segment (m, 2, 2)."""
    start, along = segments[:, 0], segments[:, 1] - segments[:, 0]
    relative = points[:, None] - start
    fraction = np.clip((relative * along).sum(axis=-1) / (along**2).sum(axis=-1), 0, 1)
    distances: np.ndarray = np.linalg.norm(relative - fraction[..., None] * along, axis=-1)
    return distances


def _loop(name: str, corners: Any) -> np.ndarray:
    loop = np.array(corners, dtype=np.float64)
    if loop.ndim != 2 or loop.shape[1] != 2 or len(loop) < 3:
        raise expected(f"at least three corners (n, 2) of {name}", f"shape {loop.shape}", "Correct it.")
    sides = np.linalg.norm(np.roll(loop, -1, axis=0) - loop, axis=1)
    if not np.isfinite(loop).all() or not sides.min() > 0 or area(loop) <= 1e-12 * sides.max() ** 2:
        raise expected(f"finite, different corners around an area in {name}", loop.tolist(), "Correct it.")
    return loop


def _any_crossing(segments: np.ndarray) -> bool:
    """Return whether two sides meet elsewhere than at their ends."""
    a, b = segments[:, None, 0], segments[:, None, 1]
    c, d = segments[None, :, 0], segments[None, :, 1]
    crossed = (_turn(a, b, c) * _turn(a, b, d) < 0) & (_turn(c, d, a) * _turn(c, d, b) < 0)
    return bool(crossed.any())


def _turn(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> np.ndarray:
    u, v = b - a, c - a
    turn: np.ndarray = u[..., 0] * v[..., 1] - u[..., 1] * v[..., 0]
    return turn
