"""How finely a case is solved."""

from __future__ import annotations

from typing import NamedTuple

import torch

from surrogate.solvers.schemes import SchemeName


class SolverChoice(NamedTuple):
    """Points along an axis, steps in one ``dt``, precision and scheme: the arguments of the ``solver`` of a case."""

    resolution: int
    substeps: int
    dtype: torch.dtype = torch.float64
    scheme: SchemeName = "ETDRK4"
