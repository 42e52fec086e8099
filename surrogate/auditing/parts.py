"""The parts of data that are audited together, opened."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import xarray as xr

from surrogate.datasets.errors import expected
from surrogate.datasets.fields import as_dataset
from surrogate.datasets.opening import open_dataset
from surrogate.datasets.readers.known_defects import KnownDefect


def named_parts(fields: Any, parts: Mapping[str, Any]) -> dict[str, Any]:
    """Return all parts by name: those of a tree that have samples, else ``train``, and the others.

    Raises
    ------
    InputError
        A name is there twice.
    """
    if isinstance(fields, xr.DataTree) and fields.children:
        every: dict[str, Any] = {name: node for name, node in fields.children.items() if node.sizes.get("sample", 1)}
    else:
        every = {"train" if "train" not in parts else "data": fields}
    twice = sorted(every.keys() & parts.keys())
    if twice:
        raise expected("parts of other names than those of the tree", twice, "Rename them.")
    return every | dict(parts)


def opened(given: Any, options: Mapping[str, Any]) -> tuple[xr.Dataset, list[str] | None]:
    """Return fields, not checked, and what their reader says of known defects; None where there was no reader.

    Raises
    ------
    InputError
        The file cannot be opened, or there is nothing in it.
    """
    texts: list[str] | None = None
    fields = given
    if isinstance(given, str | Path):
        texts = []
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", KnownDefect)
            fields = open_dataset(given, checked=False, **options)
        for warning in caught:
            if issubclass(warning.category, KnownDefect):
                texts.append(str(warning.message))
            else:
                warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)
    dataset = as_dataset(fields)
    empty = [str(dim) for dim, size in dataset.sizes.items() if not size]
    if empty or not dataset.data_vars:
        raise expected("fields with values", f"none along {empty[0]!r}" if empty else "none", "Nothing to audit.")
    return dataset, texts
