"""surrogate convert."""

from __future__ import annotations

from rich import print as show

import surrogate as sg
from surrogate.cli.opening_options import OpeningOptions


def convert(
    source: str,
    target: str,
    *,
    opening: OpeningOptions,
    format: str | None = None,
    source_format: str | None = None,
    overwrite: bool = False,
) -> None:
    """Write fields of one format in another, also if they are larger than memory.

    The numbers stay what they are, bit for bit. The target appears whole or not at all; a conversion that is stopped
    begins again. The suffix of the target says its format: .h5, .hdf5, .nc (ours, netCDF-4), .zarr, .xdmf and .pvd (for
    ParaView).

    Example: surrogate convert 1D_Burgers_Sols_Nu0.01.hdf5 burgers.h5
    Example: surrogate convert 'runs/*.vtu' runs.h5
    Example: surrogate convert burgers.mat burgers.h5 --names '{"usol": "u"}' --grid '{"periodic": true}'
    Example: surrogate convert burgers.h5 burgers.hdf5 --format the_well
    Example: surrogate convert shards burgers.zarr

    Args:
        source: A file, a folder (shards, Zarr), or a pattern in quotes.
        target: What to write.
        format: Format to write, where the suffix does not say it: the_well.
        source_format: Format to read, where it cannot be told.
        overwrite: Replace the target if it exists.
    """
    sg.convert(source, target, format=format, source_format=source_format, overwrite=overwrite, **vars(opening))
    show(f"[bold]{target}[/bold]")
