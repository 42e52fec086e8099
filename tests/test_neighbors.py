"""Graphs of near points and coarser levels, against all pairs of points."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
import torch
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from surrogate.datasets import InputError, Mesh, MovingMesh, coarsen, farthest_points, open_dataset, save_dataset
from surrogate.datasets.fields import check
from surrogate.datasets.meshes.neighbors import nearest_graph, nearest_neighbors, radius_graph, radius_neighbors
from surrogate.solvers.geometry import RandomPolygons, triangulate

sizes = st.lists(st.integers(5, 30), min_size=1, max_size=4)


def ragged(sizes: list[int], seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(sum(sizes), 2, generator=generator), torch.tensor([0, *np.cumsum(sizes)])


def pairs(
    points: torch.Tensor, queries: torch.Tensor, sample: torch.Tensor, query_sample: torch.Tensor
) -> torch.Tensor:
    """Return the distances (queries, points), infinite across samples."""
    distance = torch.cdist(queries.double(), points.double(), compute_mode="donot_use_mm_for_euclid_dist")
    return torch.where(query_sample[:, None] == sample[None], distance, torch.inf)


def samples(ptr: torch.Tensor) -> torch.Tensor:
    return torch.repeat_interleave(torch.arange(len(ptr) - 1), ptr.diff())


@given(sizes, st.floats(0.01, 2.0))
def test_radius_graphs_equal_all_pairs(sizes: list[int], radius: float) -> None:
    points, ptr = ragged(sizes)
    distance = pairs(points, points, samples(ptr), samples(ptr)).fill_diagonal_(torch.inf)
    target, source = torch.nonzero(distance <= radius, as_tuple=True)
    assert torch.equal(radius_graph(points, radius, ptr), torch.stack([source, target]))


@given(sizes, sizes, st.integers(1, 5))
def test_nearest_neighbors_equal_sorted_pairs(sizes: list[int], others: list[int], k: int) -> None:
    count = min(len(sizes), len(others))
    (points, ptr), (queries, query_ptr) = ragged(sizes[:count]), ragged(others[:count], seed=1)
    distance = pairs(points, queries, samples(ptr), samples(query_ptr))
    source, target = nearest_neighbors(points, queries, k, ptr, query_ptr)
    assert torch.equal(target, torch.arange(len(queries)).repeat_interleave(k))
    assert torch.allclose(distance[target, source].reshape(-1, k), distance.sort(dim=1).values[:, :k])
    near = radius_neighbors(points, queries, 0.3, ptr, query_ptr)
    assert near.shape[1] == int((distance <= 0.3).sum())


def test_a_point_is_not_its_own_neighbor_even_among_equals() -> None:
    points = torch.tensor([[0.0, 0.0]] * 4 + [[1.0, 0.0]])
    source, target = nearest_graph(points, 2)
    assert (source != target).all()
    assert (points[source[target < 4]] == 0).all()


def test_samples_far_from_the_origin_stay_apart() -> None:
    points, ptr = ragged([20, 30])
    alone = nearest_graph(points[:20] + 1e3, 3)
    together = nearest_graph(torch.cat([points[:20] + 1e3, points[20:]]), 3, ptr)
    assert torch.equal(together[:, :60], alone)


def test_wrong_neighbors_are_refused() -> None:
    points, ptr = ragged([5, 3])
    with pytest.raises(InputError, match="at least 4 points in each sample, got 3 in sample 1"):
        nearest_graph(points, 3, ptr)
    with pytest.raises(InputError, match="a positive radius"):
        radius_graph(points, 0.0)
    with pytest.raises(InputError, match="at least one neighbor"):
        nearest_graph(points, 0)
    with pytest.raises(InputError, match="ptr that rises from 0 to 8"):
        radius_graph(points, 0.1, torch.tensor([0, 5, 7]))
    with pytest.raises(InputError, match="points and queries of as many samples, got 2 and 1"):
        nearest_neighbors(points, points, 1, ptr)
    with pytest.raises(InputError, match="finite points"):
        radius_graph(points * torch.nan, 0.1)


@pytest.mark.parametrize("index", range(3))
def test_coarser_levels_are_independent_and_cover_the_finer(index: int) -> None:
    mesh, _ = triangulate(RandomPolygons().sample(seed=0, index=index), 0.06)
    levels = coarsen(mesh, 4)
    for finer, coarser in itertools.pairwise(levels):
        inside = np.zeros(len(finer.points), dtype=bool)
        inside[coarser.chosen] = True
        assert not inside[finer.edges].all(axis=1).any()  # no two are neighbors
        own = coarser.chosen[coarser.cluster]
        others = np.flatnonzero(~inside)
        joined = {tuple(sorted(edge)) for edge in np.column_stack([others, own[others]]).tolist()}
        assert joined <= set(map(tuple, finer.edges.tolist()))  # each joins one of its neighbors
        assert np.array_equal(own[inside], np.flatnonzero(inside))
        assert 0.15 < len(coarser.points) / len(finer.points) < 0.4
        values = np.random.default_rng(0).standard_normal(len(finer.points))
        mean = coarser.restriction(finer.weights) @ values
        assert coarser.weights @ mean == pytest.approx(finer.weights @ values)
        assert coarser.restriction(finer.weights) @ coarser.prolongation() @ mean == pytest.approx(mean)
    assert levels[-1].weights.sum() == pytest.approx(mesh.cell_measures.sum())
    again = coarsen(mesh, 4)
    assert all(np.array_equal(a.chosen, b.chosen) for a, b in zip(levels, again, strict=True))


def test_farthest_points_halve_their_distance() -> None:
    """The first m are an m-point cover with at most twice the least radius: here all are within the last distance."""
    points = np.random.default_rng(0).random((500, 2))
    chosen = farthest_points(points, 40)
    assert len(set(chosen.tolist())) == 40
    distance = np.linalg.norm(points[:, None] - points[chosen], axis=2)
    apart = np.linalg.norm(points[chosen][:, None] - points[chosen], axis=2)[np.triu_indices(40, 1)]
    assert distance.min(axis=1).max() <= apart.min()


def test_wrong_hierarchies_are_refused() -> None:
    mesh = Mesh([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]], {"triangle": [[0, 1, 2]]})
    with pytest.raises(InputError, match="at most 2 levels of this mesh, got 3"):
        coarsen(mesh, 3)
    with pytest.raises(InputError, match="at least one level"):
        coarsen(mesh, 0)
    with pytest.raises(InputError, match="a count from 1 to 3, got 4"):
        farthest_points(mesh.points, 4)


def test_moving_meshes_come_back_from_a_file(tmp_path: Path) -> None:
    mesh, _ = triangulate(RandomPolygons().sample(seed=0, index=0), 0.4)
    times = [0.0, 0.5, 2.0]
    moving = MovingMesh(mesh, times, np.stack([mesh.points * (1 + t) for t in times]))
    u = np.random.default_rng(0).random((2, 3, mesh.n_points))
    fields = xr.Dataset({"u": (("sample", "time", "node"), u, {"units": "1"})}, coords=moving.coordinates("m", "s"))
    save_dataset(fields, tmp_path / "moving.h5")
    found = check(open_dataset(tmp_path / "moving.h5"))
    again = MovingMesh.from_fields(found)
    assert np.array_equal(again.points, moving.points)
    assert np.array_equal(again.times, times)
    assert again.mesh == mesh
    assert Mesh.from_fields(found.isel(time=2)) == moving.at(2)
    assert moving.at(2).cell_measures == pytest.approx(9 * mesh.cell_measures)
    with pytest.raises(InputError, match="nodes that do not move"):
        Mesh.from_fields(found)
    with pytest.raises(InputError, match="coordinates over time and node"):
        MovingMesh.from_fields(found.isel(time=0))


def test_wrong_motions_are_refused() -> None:
    mesh = Mesh([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]], {"triangle": [[0, 1, 2]]})
    mirrored = mesh.points * [1.0, -1.0]
    with pytest.raises(InputError, match=r"got 1 inverted cells, .* \(At time 1\.\)"):
        MovingMesh(mesh, [0.0, 1.0], [mesh.points, mirrored])
    with pytest.raises(InputError, match="increasing times"):
        MovingMesh(mesh, [1.0, 0.0], [mesh.points, mesh.points])
    with pytest.raises(InputError, match=r"points of shape \(2, 3, 2\), got \(1, 3, 2\)"):
        MovingMesh(mesh, [0.0, 1.0], [mesh.points])
