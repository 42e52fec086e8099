"""surrogate inspect."""

from __future__ import annotations

from pathlib import Path

import xarray as xr
from rich.console import Console
from rich.table import Table

import surrogate as sg
from surrogate.cli.parts import save_figure
from surrogate.datasets.errors import expected

FILMS = (".gif", ".html", ".mp4")


def inspect(path: str, *, plot: str | None = None, sample: int = 0, time: int = -1, overwrite: bool = False) -> None:
    """Show what a file holds.

    Example: surrogate inspect burgers.h5 --plot burgers.png --sample 3

    Args:
        path: A file of fields, or of a trained surrogate (.safetensors).
        plot: Also draw the fields of one sample into this file (.png, .pdf, .svg), or as a film (.gif, .html, .mp4).
        sample: Which sample to draw.
        time: Which frame to draw of what cannot show all; default: the last.
        overwrite: Replace the drawing or the film if it exists.
    """
    console = Console()
    if Path(path).suffix == ".safetensors":
        if plot is not None:
            raise expected(
                "a file of fields to draw", f"the surrogate {path!r}", "Draw what `surrogate rollout` writes."
            )
        console.print(_surrogate_table(path))
        return
    fields = sg.open_dataset(path)
    for table in _fields_tables(path, fields):
        console.print(table)
    if plot is not None and Path(plot).suffix in FILMS:
        sg.animate(fields, plot, sample=sample, overwrite=overwrite)
    elif plot is not None:
        save_figure(sg.plot_fields(fields, sample=sample, time=time), plot, overwrite=overwrite)


def _fields_tables(path: str, fields: xr.Dataset) -> list[Table]:
    table = Table("field", "dimensions", "type", "units", "min", "max", "mean", title=path)
    for name, variable in fields.data_vars.items():
        dims = ", ".join(f"{dim} {size}" for dim, size in variable.sizes.items()) or "one number"
        values = [f"{float(getattr(variable, kind)()):.4g}" for kind in ("min", "max", "mean")]
        table.add_row(str(name), dims, str(variable.dtype), str(variable.attrs["units"]), *values)
    attributes = Table("attribute", "value")
    for key, value in fields.attrs.items():
        attributes.add_row(str(key), str(value))
    return [table, attributes]


def _surrogate_table(path: str) -> Table:
    model = sg.load(path)
    table = Table("property", "value", title=path)
    if isinstance(model, sg.PODStepper):
        table.add_row("modes", f"{model.pod.rank} of {', '.join(model.pod.names)} on {model.domain}")
        assert isinstance(model.stepper, sg.Surrogate)
        model = model.stepper
    manifest = sg.training.manifest.describe(model)
    weights = sum(parameter.numel() for parameter in model.network.parameters())
    rows = {
        "network": manifest["network"]["class"],
        **{f"  {name}": value for name, value in manifest["network"]["arguments"].items()},
        "parameters": f"{weights:,}",
        "inputs": ", ".join(model.in_fields),
        "outputs": ", ".join(model.out_fields),
        "domain": model.domain,
        "dt": model.signature.dt,
        **{name: value for name, value in model.record.items() if name not in ("network", "signature")},
    }
    for name, value in rows.items():
        table.add_row(name, str(value))
    return table
