"""Random polygons and their triangulation."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pytest

from surrogate.datasets import InputError
from surrogate.solvers.geometry import Polygon, RandomPolygons, minimum_angles, triangulate

SQUARE = [[0, 0], [1, 0], [1, 1], [0, 1]]
HOLE = [[0.2, 0.2], [0.4, 0.2], [0.4, 0.4], [0.2, 0.4]]
INCLUSION = [[0.6, 0.6], [0.8, 0.6], [0.7, 0.8]]
DOMAIN = Polygon(SQUARE, holes=(HOLE,), inclusions=(INCLUSION,))


def edge_length(polygon: Polygon, points: int) -> float:
    """Return the edge of equilateral triangles of which that many points make up the polygon."""
    return math.sqrt(2 * polygon.area / math.sqrt(3) / points)


def test_polygons_know_what_they_contain() -> None:
    points = np.array([[0.1, 0.1], [0.3, 0.3], [0.7, 0.65], [1.1, 0.5]])
    assert DOMAIN.area == pytest.approx(0.96)
    assert DOMAIN.contains(points).tolist() == [True, False, True, False]
    assert DOMAIN.material(points).tolist() == [0, 0, 1, 0]
    assert DOMAIN.distance(points) == pytest.approx([0.1, 0.1, 0.05, 0.1])


def test_meshes_follow_every_side() -> None:
    mesh, material = triangulate(DOMAIN, 0.04)
    assert mesh.quadrature_weights.sum() == pytest.approx(0.96, rel=1e-12)
    assert mesh.cell_measures[material == 1].sum() == pytest.approx(0.02, rel=1e-12)  # no cell crosses the interface
    assert len(mesh.boundary_facets) == len(mesh.tags["outer"]) + len(mesh.tags["hole_0"])
    hole = mesh.points[mesh.tagged_points("hole_0")]
    assert (np.isclose(hole, 0.2) | np.isclose(hole, 0.4)).any(axis=1).all()
    lengths = np.linalg.norm(np.diff(mesh.points[mesh.edges], axis=1)[:, 0], axis=1)
    assert lengths.mean() == pytest.approx(0.04, rel=0.1)


@pytest.mark.parametrize(("points", "angle"), [(300, 15), (1000, 25), (3000, 25)])
def test_random_meshes_are_good_and_of_the_size_asked(points: int, angle: float) -> None:
    """With 300 points some sides are shorter than a triangle; the worst of 90 meshes had 19, 28 and 25 degrees."""
    for index in range(4):
        polygon = RandomPolygons().sample(seed=0, index=index)
        mesh, _ = triangulate(polygon, edge_length(polygon, points))
        assert mesh.quadrature_weights.sum() == pytest.approx(polygon.area, rel=1e-12)
        assert minimum_angles(mesh).min() > angle
        assert mesh.n_points == pytest.approx(points, rel=0.15)


def test_samples_depend_on_seed_and_index_only() -> None:
    distribution = RandomPolygons()
    first, again, other = (distribution.sample(seed=s, index=3) for s in (0, 0, 1))
    assert np.array_equal(first.segments, again.segments)
    assert not np.array_equal(first.outer, other.outer)
    assert triangulate(first, 0.1)[0] == triangulate(again, 0.1)[0]


@pytest.mark.parametrize("index", range(20))
def test_loops_of_random_polygons_keep_their_distance(index: int) -> None:
    distribution = RandomPolygons(holes=(2, 2), inclusions=(2, 2), gap=0.08)
    polygon = distribution.sample(seed=5, index=index)
    assert (len(polygon.holes), len(polygon.inclusions)) == (2, 2)
    for number, loop in enumerate(polygon.loops):
        others = Polygon(polygon.outer, tuple(other for i, other in enumerate(polygon.loops) if i not in (0, number)))
        if number:
            assert others.distance(loop).min() >= 0.08


def test_settings_identify_the_distribution() -> None:
    distribution = RandomPolygons(holes=(1, 3), gap=0.05)
    assert RandomPolygons.from_settings(json.loads(json.dumps(distribution.settings))) == distribution
    with pytest.raises(InputError, match="settings of RandomPolygons, got Disc"):
        RandomPolygons.from_settings(distribution.settings | {"distribution": "Disc"})


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"outer": SQUARE[:2]}, r"at least three corners \(n, 2\) of the outer loop"),
        ({"outer": [[0, 0], [1, 1], [2, 2]]}, "around an area in the outer loop"),
        ({"outer": [[0, 0], [1, 1], [1, 0], [0, 1]]}, "around an area|loops that do not cross"),
        ({"outer": SQUARE, "holes": ([[0.5, 0.5], [1.5, 0.5], [0.5, 0.7]],)}, "loops that do not cross"),
        ({"outer": SQUARE, "holes": (np.array(HOLE) + 2,)}, "inside of the outer loop, got another place of loop 1"),
        ({"outer": SQUARE, "holes": (HOLE,), "inclusions": ([[0.25, 0.25], [0.3, 0.25], [0.3, 0.3]],)}, "of loop 2"),
    ],
)
def test_wrong_polygons_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Polygon(**arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"corners": (3, 5)}, "a range of corners from at least 5"),
        ({"holes": (2, 1)}, r"a range of holes from at least 0, got \(2, 1\)"),
        ({"gap": 0.0}, "a positive gap"),
    ],
)
def test_wrong_distributions_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        RandomPolygons(**arguments)


def test_what_cannot_be_done_is_said() -> None:
    with pytest.raises(InputError, match=r"room for 9 holes and inclusions, got a gap of 0.3. Use a smaller gap"):
        RandomPolygons(holes=(9, 9), inclusions=(0, 0), gap=0.3).sample(seed=0, index=0)
    with pytest.raises(InputError, match="a positive size"):
        triangulate(DOMAIN, 0.0)
    box, tip = [[0.2, 0.5], [0.5, 0.5], [0.5, 0.8], [0.2, 0.8]], [[0.3, 0.2], [0.4, 0.2], [0.35, 0.49]]
    narrow = Polygon(SQUARE, holes=(box, tip))
    with pytest.raises(InputError, match=r"that triangles of size 0.3 can follow"):
        triangulate(narrow, 0.3)
