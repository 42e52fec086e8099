"""surrogate inspect."""

from __future__ import annotations

from pathlib import Path

from rich.table import Table

import surrogate as sg
from surrogate.cli.fields_tables import attributes_table, axes_table, fields_table, summary
from surrogate.cli.opening_options import OpeningOptions
from surrogate.cli.parts import figure_format, save_figure
from surrogate.cli.screen import screen
from surrogate.datasets.errors import expected
from surrogate.datasets.storage.whole_files import refuse_existing

FILMS = (".gif", ".html", ".mp4")


def inspect(
    path: str,
    *,
    opening: OpeningOptions,
    full: bool = False,
    plot: str | None = None,
    sample: int = 0,
    time: int = -1,
    format: str | None = None,
    overwrite: bool = False,
) -> None:
    """Show what a file holds: fields, axes, sizes, attributes.

    Example: surrogate inspect burgers.h5 --plot burgers.png --sample 3

    Args:
        path: A file or folder of fields, or a trained surrogate (.safetensors).
        full: Read all values of large data for their range, not only some samples and frames.
        plot: Also draw the fields of one sample into this file (.png, .pdf, .svg), or as a film (.gif, .html, .mp4).
        sample: Which sample to draw.
        time: Which frame to draw of what cannot show all; default: the last.
        format: Name of the format, where it cannot be told.
        overwrite: Replace the drawing or the film if it exists.
    """
    console = screen()
    if Path(path).suffix == ".safetensors":
        if plot is not None:
            raise expected(
                "a file of fields to draw", f"the surrogate {path!r}", "Draw what `surrogate rollout` writes."
            )
        console.print(_surrogate_table(path))
        return
    if plot is not None:
        refuse_existing(plot, overwrite)
        if Path(plot).suffix not in FILMS:
            figure_format(plot)
    fields = sg.open_dataset(path, format=format, checked=False, **vars(opening))
    console.print(fields_table(path, fields, full=full))
    console.print(axes_table(fields))
    if fields.attrs:
        console.print(attributes_table(fields))
    console.print(summary(path, fields), highlight=False)
    if plot is not None and Path(plot).suffix in FILMS:
        sg.animate(fields, plot, sample=sample, overwrite=overwrite)
    elif plot is not None:
        save_figure(sg.plot_fields(fields, sample=sample, time=time), plot, overwrite=overwrite)


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
