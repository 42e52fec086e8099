"""Every window against slicing with loops."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import xarray as xr

from surrogate.datasets import Grid, InputError, Signature, Windows, open_dataset, prepare, save_dataset

AsFields = Callable[..., xr.Dataset]
rng = np.random.default_rng(0)


def part(as_fields: AsFields, history: int, horizon: int, stride: int = 1) -> xr.Dataset:
    shape = (4, 7, 5)
    variables = {
        "u": ("sample time x", rng.normal(size=shape)),
        "v": ("sample time x", rng.normal(size=shape)),
        "load": ("sample time x", rng.normal(size=shape)),
        "slope": ("sample x", rng.normal(size=(4, 5))),
        "re": ("sample", rng.normal(size=4)),
    }
    fields = as_fields(Grid(shape=(5,)), variables, time=range(7))
    tree = prepare(
        fields,
        inputs=["u", "v", "load", "slope", "re"],
        outputs=["u", "v"],
        history=history,
        horizon=horizon,
        stride=stride,
        split=(4, 0, 0),
    )
    return tree["train"].to_dataset()


@pytest.mark.parametrize("stride", [1, 2, 5])
@pytest.mark.parametrize(("history", "horizon"), [(1, 1), (3, 1), (1, 2), (2, 3), (6, 1)])
def test_every_window_equals_naive_slicing(as_fields: AsFields, history: int, horizon: int, stride: int) -> None:
    fields = part(as_fields, history, horizon, stride)
    windows = Windows(fields, Signature.from_data(fields), torch.float64)
    u, v, load, slope, re = (fields[name].values for name in ("u", "v", "load", "slope", "re"))
    number = 0
    for sample in range(4):
        for start in range(0, 7 - history - horizon + 1, stride):
            item = windows[number]
            now = start + history - 1  # the last frame that is known
            x = [array[sample, start + k] for k in range(history) for array in (u, v)]
            y = [array[sample, now + 1 + k] for k in range(horizon) for array in (u, v)]
            np.testing.assert_array_equal(item["x"], np.stack(x))
            np.testing.assert_array_equal(item["y"], np.stack(y))
            np.testing.assert_array_equal(item["forcing"], load[sample, now][None])
            np.testing.assert_array_equal(item["static"], slope[sample][None])
            np.testing.assert_array_equal(item["parameters"], re[sample][None])
            number += 1
    assert len(windows) == number


@pytest.mark.parametrize(("horizon", "frames", "calls"), [(1, 3, 3), (2, 4, 2), (2, 5, 3)])
def test_longer_windows_hold_the_forcing_of_every_call(
    as_fields: AsFields, horizon: int, frames: int, calls: int
) -> None:
    fields = part(as_fields, 2, horizon)
    windows = Windows(fields, Signature.from_data(fields), torch.float64, frames)
    per_sample = 7 - 2 - frames + 1
    assert len(windows) == 4 * per_sample
    item = windows[per_sample]  # the first of the second sample
    y = fields[["u", "v"]].to_array().values[:, 1, 2 : 2 + frames].swapaxes(0, 1)
    np.testing.assert_array_equal(item["y"], y.reshape(2 * frames, 5))
    np.testing.assert_array_equal(item["forcing"], fields["load"].values[1, 1 : 1 + (calls - 1) * horizon + 1])
    with pytest.raises(InputError, match="at least 8 frames, 2 to start from, got 7 frames"):
        Windows(fields, Signature.from_data(fields), torch.float64, 6)


@pytest.mark.parametrize("indices", [[5, 0, 11, 5], [4, 5, 6, 7], [3, 4], [0, 2], [9, 8], [6, 6], [15]])
def test_a_batch_is_its_items(as_fields: AsFields, indices: list[int]) -> None:
    fields = part(as_fields, 2, 2)
    windows = Windows(fields, Signature.from_data(fields))
    batch = windows.__getitems__(indices)
    for key, values in batch.items():
        assert torch.equal(values, torch.stack([windows[index][key] for index in indices]))
        assert values.dtype == torch.float32


def test_steady_samples_are_their_own_windows(as_fields: AsFields) -> None:
    a, p, re = rng.normal(size=(4, 5)), rng.normal(size=(4, 5)), rng.normal(size=4)
    fields = as_fields(Grid(shape=(5,)), {"a": ("sample x", a), "p": ("sample x", p), "re": ("sample", re)})
    data = prepare(fields, inputs=["a", "re"], outputs=["p"], split=(4, 0, 0))["train"].to_dataset()
    windows = Windows(data, Signature.from_data(data), torch.float64)
    assert len(windows) == 4
    for sample in range(4):
        item = windows[sample]
        assert set(item) == {"x", "y", "parameters"}
        np.testing.assert_array_equal(item["x"], a[sample][None])
        np.testing.assert_array_equal(item["y"], p[sample][None])
        assert item["parameters"].item() == re[sample]


@pytest.mark.parametrize("stride", [1, 2])
def test_windows_that_follow_each_other_are_views(as_fields: AsFields, stride: int) -> None:
    fields = part(as_fields, 2, 2, stride)
    windows = Windows(fields, Signature.from_data(fields))
    each = len(windows) // 4
    batch, item = windows.__getitems__(list(range(each, 2 * each))), windows[0]
    for key, values in batch.items():
        assert values.untyped_storage().data_ptr() == item[key].untyped_storage().data_ptr(), key


def test_a_single_field_is_not_copied(as_fields: AsFields) -> None:
    values = rng.normal(size=(3, 6, 5)).astype(np.float32)
    fields = as_fields(Grid(shape=(5,)), {"u": ("sample time x", values)}, time=range(6))
    data = prepare(fields, inputs=["u"], outputs=["u"], split=(3, 0, 0))["train"].to_dataset()
    windows = Windows(data, Signature.from_data(data))
    assert np.shares_memory(windows[0]["x"].numpy(), data["u"].values)


def test_only_the_training_part_has_a_stride(as_fields: AsFields) -> None:
    values = rng.normal(size=(3, 9, 5))
    fields = as_fields(Grid(shape=(5,)), {"u": ("sample time x", values)}, time=range(9))
    data = prepare(fields, inputs=["u"], outputs=["u"], stride=3, split=(1, 1, 1))
    numbers = {part: len(Windows(node.to_dataset(), Signature.from_data(data))) for part, node in data.children.items()}
    assert numbers == {"train": 3, "validation": 8, "test": 8}
    with pytest.raises(InputError, match=r"history, horizon and stride of at least 1, got \(1, 1, 0\)"):
        prepare(fields, inputs=["u"], outputs=["u"], stride=0)


def test_there_is_no_window_beyond_the_last(as_fields: AsFields) -> None:
    fields = part(as_fields, 2, 2)
    windows = Windows(fields, Signature.from_data(fields))
    with pytest.raises(IndexError, match=r"below 16, got \[3, 16\]"):
        windows.__getitems__([3, 16])
    assert len(list(windows)) == 16  # Python's protocol of sequences


@pytest.mark.parametrize("names", [["u"], ["u", "v"]])
@pytest.mark.parametrize("points", [4, 200_000])  # many samples read at once, and one by one
def test_windows_of_a_file_are_those_of_memory(
    as_fields: AsFields, tmp_path: Path, names: list[str], points: int
) -> None:
    variables = {name: ("sample time x", rng.normal(size=(6, 3, points))) for name in names}
    fields = as_fields(Grid(shape=(points,)), variables, time=range(3))
    save_dataset(fields, tmp_path / "fields.h5")
    batches = []
    with open_dataset(tmp_path / "fields.h5") as opened:
        for source in (fields, opened):
            data = prepare(source, inputs=names, outputs=names, split=(4, 1, 1))
            windows = Windows(data["train"].to_dataset(), Signature.from_data(data), torch.float64)
            batches.append(windows.__getitems__([5, 0, 7, 2]))
    assert all(torch.equal(batches[0][key], batches[1][key]) for key in batches[0])
