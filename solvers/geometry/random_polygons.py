"""Random polygons with random holes and inclusions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from surrogate.datasets.errors import expected
from surrogate.solvers.geometry.polygon import Polygon
from surrogate.solvers.random_streams import generator

Range = tuple[int, int]

_SHARPEST = 60.0  # degrees; in sharper corners no good triangles fit
_OUTER_RADIUS = (0.75, 1.0)
_DISC_RADIUS = (0.12, 0.25)
_SMALLEST_DISC = 0.06
_TRIES = 50


@dataclass(frozen=True)
class RandomPolygons:
    """Polygons around the origin within the unit circle, with holes and inclusions that do not touch.

    The corners of the outer loop have equal angles in the mean and radii from 0.75 to 1. Holes and inclusions are
    convex, with five to eight corners on circles at random places. Numbers are drawn by a generator keyed by
    ``(seed, index)``: a sample depends on nothing else.

    Parameters
    ----------
    corners, holes, inclusions
        Smallest and largest number, drawn uniformly.
    gap
        Smallest distance between two loops.

    Raises
    ------
    InputError
        Fewer than five corners, a range that is none, a gap that is not positive or leaves no room.
    """

    corners: Range = (5, 9)
    holes: Range = (0, 2)
    inclusions: Range = (1, 2)
    gap: float = 0.1

    def __post_init__(self) -> None:
        for name, least in (("corners", 5), ("holes", 0), ("inclusions", 0)):
            low, high = getattr(self, name)
            if not least <= low <= high:
                raise expected(f"a range of {name} from at least {least}", (low, high), f"Correct `{name}`.")
        if not 0 < self.gap < np.inf:
            raise expected("a positive gap", self.gap, "Correct `gap`.")

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> RandomPolygons:
        """Return the distribution that `settings` describes."""
        values: dict[str, Any] = dict(settings)
        if values.pop("distribution", None) != cls.__name__:
            raise expected(f"settings of {cls.__name__}", settings.get("distribution"), "Use its own class.")
        ranges: dict[str, Any] = {name: tuple(value) for name, value in values.items() if name != "gap"}
        return cls(**ranges, gap=values["gap"])

    @property
    def settings(self) -> dict[str, Any]:
        """The name and the parameters of this distribution (JSON)."""
        values = {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}
        return {"distribution": type(self).__name__, **values}

    def sample(self, *, seed: int, index: int) -> Polygon:
        """Return polygon ``index`` of the ensemble ``seed``.

        Raises
        ------
        InputError
            There is no room for so many holes and inclusions so far apart.
        """
        rng = generator(seed, index)
        outer = _outer_loop(rng, self.corners)
        n_holes, n_inclusions = (int(rng.integers(low, high + 1)) for low, high in (self.holes, self.inclusions))
        discs = self._discs(rng, outer, n_holes + n_inclusions)
        loops = [center + _ring(rng, int(rng.integers(5, 9)), (radius, radius), 0.2) for center, radius in discs]
        return Polygon(outer, tuple(loops[:n_holes]), tuple(loops[n_holes:]))

    def _discs(self, rng: np.random.Generator, outer: np.ndarray, count: int) -> list[tuple[np.ndarray, float]]:
        """Place discs apart from each other and from the outer loop, smaller ones where large ones find no place."""
        shape = Polygon(outer)
        discs: list[tuple[np.ndarray, float]] = []
        while len(discs) < count:
            radius = float(rng.uniform(*_DISC_RADIUS))
            while radius > _SMALLEST_DISC:
                centers = rng.uniform(-1, 1, (_TRIES, 2))
                free = shape.distance(centers) - radius - self.gap
                for other, its_radius in discs:
                    room = np.linalg.norm(centers - other, axis=1) - its_radius - radius - self.gap
                    free = np.minimum(free, room)
                possible = np.flatnonzero((free > 0) & shape.contains(centers))
                if len(possible):
                    discs.append((centers[possible[0]], radius))
                    break
                radius *= 0.9
            else:
                raise expected(f"room for {count} holes and inclusions", f"a gap of {self.gap}", "Use a smaller gap.")
        return discs


def _outer_loop(rng: np.random.Generator, corners: Range) -> np.ndarray:
    n = int(rng.integers(corners[0], corners[1] + 1))
    while True:
        loop = _ring(rng, n, _OUTER_RADIUS, 0.25)
        if _angles(loop).min() > _SHARPEST:
            return loop


def _ring(rng: np.random.Generator, n: int, radii: tuple[float, float], jitter: float) -> np.ndarray:
    angles = 2 * np.pi * (np.arange(n) + rng.uniform(-jitter, jitter, n) + rng.random()) / n
    ring: np.ndarray = rng.uniform(*radii, n)[:, None] * np.column_stack([np.cos(angles), np.sin(angles)])
    return ring


def _angles(loop: np.ndarray) -> np.ndarray:
    """Return the angle in degrees at each corner of a loop that runs against the clock."""
    ahead, behind = np.roll(loop, -1, axis=0) - loop, np.roll(loop, 1, axis=0) - loop
    turn = np.arctan2(behind[:, 1], behind[:, 0]) - np.arctan2(ahead[:, 1], ahead[:, 0])
    angles: np.ndarray = np.degrees(turn) % 360
    return angles
