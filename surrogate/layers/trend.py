"""The trend of a series."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from surrogate.datasets.errors import expected


def moving_average(x: Float[Tensor, "batch channel time"], kernel: int) -> Float[Tensor, "batch channel time"]:
    """Return the mean over ``kernel`` values around each; outside the series its first and last values go on.

    Raises
    ------
    InputError
        ``kernel`` is even: then there is no middle.
    """
    if kernel < 1 or kernel % 2 == 0:
        raise expected("an odd kernel", kernel, "Add or subtract 1.")
    half = kernel // 2
    padded = torch.nn.functional.pad(x, (half, half), mode="replicate")
    return torch.nn.functional.avg_pool1d(padded, kernel, stride=1)
