"""Parts of series: sizes, borders, and no target in two of them."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from surrogate.datasets import ConstantSeries, InputError, Signature, Windows, from_frame, prepare
from surrogate.datasets.samples.splits import PARTS, refuse_overlap


def series(rows: int) -> xr.Dataset:
    """Return a series whose value is the number of its row."""
    return from_frame(pd.DataFrame({"u": np.arange(float(rows)), "v": -np.arange(float(rows))}))


def split(rows: int, history: int = 3, horizon: int = 2, **options: Any) -> xr.DataTree:
    sizes = {"history": history, "horizon": horizon, "split_by": "time"}
    return prepare(series(rows), inputs=["u", "v"], outputs=["u", "v"], **{**sizes, **options})


def targets(tree: xr.DataTree, part: str) -> np.ndarray:
    windows = Windows(tree[part].to_dataset(), Signature.from_data(tree))
    return np.stack([windows[i]["y"][::2].numpy() for i in range(len(windows))])


@given(
    sizes=st.tuples(st.integers(5, 30), st.integers(2, 20), st.integers(2, 20)),
    history=st.integers(1, 3),
    horizon=st.integers(1, 2),
)
def test_every_target_of_a_part_lies_in_it_and_none_is_left_out(sizes: Any, history: int, horizon: int) -> None:
    tree = split(sum(sizes) + 7, history, horizon, split=sizes)
    start = 0
    for part, size in zip(PARTS, sizes, strict=True):
        found = targets(tree, part)
        first = start + (history if part == "train" else 0)
        assert len(found) == start + size - first - horizon + 1
        assert found.min() == first
        assert found.max() == start + size - 1
        start += size


@pytest.mark.parametrize(
    ("rows", "shares", "counts"),
    [  # of the literature: fractions cut down for train and test
        (52_696, (0.7, 0.1, 0.2), (36_887, 5270, 10_539)),
        (26_304, (0.7, 0.1, 0.2), (18_412, 2632, 5260)),
        (17_544, (0.7, 0.1, 0.2), (12_280, 1756, 3508)),
        (7588, (0.7, 0.1, 0.2), (5311, 760, 1517)),
        (966, (0.7, 0.1, 0.2), (676, 97, 193)),
    ],
)
def test_fractions_give_the_borders_of_the_literature(rows: int, shares: Any, counts: tuple[int, ...]) -> None:
    tree = split(rows, history=1, horizon=1, split=shares)
    sizes = [tree[part].sizes["time"] for part in PARTS]
    assert tuple(sizes) == (counts[0], counts[1] + 1, counts[2] + 1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rows": 4}, r"at least 5 frames, got 4 frames"),
        (
            {"rows": 9, "split": (4, 3, 2)},
            r"at least 5 rows in 'train' for history=3, horizon=2, got 4",
        ),
        ({"rows": 9, "split": (7, 1, 1)}, r"at least 2 rows in 'validation' .* got 1"),
        ({"rows": 9, "split": (7, 2, 1)}, r"counts that sum to at most 9 rows"),
        ({"rows": 20, "split": (0.7, 0.2, 0.2)}, "fractions that sum to 1"),
        ({"rows": 20, "split": (-1, 10, 2)}, "three non-negative numbers"),
        ({"rows": 20, "group": "u"}, r"without groups, to split by time, got group='u'"),
    ],
)
def test_splits_that_do_not_fit_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        split(**options)


@pytest.mark.parametrize(
    "shares",
    [(0.7, 0.1, 0.2), (0.6, 0.2, 0.2), (0.8, 0.0, 0.2), (0.5, 0.5, 0.0), (7, 1, 1), (3, 9, 1)],
)
def test_a_short_series_is_told_how_many_rows_are_needed(shares: Any) -> None:
    with pytest.raises(InputError, match=r"Give at least (\d+) rows") as refused:
        split(sum(shares) if sum(shares) > 1 else 5, split=shares)
    needed = int(re.findall(r"at least (\d+) rows, or", str(refused.value))[0])
    if sum(shares) > 1:
        assert needed == sum(max(count, least) for count, least in zip(shares, (5, 2, 2), strict=True))
        return
    split(needed, split=shares)
    with pytest.raises(InputError):
        split(needed - 1, split=shares)


def test_a_series_that_is_constant_in_training_warns() -> None:
    fields = series(30)
    fields["v"] = fields["v"].where(fields["time"] >= 25, 4.0)
    with pytest.warns(ConstantSeries, match="'v' is constant in the training part"):
        prepare(fields, inputs=["u", "v"], outputs=["u", "v"], split_by="time")


def test_leakage_by_time_is_refused() -> None:
    tree = split(40)
    training = tree["train"].to_dataset()
    refuse_overlap(training, tree["validation"].to_dataset(), 3)
    early = training.isel(time=slice(-6, None))
    with pytest.raises(InputError, match=r"got targets from time 29 on where training ends at 31"):
        refuse_overlap(training, early, 3)
    with pytest.raises(InputError, match="more than 3 rows to judge by, got 3"):
        refuse_overlap(training, early.isel(time=slice(3)), 3)
