"""One look for all progress bars."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.table import Table
from rich.text import Text

_HOUR = 3600.0

COLUMNS = (
    TextColumn("{task.description}"),
    BarColumn(),
    MofNCompleteColumn(),
    TimeElapsedColumn(),
    TextColumn("left"),
    TimeRemainingColumn(),
)


class Throughput(ProgressColumn):
    """How many pieces are done in a second, over the whole time."""

    def __init__(self, unit: str) -> None:
        super().__init__()
        self._unit = unit

    def render(self, task: Task) -> Text:
        """Return the text of the column."""
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{speed:.3g} {self._unit}/s")


@contextmanager
def progress_bar(
    description: str, total: int, *, done: int = 0, show: bool = True, unit: str | None = None
) -> Iterator[Callable[..., None]]:
    """Show a bar on stderr with time passed and left, and how many of a ``unit`` are done in a second.

    The value is called with the number of pieces that are done, 1 by default, out of ``total``; ``done`` of them were
    before.
    """
    console = Console(stderr=True)
    columns = COLUMNS if unit is None else (*COLUMNS, Throughput(unit))
    period = 30.0 if unit is None else _HOUR  # what comes in large pieces has its speed from many of them
    disable = not show or not console.is_terminal
    with Progress(*columns, console=console, disable=disable, speed_estimate_period=period) as bar:
        task = bar.add_task(description, total=total, completed=done)
        yield lambda pieces=1: bar.advance(task, pieces)


@contextmanager
def bytes_bar(description: str, total: int, *, show: bool = True) -> Iterator[Callable[[int], None]]:
    """Show a bar on stderr over so many bytes, with their speed; the value is called with how many more are done."""
    console = Console(stderr=True)
    columns = (*COLUMNS[:2], DownloadColumn(binary_units=True), TransferSpeedColumn(), *COLUMNS[3:])
    with Progress(*columns, console=console, disable=not show or not console.is_terminal) as bar:
        task = bar.add_task(description, total=total)
        yield lambda more: bar.advance(task, more)


class EpochBar:
    """A bar over epochs that shows the losses of the last one."""

    def __init__(self, epochs: int, done: int) -> None:
        console = Console(stderr=True)
        self._bar = Progress(*COLUMNS, console=console, disable=not console.is_terminal)
        self._task = self._bar.add_task("training", total=epochs, completed=done)

    def __enter__(self) -> EpochBar:
        self._bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._bar.stop()

    def advance(self, training: float, validation: float) -> None:
        """Count an epoch."""
        words = f"training {training:.2e}, validation {validation:.2e}"
        self._bar.update(self._task, advance=1, description=words)


def show_table(title: str, rows: Mapping[str, str]) -> None:
    """Show a table of two columns on stderr, where that is a terminal."""
    console = Console(stderr=True)
    if console.is_terminal:
        table = Table(title=title, show_header=False)
        for name, value in rows.items():
            table.add_row(name, value)
        console.print(table)
