"""What several commands ask for: the fields, the split, the part of the data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import xarray as xr

from surrogate.datasets.errors import expected
from surrogate.datasets.fields import Fields
from surrogate.datasets.preparation import prepare
from surrogate.operator import Operator, Stepper

Models = Literal["GalerkinTransformer", "FNO"]
Part = Literal["all", "train", "validation", "test"]
Split = tuple[float, float, float]


def choose_fields(
    fields: xr.Dataset, inputs: Sequence[str] | None, outputs: Sequence[str] | None
) -> tuple[list[str], list[str]]:
    """Return ``inputs`` and ``outputs``; by default those fields leave that have a time axis, and all fields enter."""
    every = [str(name) for name, variable in fields.data_vars.items() if variable.dims]
    moving = [name for name in every if "time" in fields[name].dims]
    if outputs is None and not moving:
        raise expected("the option --outputs for fields without a time axis", "none", f"Choose out of {every}.")
    leaving = list(outputs or moving)
    return list(inputs or [name for name in every if name not in leaving or name in moving]), leaving


def choose_part(fields: xr.Dataset, operator: Operator, part: Part, split: Split) -> Fields:
    """Return all samples, or those of one part, split as `surrogate train` does."""
    if part == "all":
        return fields
    inputs = [*operator.in_fields, *operator.static_fields, *operator.parameter_fields]
    outputs = list(operator.out_fields)
    if isinstance(operator, Stepper):
        inputs += operator.forcing_fields
        tree = prepare(
            fields, inputs=inputs, outputs=outputs, history=operator.history, horizon=operator.horizon, split=split
        )
    else:
        tree = prepare(fields, inputs=inputs, outputs=outputs, split=split)
    return tree[part]
