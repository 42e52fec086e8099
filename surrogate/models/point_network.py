"""What all networks on points have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from surrogate.datasets.errors import expected
from surrogate.datasets.samples.signature import Signature

if TYPE_CHECKING:
    import xarray as xr


def point_sizes(data: xr.DataTree | xr.Dataset) -> dict[str, Any]:
    """Return the constructor arguments that prepared data on meshes decide.

    Raises
    ------
    InputError
        The data are on a grid.
    """
    signature = Signature.from_data(data)
    if not signature.functions:
        do = "Use a network on grids, or give the fields as fields on a mesh."
        raise expected("data on meshes or points", "data on a grid", do)
    return {
        "in_channels": [len(names) for names in signature.functions if names] or [0],
        "out_channels": signature.out_channels,
        "dim": signature.domain.dim,
        "parameter_channels": signature.parameter_channels,
    }
