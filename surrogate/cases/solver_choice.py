"""How finely a case is solved."""

from __future__ import annotations

from typing import NamedTuple

import torch


class SolverChoice(NamedTuple):
    """Points along an axis, steps of the scheme in one ``dt``, precision: the arguments of the ``solver`` of a case."""

    resolution: int
    substeps: int
    dtype: torch.dtype = torch.float64
