"""All checks, by the words that a report calls them. To add one, write its file and its line here."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import xarray as xr

from surrogate.auditing.boundary_data import boundary_data
from surrogate.auditing.conserved import conserved
from surrogate.auditing.constants import constants
from surrogate.auditing.convention import convention
from surrogate.auditing.dirichlet_sides import dirichlet_sides
from surrogate.auditing.duplicates import duplicates
from surrogate.auditing.failed_samples import failed_samples
from surrogate.auditing.finding import Finding
from surrogate.auditing.frozen import frozen
from surrogate.auditing.known_equation import Equation
from surrogate.auditing.maximum_principle import maximum_principle
from surrogate.auditing.near_duplicates import near_duplicates
from surrogate.auditing.not_finite import not_finite
from surrogate.auditing.outliers import outliers
from surrogate.auditing.periodic_sides import periodic_sides
from surrogate.auditing.precision import precision
from surrogate.auditing.split_overlap import split_overlap
from surrogate.auditing.steady_residual import steady_residual
from surrogate.auditing.step_residual import step_residual
from surrogate.auditing.time_axis import time_axis
from surrogate.auditing.time_overlap import time_overlap
from surrogate.auditing.unit_sense import unit_sense
from surrogate.auditing.windows_in_time import windows_in_time

#: Of fields alone.
ON_FIELDS: dict[str, Callable[[xr.Dataset], Iterator[Finding]]] = {
    "field convention": convention,
    "finite values": not_finite,
    "failed samples": failed_samples,
    "constant fields": constants,
    "repeated frames": frozen,
    "outliers": outliers,
    "precision": precision,
    "duplicates": duplicates,
    "near duplicates": near_duplicates,
    "windows in time": windows_in_time,
    "units": unit_sense,
    "time axis": time_axis,
    "periodic sides": periodic_sides,
    "Dirichlet sides": dirichlet_sides,
}
#: Of fields and the equation that they should satisfy.
ON_EQUATION: dict[str, Callable[[xr.Dataset, Equation], Iterator[Finding]]] = {
    "step residual": step_residual,
    "steady residual": steady_residual,
    "conservation": conserved,
    "maximum principle": maximum_principle,
    "boundary data": boundary_data,
}
#: Of the parts of a split.
BETWEEN_PARTS: dict[str, Callable[[Mapping[str, xr.Dataset]], Iterator[Finding]]] = {
    "overlap of parts": split_overlap,
    "overlap in time": time_overlap,
}
