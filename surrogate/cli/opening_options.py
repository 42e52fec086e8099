"""Options of all commands that open files of others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class OpeningOptions:
    """What the file does not say, or says wrong.

    Args:
        names: New names of variables, by the name in the file.
        grid: For bare arrays, where the points are, such as '{"periodic": true}'.
        times: For bare arrays, the first and the last time, or all.
        dims: For bare arrays, their axes, such as '{"y": ["sample", "time", "x"]}'.
        correct: For files of PDEBench, correct coordinates that are known to be wrong.
    """

    names: dict[str, str] | None = None
    grid: dict[str, Any] | None = None
    times: list[float] | None = None
    dims: dict[str, list[str]] | None = None
    correct: bool = False
