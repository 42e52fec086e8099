from __future__ import annotations

import pytest
import torch
from torch_geometric.data import Batch, Data, HeteroData

from surrogate.datasets import InputError, Points

COUNTS = [3, 1, 4]
SAMPLES = [torch.rand(n, 2) for n in COUNTS]
VALUES = [torch.rand(n, 5) for n in COUNTS]
POINTS = Points.from_list(SAMPLES, VALUES)


def test_samples_lie_one_after_another():
    assert POINTS.ptr.tolist() == [0, 3, 4, 8]
    assert POINTS.batch.tolist() == [0, 0, 0, 1, 2, 2, 2, 2]
    assert POINTS.counts.tolist() == COUNTS
    assert POINTS.n_samples == 3


def test_split_takes_apart_what_from_list_joined():
    for sample, coordinates, values in zip(POINTS.split(), SAMPLES, VALUES, strict=True):
        assert torch.equal(sample.coordinates, coordinates)
        assert torch.equal(sample.values, values)
        assert sample.ptr.tolist() == [0, len(coordinates)]
    assert Points.from_list(SAMPLES).split()[0].values is None


def test_rows_cut_samples():
    part = POINTS.rows(2, 5)
    assert part.ptr.tolist() == [0, 1, 2, 3]
    assert torch.equal(part.coordinates, POINTS.coordinates[2:5])
    assert POINTS.rows(0, 3).ptr.tolist() == [0, 3, 3, 3]


def test_batch_of_torch_geometric_and_back():
    batch = Batch.from_data_list([Data(pos=pos, x=x) for pos, x in zip(SAMPLES, VALUES, strict=True)])
    points = Points.from_pyg(batch)
    assert all(torch.equal(one, two) for one, two in zip(points[:3], POINTS[:3], strict=True))
    again = POINTS.to_pyg()
    assert all(torch.equal(again[key], batch[key]) for key in ("pos", "x", "batch", "ptr"))


def test_node_store_of_a_heterogeneous_batch():
    samples = []
    for pos in SAMPLES:
        sample = HeteroData()
        sample["boundary"].pos = pos
        samples.append(sample)
    points = Points.from_pyg(Batch.from_data_list(samples)["boundary"])
    assert torch.equal(points.ptr, POINTS.ptr)
    assert points.values is None


def test_ptr_is_made_where_it_is_missing():
    assert Points.from_pyg(Data(pos=SAMPLES[0])).ptr.tolist() == [0, 3]
    assert Points.from_pyg(Data(pos=POINTS.coordinates, batch=POINTS.batch)).ptr.tolist() == [0, 3, 4, 8]
    with pytest.raises(InputError, match="Expected nodes in the order of their samples, got a `batch` that decreases"):
        Points.from_pyg(Data(pos=SAMPLES[0], batch=torch.tensor([0, 1, 0])))


def test_dtype_changes_and_ptr_does_not():
    points = POINTS.to(torch.float64)
    assert points.coordinates.dtype == points.values.dtype == torch.float64
    assert points.ptr.dtype == torch.int64


@pytest.mark.parametrize(
    ("points", "message"),
    [
        (lambda x: Points(x[0], torch.tensor([0, 3])), r"coordinates of points as floats .* of shape \(2,\)"),
        (lambda x: Points(x.long(), torch.tensor([0, 3])), "coordinates of points as floats"),
        (lambda x: Points(x, torch.tensor([0, 3]), x[:2]), r"values of points of shape \(3, channels\), got \(2, 2\)"),
        (lambda x: Points(x, torch.tensor([0.0, 3.0])), "ptr of points as int64"),
        (lambda x: Points(x, torch.tensor([0])), "ptr of points as int64"),
        (lambda x: Points(x, torch.tensor([0, 2])), r"ptr of points that rises from 0 to 3, got \[0, 2\]"),
        (lambda x: Points(x, torch.tensor([1, 3])), r"ptr of points that rises from 0 to 3, got \[1, 3\]"),
        (lambda x: Points(x, torch.tensor([0, 2, 1, 3])), "ptr of points that rises from 0 to 3"),
    ],
)
def test_what_does_not_fit_together_is_refused(points, message):
    with pytest.raises(InputError, match=f"Expected {message}"):
        points(torch.zeros(3, 2)).check()


def test_no_samples_are_refused():
    with pytest.raises(InputError, match="Expected at least one sample, got none"):
        Points.from_list([])


SIMPLICES = [torch.tensor([[0, 1, 2]]), torch.empty(0, 3, dtype=torch.int64), torch.tensor([[3, 0, 1], [1, 2, 3]])]


def test_simplices_keep_their_corners_when_samples_are_taken_apart_and_joined():
    parts = [part._replace(simplices=cells) for part, cells in zip(POINTS.split(), SIMPLICES, strict=True)]
    joined = Points.join(parts)
    assert joined.simplices.tolist() == [[0, 1, 2], [7, 4, 5], [5, 6, 7]]
    for sample, part in zip(joined.split(), parts, strict=True):
        assert all(torch.equal(one, two) for one, two in zip(sample, part, strict=True))
    backward = Points.join(joined.split()[::-1])
    assert backward.ptr.tolist() == [0, 4, 5, 8]
    assert backward.simplices.tolist() == [[3, 0, 1], [1, 2, 3], [5, 6, 7]]


def test_join_leaves_out_what_a_part_lacks():
    first, second, _ = POINTS.split()
    assert Points.join([first, second._replace(values=None)]).values is None
    with pytest.raises(InputError, match="Expected at least one batch, got none"):
        Points.join([])
