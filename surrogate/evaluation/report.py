"""What `compare` returns: numbers, a table, a page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import xarray as xr

from surrogate.datasets.errors import expected
from surrogate.datasets.storage.whole_files import whole_file
from surrogate.evaluation.learning_curves import LearningCurve
from surrogate.evaluation.summary import Row
from surrogate.evaluation.verdicts import Verdict

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from rich.console import Group
    from rich.table import Table


@dataclass(frozen=True)
class Comparison:
    """Errors, costs and verdicts.

    Attributes
    ----------
    scores
        All errors over ``member``, ``sample``, ``time``, ``field`` (an `xarray.Dataset`); ``error`` is the one by which
        members are ranked. ``time`` is the lead time. Of several seeds they are means.
    seed_scores
        For each candidate the same errors over ``seed``; of several seeds also ``crps``, ``spread`` and ``skill`` of
        the ensemble that they are.
    rows
        One summary for each member and each device on which it was timed.
    verdicts
        Two for each candidate and device, one sample at a time and in the best batches; with several devices two more,
        with every member on its best.
    floor
        Error of the reference, None if it is not known.
    examples
        Frames of the reference and of the candidates for one sample.
    provenance
        Everything needed to make the comparison again.
    notes
        What could not be done, and why.
    learning_curves
        Error against the size of the training part, for some candidates.
    """

    scores: xr.Dataset
    seed_scores: Mapping[str, xr.Dataset]
    rows: tuple[Row, ...]
    verdicts: tuple[Verdict, ...]
    floor: float | None
    examples: xr.Dataset
    provenance: dict[str, Any]
    notes: tuple[str, ...]
    learning_curves: Mapping[str, LearningCurve] = field(default_factory=dict)

    @property
    def devices(self) -> tuple[str, ...]:
        """Where members were timed."""
        return tuple(dict.fromkeys(row.device for row in self.rows))

    def rows_on(self, device: str) -> list[Row]:
        """Return the lines of one device, those of recorded runs and of what was not timed."""
        return [row for row in self.rows if row.device == device or row.hardware or row.cost is None]

    def table(self) -> Table:
        """Return the table for the terminal."""
        from surrogate.evaluation.table import table

        return table(self)

    def __rich__(self) -> Group:
        from surrogate.evaluation.table import printed

        return printed(self)

    def __str__(self) -> str:
        from surrogate.evaluation.table import as_text

        return as_text(self)

    def panels(self) -> Figure:
        """Draw reference, predictions and errors of the sample on which the first candidate has its median error."""
        from surrogate.evaluation.plots.panels import panels

        return panels(self)

    def to_json(self) -> str:
        """Return summaries, verdicts, errors over time and provenance as JSON; what is infinite is the string "inf"."""
        from surrogate.evaluation.serialization import to_json

        return to_json(self)

    def save(self, folder: str | Path, *, overwrite: bool = False) -> None:
        """Write ``report.html`` (one self-contained page), ``report.json`` and the figures as PNG to ``folder``.

        Raises
        ------
        InputError
            The folder holds a report already and ``overwrite`` is false.
        """
        from surrogate.evaluation.html import page
        from surrogate.evaluation.plots import figures

        folder = Path(folder)
        if (folder / "report.html").exists() and not overwrite:
            raise expected("a folder without a report", repr(str(folder)), "Choose another or pass overwrite=True.")
        folder.mkdir(parents=True, exist_ok=True)
        drawn = figures(self)
        for figure in drawn:
            with whole_file(folder / f"{figure.name}.png", overwrite=True) as part:
                part.write_bytes(figure.png)
        for name, text in (("report.json", self.to_json()), ("report.html", page(self, drawn))):
            with whole_file(folder / name, overwrite=True) as part:
                part.write_text(text, encoding="utf-8")
