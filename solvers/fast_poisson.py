"""A direct solver for the Laplacian on a box, by diagonalization along each axis."""

from __future__ import annotations

import numpy as np
import torch
from jaxtyping import Float
from scipy.linalg import eigh_tridiagonal
from torch import Tensor, nn

from surrogate.datasets.grids.grid import Grid
from surrogate.solvers.finite_volumes import FiniteVolumes


class FastPoisson(nn.Module):
    r"""The inverse of the finite-volume matrix of :math:`-\Delta` on a grid; where it is singular, the pseudo-inverse.

    With the widths W of the volumes and the eigenvectors :math:`L V = W V \Lambda`, :math:`V^T W V = 1` of each axis
    the inverse is :math:`(V_x \otimes V_y)(\Lambda_x + \Lambda_y)^{-1}(V_x \otimes V_y)^T`. The transforms are products
    with dense matrices, whatever sides and widths. On uniform axes they are cosine or sine transforms, for which fast
    algorithms take half the time at 256 points, the same at 421, and a quarter at 1024.

    Parameters
    ----------
    grid
        A grid with Dirichlet and Neumann sides, stretched or not.
    dtype
        Of the eigenvectors, which are computed in double precision.

    Attributes
    ----------
    singular
        Whether there is no Dirichlet side, so that solutions are known up to a constant.

    References
    ----------
    Lynch, Rice & Thomas, Numer. Math. 6 (1964) 185.
    """

    inverse: Tensor

    def __init__(self, grid: Grid, dtype: torch.dtype) -> None:
        super().__init__()
        self.dim = grid.dim
        eigenvalues = torch.zeros(())
        for number in range(grid.dim):
            values, vectors = _eigenpairs(_one_axis(grid, number))
            self.register_buffer(f"modes_{number}", torch.as_tensor(vectors, dtype=dtype), persistent=False)
            eigenvalues = eigenvalues[..., None] + torch.as_tensor(values)
        floor = 1e-12 * eigenvalues.max()
        self.singular = bool((eigenvalues <= floor).any())
        inverse = torch.where(eigenvalues > floor, 1 / eigenvalues.clamp(min=floor), 0.0)
        self.register_buffer("inverse", inverse.to(dtype), persistent=False)

    def forward(self, load: Float[Tensor, "batch x *space"]) -> Float[Tensor, "batch x *space"]:
        """Return the solution, of mean zero where it is not unique."""
        matrices = [self.get_buffer(f"modes_{number}") for number in range(self.dim)]
        modes = _transformed(load, [matrix.T for matrix in matrices])
        return _transformed(modes.mul_(self.inverse), matrices)


def _transformed(values: Tensor, matrices: list[Tensor]) -> Tensor:
    """Return the product with a matrix along each axis."""
    *others, last = matrices
    shape = values.shape
    values = values.reshape(-1, shape[-1]) @ last.T
    for axis, matrix in enumerate(others, start=1):
        values = matrix @ values.view(shape[:axis].numel(), shape[axis], -1)
    return values.view(shape)


def _one_axis(grid: Grid, number: int) -> Grid:
    one = slice(number, number + 1)
    return Grid(grid.shape[one], grid.extent[one], grid.boundary[one], grid.location, grid.stretching[one])


def _eigenpairs(grid: Grid) -> tuple[np.ndarray, np.ndarray]:
    volumes = FiniteVolumes(grid, "harmonic", torch.float64)
    faces = volumes.stencil(torch.ones(1, *grid.shape, dtype=torch.float64)).conductances[0][0].numpy()
    scale = volumes.volumes.numpy() ** -0.5
    diagonal, neighbors = (faces[:-1] + faces[1:]) * scale**2, -faces[1:-1] * scale[:-1] * scale[1:]
    values, vectors = eigh_tridiagonal(diagonal, neighbors)
    return values, scale[:, None] * vectors
