"""A solver as plain words in a manifest, and back."""

from __future__ import annotations

import inspect
import json
import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor

import surrogate.solvers
from surrogate.datasets.errors import InputError, expected
from surrogate.datasets.grids.grid import Grid
from surrogate.datasets.storage.blocks import fits_in_memory
from surrogate.operator import Stepper

#: For each point of its grid, about what a solver holds.
_BYTES = 256
_DO = "Pass `network=Corrected(solver, network)`."


def describe_solver(solver: Stepper) -> dict[str, Any]:
    """Return class, grid and settings of a solver, and whether `build_solver` makes the same one of them."""
    settings = json.loads(json.dumps(dict(solver.settings), default=str))
    entry = {"solver": type(solver).__name__, "grid": asdict(solver.domain), "settings": settings, "complete": True}
    return entry | {"complete": _is_made_again(solver, json.loads(json.dumps(entry)))}


def _is_made_again(solver: Stepper, entry: Mapping[str, Any]) -> bool:
    try:
        again = build_solver(entry)
    except (InputError, TypeError):
        return False
    own, other = _tensors(solver), _tensors(again)
    same = type(again) is type(solver) and own.keys() == other.keys()
    return same and all(torch.equal(value, other[name]) for name, value in own.items())


def build_solver(entry: Mapping[str, Any]) -> Stepper:
    """Return the solver that `describe_solver` described; only one of `surrogate.solvers`.

    Raises
    ------
    InputError
        Not one of ours, or one that its settings do not make again.
    """
    name = entry["solver"]
    kind = getattr(surrogate.solvers, name) if name in dir(surrogate.solvers) else None
    if not (isinstance(kind, type) and issubclass(kind, Stepper)):
        raise expected("one of our solvers", repr(name), _DO)
    if not entry["complete"]:
        raise expected("a solver that its settings make again", repr(name), _DO)
    grid = Grid(**as_tuples(entry["grid"]))
    if not fits_in_memory(_BYTES * math.prod(grid.shape)):
        raise expected("the grid of a solver that memory can hold", grid.shape, "Save the model again.")
    settings = {**entry["settings"], "grid": grid}
    if "dtype" in settings:
        settings["dtype"] = {"float32": torch.float32, "float64": torch.float64}[settings["dtype"]]
    names = [name for name in inspect.signature(kind.__init__).parameters if name != "self"]
    made: Stepper = kind(**{name: value for name in names if (value := _argument(name, settings)) is not None})
    return made


def as_tuples(value: Any) -> Any:
    """Return what came back from JSON with tuples for lists."""
    if isinstance(value, dict):
        return {key: as_tuples(inner) for key, inner in value.items()}
    return tuple(map(as_tuples, value)) if isinstance(value, list) else value


def _argument(name: str, settings: Mapping[str, Any]) -> Any:
    """Return an argument of the constructor: a vector is stored by its components."""
    if name in settings:
        return settings[name]
    components = [settings[f"{name}_{axis}"] for axis in "xyz" if f"{name}_{axis}" in settings]
    return components or None


def _tensors(solver: Stepper) -> dict[str, Tensor]:
    tensors = [*solver.named_parameters(), *solver.named_buffers()]
    return {name: value.detach().cpu() for name, value in tensors}
