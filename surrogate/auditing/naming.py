"""Fields under the names that an equation uses."""

from __future__ import annotations

import xarray as xr

from surrogate.datasets.errors import expected
from surrogate.operator import Operator, Stepper


def named_as(solver: Operator, fields: xr.Dataset) -> xr.Dataset:
    """Return the data with the names of the solver for its fields.

    Where names differ, ``input`` and ``output``, as files of bare tensors call them, are what enters and what leaves,
    and the only field over time is the state.

    Raises
    ------
    InputError
        It cannot be told which field is which.
    """
    entering, leaving = solver.in_fields, solver.out_fields
    wanted = [*entering, *solver.static_fields, *leaving]
    if all(name in fields for name in wanted):
        return fields
    if isinstance(solver, Stepper):
        moving = [str(name) for name, variable in fields.data_vars.items() if "time" in variable.dims]
        if len(moving) == len(leaving) == 1 and leaving[0] not in fields:
            return fields.rename({moving[0]: leaving[0]})
    elif {"input", "output"} <= set(fields.data_vars) and len(entering) == len(leaving) == 1:
        return fields.rename({"input": entering[0], "output": leaving[0]})
    lacking = [name for name in wanted if name not in fields]
    do = "Rename them (names=), such as open_dataset(path, names={'x': 'u'})."
    raise expected(f"fields {lacking} for {type(solver).__name__}", list(fields.data_vars), do)
