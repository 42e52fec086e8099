"""Convolutions of a grid with a small kernel, whose padding is the boundary condition."""

from __future__ import annotations

from collections.abc import Sequence

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from surrogate.datasets.errors import expected

CONVOLUTIONS: dict[int, type[nn.Module]] = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}
TRANSPOSED: dict[int, type[nn.Module]] = {1: nn.ConvTranspose1d, 2: nn.ConvTranspose2d, 3: nn.ConvTranspose3d}
MODES = {"periodic": "circular", "neumann": "reflect"}


class Stencil(nn.Module):
    """Convolution with a kernel of 3 points along each axis.

    Parameters
    ----------
    in_channels, out_channels
        Channels.
    boundary
        For each axis ``"dirichlet"`` (zeros beyond the grid), ``"neumann"`` (mirrored at the outermost points) or
        ``"periodic"``.
    stride
        Every how many points there is a result.
    padding
        1: a result at the outermost points too; 0: only where the kernel stays inside, whatever the boundary.
    bias
        Whether a constant is added for each channel.

    Raises
    ------
    InputError
        Unknown boundary.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        boundary: Sequence[str],
        stride: int = 1,
        padding: int = 1,
        bias: bool = False,
    ) -> None:
        super().__init__()
        check_boundary(boundary)
        self.beyond = boundary if padding else ["dirichlet"] * len(boundary)
        zeros = tuple(padding if kind == "dirichlet" else 0 for kind in self.beyond)
        convolution = CONVOLUTIONS[len(boundary)]
        self.convolution = convolution(in_channels, out_channels, 3, stride=stride, padding=zeros, bias=bias)

    def forward(self, x: Float[Tensor, "batch channel *space"]) -> Float[Tensor, "batch out *result"]:
        """Return the convolution."""
        return self.convolution(extended(x, self.beyond))  # type: ignore[no-any-return]


class Prolongation(nn.Module):
    """Transposed convolution of stride 2, from a grid to one about twice as fine.

    Parameters
    ----------
    in_channels, out_channels
        Channels.
    boundary
        For each axis ``"dirichlet"``, ``"neumann"`` or ``"periodic"``: what lies beyond the coarse grid.
    kernel_size
        Points of the kernel along each axis, 3 or 4.
    padding
        That of the `Stencil` of stride 2 which leads to the coarse grid.

    Raises
    ------
    InputError
        Unknown boundary, or a kernel of another size.
    """

    def __init__(
        self, in_channels: int, out_channels: int, *, boundary: Sequence[str], kernel_size: int = 4, padding: int = 1
    ) -> None:
        super().__init__()
        check_boundary(boundary)
        if kernel_size not in (3, 4):
            raise expected("kernels of 3 or 4 points on the way up", kernel_size, "Correct `up_kernels`.")
        self.boundary = boundary
        trimmed = tuple(padding + (0 if kind == "dirichlet" else 2) for kind in boundary)  # 2: one coarse point more
        self.convolution = TRANSPOSED[len(boundary)](
            in_channels, out_channels, kernel_size, stride=2, padding=trimmed, output_padding=1, bias=False
        )

    def forward(
        self, x: Float[Tensor, "batch channel *coarse"], shape: Sequence[int]
    ) -> Float[Tensor, "batch out *fine"]:
        """Return the field on the finer grid of this shape."""
        y: Tensor = self.convolution(extended(x, self.boundary))
        for axis, n in enumerate(shape, start=2):
            y = y.narrow(axis, 0, n)
        return y


def extended(x: Tensor, boundary: Sequence[str]) -> Float[Tensor, "batch channel *wider"]:
    """Return the field with one point more at both ends of the axes that are periodic or mirrored."""
    for kind, mode in MODES.items():
        widths = [int(other == kind) for other in reversed(boundary) for _ in range(2)]
        if any(widths):
            x = F.pad(x, widths, mode=mode)
    return x


def check_boundary(boundary: Sequence[str]) -> None:
    """Raise `InputError` for a boundary that has no padding."""
    for kind in boundary:
        if kind not in ("dirichlet", *MODES):
            raise expected("boundary 'dirichlet', 'neumann' or 'periodic'", repr(kind), "Correct the name.")
