"""What fields say of themselves beyond their values, for files of formats that have no place for it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import xarray as xr

from surrogate.datasets.errors import expected
from surrogate.datasets.grids.grid import AXES


@dataclass(frozen=True)
class Notes:
    """Attributes, parameters, and which fields do not change in time.

    Parameters
    ----------
    attributes
        Of each field and coordinate.
    parameters
        For each parameter its dimensions, values and type.
    still
        Names of the fields without time.
    about
        Attributes of the whole.
    """

    attributes: dict[str, dict[str, Any]] = field(default_factory=dict)
    parameters: dict[str, dict[str, Any]] = field(default_factory=dict)
    still: list[str] = field(default_factory=list)
    about: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, fields: xr.Dataset) -> Notes:
        """Return those of fields."""
        parameters = [str(name) for name in fields.data_vars if is_parameter(fields[name])]
        described = [name for name in fields.variables if name in fields.data_vars or name in ("time", *AXES)]
        return cls(
            attributes={str(name): _plain(fields[name].attrs) for name in described},
            parameters={
                name: {
                    "dims": list(fields[name].dims),
                    "values": fields[name].values.tolist(),
                    "dtype": str(fields[name].dtype),
                }
                for name in parameters
            },
            still=[
                str(name) for name, v in fields.data_vars.items() if "time" not in v.dims and name not in parameters
            ],
            about=_plain(fields.attrs),
        )

    def text(self) -> str:
        """Return them as JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def read(cls, text: str | None) -> Notes:
        """Return what `text` wrote; without text, or with text of others, nothing is noted."""
        try:
            found = json.loads(text or "{}")
            return (
                cls(**found) if isinstance(found, dict) and found.keys() <= cls.__dataclass_fields__.keys() else cls()
            )
        except ValueError:
            return cls()

    def added_to(self, fields: xr.Dataset) -> xr.Dataset:
        """Return fields that were read from a file, with what is noted of them.

        Raises
        ------
        InputError
            Notes that have not the form that they should have, or do not fit the fields.
        """
        try:
            variables = {
                name: (tuple(p["dims"]), np.array(p["values"], dtype=p["dtype"])) for name, p in self.parameters.items()
            }
            result = fields.assign(variables).assign_attrs(self.about)
            for name, attributes in self.attributes.items():
                if name in result.variables:
                    result[name].attrs.update(attributes)
        except (TypeError, ValueError, KeyError, AttributeError) as error:
            raise expected("notes on the fields as we write them", error, "Write the file again.") from error
        return result


def is_parameter(variable: xr.DataArray) -> bool:
    """Return whether a field has one number for each sample, or one for all."""
    return set(variable.dims) <= {"sample"}


def _plain(attributes: Mapping[Any, Any]) -> dict[str, Any]:
    """Return attributes as what JSON can hold."""
    return {
        str(name): value.tolist() if isinstance(value, np.ndarray | np.generic) else value
        for name, value in attributes.items()
    }
