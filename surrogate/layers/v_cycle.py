"""A linear operator given by one V-cycle of a multigrid method with learned kernels."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import pairwise

from jaxtyping import Float
from torch import Tensor, nn

from surrogate.datasets.errors import expected
from surrogate.layers.stencil import Prolongation, Stencil


class VCycle(nn.Module):
    r"""Map a right-hand side f to what one V-cycle makes of it, :math:`u = W f`.

    On each level, from fine to coarse, steps :math:`u \leftarrow u + S (f - A u)`, then :math:`f \leftarrow R f` and
    :math:`u \leftarrow \Pi u` on the next grid; back from coarse to fine :math:`u \leftarrow u + P u_\mathrm{coarse}`
    and further steps. The finest level starts from zero. All letters are kernels of their own on each level and in each
    step. Without ``bias`` and ``resolution`` the operator is linear.

    Parameters
    ----------
    in_channels, out_channels
        Channels of f and of u.
    n_smoothing
        For each level, finest first, the steps before and after the visit to the coarser ones.
    boundary
        For each axis ``"dirichlet"``, ``"neumann"`` or ``"periodic"``.
    residual_restriction
        Whether the residual :math:`f - A' u` goes to the coarser grid in place of f.
    bias
        Whether S and A add constants.
    growing_channels
        Whether level l has l + 1 times the channels.
    up_kernels
        Points of the kernels P along each axis, 3 or 4; one number, or one for each level but the coarsest.
    padding
        1, or 0 where R and :math:`\Pi` keep inside the grid; P follows.
    boundary_in_prolongation
        Whether P knows the boundary; otherwise there are zeros beyond the coarse grids.
    resolution
        Shape of the only grid that may enter; given, u is normalized on each level after the visit to coarser ones.

    Raises
    ------
    InputError
        No step on the finest level to start with, steps after the coarsest, or kernels that do not match the levels.

    References
    ----------
    J. He, X. Liu and J. Xu, "MgNO: Efficient Parameterization of Linear Operators via Multigrid", ICLR 2024,
    arXiv:2310.19809.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        *,
        n_smoothing: Sequence[Sequence[int]],
        boundary: Sequence[str],
        residual_restriction: bool = False,
        bias: bool = False,
        growing_channels: bool = False,
        up_kernels: int | Sequence[int] = 4,
        padding: int = 1,
        boundary_in_prolongation: bool = True,
        resolution: Sequence[int] | None = None,
    ) -> None:
        super().__init__()
        n_levels = check_smoothing(n_smoothing)
        kernels = [up_kernels] * (n_levels - 1) if isinstance(up_kernels, int) else list(up_kernels)
        if len(kernels) != n_levels - 1:
            raise expected(f"up_kernels for {n_levels - 1} ways up", kernels, "Give one number, or one for each.")
        above = boundary if boundary_in_prolongation else ["dirichlet"] * len(boundary)
        factors = [level + 1 if growing_channels else 1 for level in range(n_levels)]
        of_f, of_u = ([channels * factor for factor in factors] for channels in (in_channels, out_channels))
        stencil = partial(Stencil, boundary=boundary, bias=bias)
        down = partial(Stencil, boundary=boundary, stride=2, padding=padding)
        self.first = stencil(in_channels, out_channels)
        self.before, self.after = nn.ModuleList(), nn.ModuleList()
        for level, ((before, after), f, u) in enumerate(zip(n_smoothing, of_f, of_u, strict=True)):
            for side, n in ((self.before, before - (level == 0)), (self.after, after)):
                side.append(Steps(Smoothing(stencil(f, u), stencil(u, f)) for _ in range(n)))
        self.down, self.up, self.norms = nn.ModuleList(), nn.ModuleList(), nn.ModuleList()
        for level, ((f, f_below), (u, u_below)) in enumerate(zip(pairwise(of_f), pairwise(of_u), strict=True)):
            operator = stencil(u, f) if residual_restriction else None
            self.down.append(Restriction(down(f, f_below), down(u, u_below), operator))
            self.up.append(Prolongation(u_below, u, boundary=above, kernel_size=kernels[level], padding=padding))
            if resolution is not None:
                self.norms.append(nn.LayerNorm([u, *(coarser(n, padding, times=level) for n in resolution)]))

    def forward(self, f: Float[Tensor, "batch channel *space"]) -> Float[Tensor, "batch out *space"]:
        """Return u."""
        u: Tensor = self.first(f)
        visited = []
        for level, steps in enumerate(self.before):
            if level > 0:
                visited.append((f, u))
                f, u = self.down[level - 1](f, u)
            u = steps(f, u)
        for level in reversed(range(len(visited))):
            f, fine = visited[level]
            u = fine + self.up[level](u, fine.shape[2:])
            u = self.norms[level](u) if self.norms else u
            u = self.after[level](f, u)
        return u


class Smoothing(nn.Module):
    r"""One step :math:`u \leftarrow u + S (f - A u)`."""

    def __init__(self, smoother: Stencil, operator: Stencil) -> None:
        super().__init__()
        self.smoother, self.operator = smoother, operator

    def forward(
        self, f: Float[Tensor, "batch channel *space"], u: Float[Tensor, "batch out *space"]
    ) -> Float[Tensor, "batch out *space"]:
        """Return the next u."""
        return u + self.smoother(f - self.operator(u))  # type: ignore[no-any-return]


class Steps(nn.ModuleList):
    """The steps of one level, one after another."""

    def forward(
        self, f: Float[Tensor, "batch channel *space"], u: Float[Tensor, "batch out *space"]
    ) -> Float[Tensor, "batch out *space"]:
        """Return u after all of them."""
        for step in self:
            u = step(f, u)
        return u


class Restriction(nn.Module):
    """Bring right-hand side (with an ``operator``: the residual) and iterate to the next coarser grid."""

    def __init__(self, of_f: Stencil, of_u: Stencil, operator: Stencil | None) -> None:
        super().__init__()
        self.of_f, self.of_u, self.operator = of_f, of_u, operator

    def forward(
        self, f: Float[Tensor, "batch channel *space"], u: Float[Tensor, "batch out *space"]
    ) -> tuple[Float[Tensor, "batch channels *coarse"], Float[Tensor, "batch outs *coarse"]]:
        """Return both on the coarser grid."""
        return self.of_f(f if self.operator is None else f - self.operator(u)), self.of_u(u)


def coarser(n: int, padding: int = 1, *, times: int = 1) -> int:
    """Return how many of ``n`` points are left after some restrictions."""
    for _ in range(times):
        n = (n + 2 * padding - 3) // 2 + 1
    return n


def check_smoothing(n_smoothing: Sequence[Sequence[int]]) -> int:
    """Return the number of levels; raise `InputError` for steps that cannot be, or have no effect."""
    if any(len(steps) != 2 or min(steps) < 0 for steps in n_smoothing) or not n_smoothing:
        raise expected("n_smoothing as [before, after] for each level", n_smoothing, "Correct `n_smoothing`.")
    if n_smoothing[0][0] < 1 or n_smoothing[-1][1] > 0:
        do = "Give the finest level a step before, and the coarsest none after."
        raise expected("a first step on the finest level and a last on the way up", n_smoothing, do)
    return len(n_smoothing)
