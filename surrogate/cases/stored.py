"""The case that made some data, from what they say of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import xarray as xr

import surrogate.cases
from surrogate.cases.case import Case
from surrogate.cases.steady_case import SteadyCase


def stored_case(fields: xr.Dataset) -> Case | SteadyCase | None:
    """Return the case that generated ``fields``, or None if they do not name one of ours."""
    return case_of(json.loads(fields.attrs["case"])) if "case" in fields.attrs else None


def case_of(settings: Mapping[str, Any]) -> Case | SteadyCase | None:
    """Return the case with these settings, or None if it is not one of ours."""
    kinds = {name: getattr(surrogate.cases, name) for name in dir(surrogate.cases)}
    kind = kinds.get(str(settings.get("case")))
    if not (isinstance(kind, type) and issubclass(kind, Case | SteadyCase)):
        return None
    case = kind.from_settings(settings)
    assert isinstance(case, Case | SteadyCase)
    return case
