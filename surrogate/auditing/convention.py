"""The field convention."""

from __future__ import annotations

from collections.abc import Iterator

import xarray as xr

from surrogate.auditing.finding import Finding
from surrogate.datasets.errors import InputError
from surrogate.datasets.fields import check


def convention(fields: xr.Dataset) -> Iterator[Finding]:
    """Find what breaks the field convention, in each field by itself."""
    said = set()
    for name in fields.data_vars:
        try:
            check(fields[[name]].assign_coords(fields.coords), values=False)
        except InputError as error:
            said.add(str(error))
    try:
        check(fields, values=False)
    except InputError as error:
        said.add(str(error))
    for text in sorted(said):
        what, _, cure = text.partition(". ")
        yield Finding("error", what, cure)
