"""What several commands ask for: the fields, the split, the part of the data."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import surrogate as sg
from surrogate.datasets.errors import expected
from surrogate.datasets.storage.whole_files import whole_file

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Models = Literal[
    "GalerkinTransformer",
    "FNO",
    "FFNO",
    "TFNO",
    "IFNO",
    "UNO",
    "UNet",
    "DeepONet",
    "FactFormer",
    "IFactFormer",
    "MgNO",
    "GNOT",
]
Part = Literal["all", "train", "validation", "test"]
Split = tuple[float, float, float]


def choose_fields(
    fields: sg.datasets.fields.Fields, inputs: Sequence[str] | None, outputs: Sequence[str] | None
) -> tuple[list[str], list[str]]:
    """Return ``inputs`` and ``outputs``; by default those fields leave that have a time axis, and all fields enter."""
    variables = sg.datasets.fields.as_dataset(fields).data_vars
    every = [str(name) for name, variable in variables.items() if variable.dims]
    moving = [name for name in every if "time" in variables[name].dims]
    if outputs is None and not moving:
        raise expected("the option --outputs for fields without a time axis", "none", f"Choose out of {every}.")
    leaving = list(outputs or moving)
    return list(inputs or [name for name in every if name not in leaving or name in moving]), leaving


def choose_part(
    fields: sg.datasets.fields.Fields, operator: sg.Operator, part: Part, split: Split
) -> sg.datasets.fields.Fields:
    """Return all samples, or those of one part, split as `surrogate train` does."""
    if part == "all":
        return fields
    inputs = [*operator.in_fields, *operator.static_fields, *operator.parameter_fields]
    outputs = list(operator.out_fields)
    if isinstance(operator, sg.Stepper):
        inputs += operator.forcing_fields
        tree = sg.prepare(
            fields, inputs=inputs, outputs=outputs, history=operator.history, horizon=operator.horizon, split=split
        )
    else:
        tree = sg.prepare(fields, inputs=inputs, outputs=outputs, split=split)
    return tree[part]


def figure_format(path: str) -> str:
    """Return the format of a drawing by its suffix; raise `InputError` for one that cannot be drawn."""
    from matplotlib.backend_bases import FigureCanvasBase

    suffix = Path(path).suffix.removeprefix(".")
    if suffix not in FigureCanvasBase.get_supported_filetypes():
        raise expected("a drawing that ends in .png, .pdf or .svg", f"{path!r}", "Correct the suffix.")
    return suffix


def save_figure(figure: Figure, path: str, *, overwrite: bool) -> None:
    """Write a figure, whole or not at all; the suffix tells the format."""
    kind = figure_format(path)
    with whole_file(path, overwrite=overwrite) as part:
        figure.savefig(part, format=kind)
