"""Units that cannot be those of the quantity."""

from __future__ import annotations

import re
from collections.abc import Iterator

import xarray as xr

from surrogate.auditing.finding import Finding
from surrogate.auditing.physical_units import dimension_of
from surrogate.datasets.grids.grid import AXES
from surrogate.datasets.samples.ragged import is_structure

#: Units of quantities, by a word of the name; each of several is right.
QUANTITIES = {
    "temperature": ("K",),
    "pressure": ("Pa", "m2 s-2", "m"),  # also per density, and as a head
    "velocity": ("m s-1", "rad s-1"),
    "speed": ("m s-1", "rad s-1"),
    "vorticity": ("s-1",),
    "viscosity": ("m2 s-1", "Pa s"),
    "diffusivity": ("m2 s-1",),
    "displacement": ("m",),
    "mass": ("kg", "kg s-1", "kg m-2", "kg m-3"),
    "frequency": ("Hz",),
    "strain": ("1", "s-1"),
    "stress": ("Pa", "m2 s-2"),
    "time": ("s",),
}
#: Words of derived quantities, whose units follow from others.
_DERIVED = re.compile(
    r"\b(gradient|rate|flux|source|per|squared?|variance|potential|derivative|error|scaled|normali[sz]ed)\b"
)


def unit_sense(fields: xr.Dataset) -> Iterator[Finding]:
    """Find units that cannot be read, and units of another dimension than the name says; ``"1"`` is always right."""
    for name, variable in fields.variables.items():
        units = variable.attrs.get("units")
        if units in (None, "1", 1) or is_structure(variable):
            continue
        dimension = dimension_of(str(units))
        if dimension is None:
            cure = 'Write them as in "m s-1" or "kg m-3", and "1" if it has none.'
            yield Finding("note", f"has units that cannot be read: {str(units)!r}", cure, str(name))
            continue
        words = f"{name} {variable.attrs.get('long_name', '')}".lower().replace("_", " ")
        quantity = (
            "length" if name in AXES else next((key for key in QUANTITIES if re.search(rf"\b{key}\b", words)), "")
        )
        allowed = ("m", "degrees") if name in AXES else QUANTITIES.get(quantity, ())
        if allowed and not _DERIVED.search(words) and dimension not in map(dimension_of, allowed):
            message = f"is a {quantity} in {str(units)!r}, where {' or '.join(allowed)} would fit"
            yield Finding("warning", message, f"Correct fields[{str(name)!r}].attrs['units'].", str(name))
