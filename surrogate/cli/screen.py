"""Where results are printed."""

from __future__ import annotations

import os
import sys

from rich.console import Console

#: Columns of a file or a pipe, for which rich takes 80: too few for a comparison.
COLUMNS = 120


def screen() -> Console:
    """Return standard output: as wide as the terminal, or what the variable ``COLUMNS`` says; else 120 columns."""
    told = sys.stdout.isatty() or "COLUMNS" in os.environ
    return Console(width=None if told else COLUMNS)
