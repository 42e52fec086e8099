"""Tables of series become fields, or are refused with the row that is wrong."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow
import pyarrow.parquet
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

import surrogate as sg
from surrogate.datasets import InputError, from_frame
from surrogate.datasets.readers import read_table
from surrogate.datasets.time_axis import axis_of, numbers_of, stamps_of


def table(rows: int = 6, step: str = "1h") -> pd.DataFrame:
    dates = pd.date_range("2024-03-30 22:00", periods=rows, freq=step)
    return pd.DataFrame({"date": dates.astype(str), "load": np.arange(rows) ** 2.0, "oil": -np.arange(rows) / 4})


def test_a_wide_table_is_one_sample() -> None:
    fields = from_frame(table(), units={"load": "MW"})
    assert fields["load"].dims == ("sample", "time")
    assert fields["load"].values.tolist() == [[0, 1, 4, 9, 16, 25]]
    assert fields["load"].attrs == {"units": "MW", "long_name": "load"}
    assert fields["time"].values.tolist() == [0, 3600, 7200, 10800, 14400, 18000]
    assert fields["time"].attrs["units"] == "seconds since 2024-03-30 22:00:00"
    assert xr.decode_cf(fields)["time"].values[-1] == np.datetime64("2024-03-31T03:00")


def test_a_long_table_is_many_samples() -> None:
    long = pd.concat([table().assign(id=name, load=lambda t, k=k: k * t["load"]) for k, name in enumerate("ba", 1)])
    fields = from_frame(long, series="id")
    assert fields["sample"].values.tolist() == ["b", "a"]
    np.testing.assert_array_equal(fields["load"][1], 2 * fields["load"][0])
    with pytest.raises(InputError, match=r"the same times for all series, got 5 of 'a' and 6 of 'b'"):
        from_frame(long[:-1], series="id")
    with pytest.raises(InputError, match=r"a column 'name', got only \['date', 'load', 'oil', 'id'\]"):
        from_frame(long, series="name")


def test_every_kind_of_table_gives_the_same_fields() -> None:
    reference = from_frame(table())
    indexed = table().assign(date=lambda t: pd.to_datetime(t["date"])).set_index("date")
    dataset = xr.Dataset.from_dataframe(indexed.rename_axis("time"))
    array = dataset.to_dataarray("field").transpose("time", "field")
    for same in (indexed, indexed.tz_localize("UTC"), dataset, array, indexed.to_period("h")):
        xr.testing.assert_identical(from_frame(same), reference)
    xr.testing.assert_identical(from_frame(indexed["load"]), reference[["load"]])
    numbered = from_frame(indexed.reset_index(drop=True))
    assert numbered["time"].values.tolist() == [0, 1, 2, 3, 4, 5]
    assert numbered["time"].attrs["units"] == "1"


@pytest.mark.parametrize("step", ["1s", "10min", "15min", "1h", "1D", "7D"])
def test_stamps_come_back(step: str) -> None:
    stamps = axis_of(pd.Index(table(50, step)["date"]))
    time, attrs = numbers_of(stamps)
    assert stamps_of(xr.DataArray(time, dims="time", attrs=attrs)).equals(stamps)


def spoil(row: int, column: str, value: object) -> pd.DataFrame:
    wrong = table().astype({"load": object})
    wrong.loc[row, column] = value
    return wrong


HOUR = "0 days 01:00:00"
BAD = {
    "duplicate": (spoil(3, "date", "2024-03-31 00:00:00"), "each time once, got 2024-03-31 00:00:00 twice in row 3"),
    "order": (spoil(3, "date", "2024-03-30 22:30:00"), "got 2024-03-30 22:30:00 after a later one in row 3"),
    "irregular": (spoil(3, "date", "2024-03-31 01:10:00"), f"step of {HOUR}, got 2024-03-31 01:10:00 off it in row 3"),
    "gap": (table().drop(index=3), f"a row every {HOUR}, got 2024-03-31 02:00:00 after a gap in row 3 .*'interpolate'"),
    "no time": (spoil(2, "date", "noon"), "a time in every row, got 'noon' in row 2"),
    "no number": (spoil(2, "load", "n/a?"), "numbers in 'load', got 'n/a\\?' in row 2"),
    "missing": (spoil(2, "load", np.nan), "1 missing values, the first in 'load' at row 2 .*'interpolate' or 'drop'"),
    "infinite": (spoil(2, "load", np.inf), r"finite values in 'load', got 1 that are not in sample 0"),
    "one row": (table(1), "at least two rows, got 1"),
    "no rows": (table(0), "a table with rows, got an empty one"),
    "no columns": (table()[["date"]], "a column of values beside the times"),
    "twice": (table().rename(columns={"oil": "load"}), "columns of different names, got 'load' twice"),
    "dates as values": (table().assign(oil=pd.Timestamp("2024-01-01")), "numbers in 'oil', got .* in row 0"),
    "another axis": (xr.Dataset({"u": (("time", "x"), np.ones((2, 2)))}), "variables over 'time' alone"),
}  # fmt: skip


@pytest.mark.parametrize("kind", BAD)
def test_bad_tables_are_refused_with_the_row(kind: str) -> None:
    frame, message = BAD[kind]
    with pytest.raises(InputError, match=message):
        from_frame(frame)


@given(row=st.integers(1, 8), kind=st.sampled_from(["twice", "after a gap", "off it"]), minutes=st.integers(1, 59))
def test_the_row_that_breaks_the_step_is_named_wherever_it_is(row: int, kind: str, minutes: int) -> None:
    frame = table(10)
    dates = pd.to_datetime(frame["date"])
    if kind == "twice":
        dates[row] = dates[row - 1]
    elif kind == "off it":
        dates[row] += pd.Timedelta(minutes=minutes)
    frame = frame.assign(date=dates)
    with pytest.raises(InputError, match=rf"{kind} in row {row}\b"):
        from_frame(frame.drop(index=row) if kind == "after a gap" else frame)


def test_bad_arguments_are_refused() -> None:
    with pytest.raises(InputError, match=r"a column 'when', got only"):
        from_frame(table(), time="when")
    with pytest.raises(Exception, match="fill"):  # jaxtyping's error where the tests check types
        from_frame(table(), missing="fill")
    with pytest.raises(InputError, match=r"units of columns out of \['load', 'oil'\], got \['gas'\]"):
        from_frame(table(), units={"gas": "m"})


@given(holes=st.sets(st.integers(1, 8)), gaps=st.sets(st.integers(1, 8), max_size=3))
def test_interpolation_restores_what_is_linear(holes: set[int], gaps: set[int]) -> None:
    frame = table(10)
    whole = from_frame(frame)[["oil"]]
    frame.loc[sorted(holes), "oil"] = np.nan
    holed = frame[["date", "oil"]].drop(index=sorted(gaps))
    xr.testing.assert_allclose(from_frame(holed, missing="interpolate"), whole, rtol=0, atol=1e-12)


def test_missing_values_at_the_ends_are_dropped_and_not_invented() -> None:
    frame = table()
    frame.loc[[0, 5], "load"] = np.nan
    fields = from_frame(frame, missing="drop")
    assert fields["load"].values.tolist() == [[1, 4, 9, 16]]
    assert fields["time"].attrs["units"] == "seconds since 2024-03-30 23:00:00"
    with pytest.raises(InputError, match=r"at row 0 .* no neighbor on one side: cut these rows first"):
        from_frame(frame, missing="interpolate")
    frame.loc[3, "load"] = np.nan
    with pytest.raises(InputError, match=r"at row 2 .* Rows in between cannot go without a gap"):
        from_frame(frame, missing="drop")
    with pytest.raises(InputError, match="at least one row without missing values"):
        from_frame(frame.assign(oil=np.nan), missing="drop")


def test_files_are_opened(tmp_path: Path) -> None:
    path = tmp_path / "plant.csv"
    table().to_csv(path, index=False)
    fields = sg.open_dataset(path, names={"oil": "temperature"})
    expected = from_frame(table().rename(columns={"oil": "temperature"})).assign_attrs(source="plant.csv")
    xr.testing.assert_identical(fields, expected)


def test_parquet_is_read_as_pandas_and_arrow_write_it(tmp_path: Path) -> None:
    frame = table().assign(date=lambda t: pd.to_datetime(t["date"]))
    single = frame.assign(load=frame["load"].astype("float32"), oil=frame["oil"].mul(4).astype("int16"))
    for name, written in {"plain": frame, "indexed": frame.set_index("date"), "narrow": single}.items():
        written.to_parquet(tmp_path / f"{name}.parquet")
        fields = sg.open_dataset(tmp_path / f"{name}.parquet")
        xr.testing.assert_identical(fields, from_frame(written).assign_attrs(source=f"{name}.parquet"))
        assert fields["load"].values.tolist() == [[0, 1, 4, 9, 16, 25]]
    arrow = pyarrow.table(
        {"date": pyarrow.array(frame["date"]), "load": pyarrow.array([1.0, None, 3.0, 4.0, 5.0, 6.0])}
    )
    pyarrow.parquet.write_table(arrow, tmp_path / "arrow.parquet", row_group_size=2, compression="zstd")
    with pytest.raises(InputError, match=r"1 missing values, the first in 'load' at row 1 .*arrow\.parquet"):
        sg.open_dataset(tmp_path / "arrow.parquet")
    assert read_table(tmp_path / "arrow.parquet", missing="interpolate")["load"].values[0, 1] == 2


def test_parquet_without_pyarrow_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table().to_parquet(tmp_path / "a.parquet")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(InputError, match=r"pyarrow, to read '.*a\.parquet', got none installed\. Run: pip install"):
        sg.open_dataset(tmp_path / "a.parquet")


def test_bad_files_are_refused(tmp_path: Path) -> None:
    gap = tmp_path / "gap.csv"
    table().drop(index=3).to_csv(gap, index=False)
    with pytest.raises(InputError, match=r"after a gap in row 3.*gap\.csv"):
        sg.open_dataset(gap)
    assert read_table(gap, missing="interpolate").sizes["time"] == 6
    with pytest.raises(InputError, match=r"`names` of columns out of .* got \['gas'\]"):
        read_table(gap, names={"gas": "a"})
    with pytest.raises(InputError, match=r"a file that ends in \.csv, \.parquet"):
        read_table(tmp_path / "a.xls")
    binary = tmp_path / "binary.csv"
    binary.write_bytes(bytes(range(256)))
    with pytest.raises(InputError, match=r"a readable table at .*binary\.csv"):
        read_table(binary)
    parquet = tmp_path / "a.parquet"
    parquet.write_bytes(b"PAR1")
    with pytest.raises(InputError, match=re.escape(str(parquet))):
        read_table(parquet)
