"""One look for all progress bars."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

COLUMNS = (
    TextColumn("{task.description}"),
    BarColumn(),
    MofNCompleteColumn(),
    TimeElapsedColumn(),
    TextColumn("left"),
    TimeRemainingColumn(),
)


@contextmanager
def progress_bar(description: str, total: int, *, done: int = 0, show: bool = True) -> Iterator[Callable[..., None]]:
    """Show a bar on stderr with time passed and left.

    The value is called with the number of pieces that are done, 1 by default, out of ``total``; ``done`` of them were
    before.
    """
    console = Console(stderr=True)
    with Progress(*COLUMNS, console=console, disable=not show or not console.is_terminal) as bar:
        task = bar.add_task(description, total=total, completed=done)
        yield lambda pieces=1: bar.advance(task, pieces)


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
