"""Zarr stores of versions 2 and 3."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import xarray as xr

from surrogate.datasets.errors import InputError, expected
from surrogate.datasets.readers.cf import conventional
from surrogate.datasets.readers.damage import unreadable

#: Files that say what a folder of a store holds, one array or group, or all.
NODES = (".zgroup", ".zarray", "zarr.json")
METADATA = (*NODES, ".zmetadata")


def is_zarr(path: Path) -> bool:
    """Return whether a folder is a store."""
    return path.is_dir() and any((path / name).is_file() for name in METADATA)


def read_zarr(path: Path, *, names: Mapping[str, str] | None = None) -> xr.Dataset:
    """Open a store, ours or another one that follows CF, lazily, as `read_cf` does, with the same options.

    In stores of version 2 that were not written by xarray the value for blocks that are not stored is 0: it is a value
    as others, no gap.

    Raises
    ------
    InputError
        The store is damaged, or holds Python objects, which could run code; as `read_cf`.
    """
    try:
        _refuse_pickles(path)
        _open_each(path)
        raw = xr.open_zarr(path, chunks=None, decode_cf=False, consolidated=(path / ".zmetadata").is_file())
        for variable in raw.variables.values():
            if not variable.attrs.get("_FillValue", 1):
                del variable.attrs["_FillValue"]
        fields = xr.decode_cf(raw, decode_times=False, decode_timedelta=False)
    except InputError:
        raise
    except Exception as error:  # a damaged store makes its parser raise anything
        raise unreadable("a readable Zarr store at", path, error) from error
    return conventional(fields, names, path)


def _refuse_pickles(path: Path) -> None:
    for found in path.rglob("*"):
        if found.name in METADATA:
            for codec in _codecs(json.loads(found.read_text())):
                if "pickle" in codec.lower():
                    do = "Store numbers instead of Python objects."
                    raise expected(f"no code in {str(found)!r}", f"the codec {codec!r}", do)


def _open_each(path: Path) -> None:
    """Raise what is wrong with the first damaged array or group.

    The library opens all at once, and prints some time later what else was wrong besides the first.
    """
    import zarr

    for node in sorted({found.parent for found in path.rglob("*") if found.name in NODES}):
        zarr.open(node, mode="r")


def _codecs(entry: Any) -> Iterator[str]:
    """Yield all that names a codec, at any depth."""
    if isinstance(entry, dict):
        yield from (str(entry[key]) for key in ("id", "name") if key in entry)
    for part in entry.values() if isinstance(entry, dict) else entry if isinstance(entry, list) else ():
        yield from _codecs(part)
