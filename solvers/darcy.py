"""Darcy flow: stationary diffusion through a medium that differs by sample."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable

from surrogate.datasets.errors import NumericalFailure, expected
from surrogate.datasets.grids.grid import Grid
from surrogate.operator import Operator
from surrogate.solvers.conjugate_gradients import Solution, conjugate_gradients
from surrogate.solvers.fast_poisson import FastPoisson
from surrogate.solvers.finite_volumes import MEANS, FiniteVolumes

_SIDES = ("dirichlet", "neumann")
_TOLERANCES = {torch.float64: 1e-8, torch.float32: 1e-6}
_COMPATIBLE = 1e-5  # of the integral of |f|: far above the round-off of a field stored in float32


class Darcy(Operator):
    r"""The equation :math:`-\nabla \cdot (a \nabla p) = f` on a box, with :math:`p = 0` or no flow on each side.

    Finite volumes with a coefficient of its own in each sample: the permeability a is constant in each cell, and
    between two cells flows what the harmonic mean lets through. The error is of second order for smooth permeability
    and where it jumps along faces of cells, of first order where the jump cuts cells. The systems are solved together
    by conjugate gradients; the preconditioner is the direct solver for a = 1, so that the iterations depend on the
    largest ratio of a (about 20 for a ratio of 4), not on the number of points. Gradients flow to a and f, through one
    more solution with the same matrix.

    Parameters
    ----------
    grid
        A grid in one to three dimensions whose ``boundary`` is ``dirichlet`` (p = 0) or ``neumann`` (no flow) on every
        side. Cells; or nodes, of which those on Dirichlet sides have p = 0.
    source
        The constant f, which the parameter field ``source`` overrides per sample; None for a static field ``source``.
    mean
        Between neighbors: ``harmonic``, or ``arithmetic``, which is of first order at jumps but, on nodes, what made
        the data of the literature.
    tolerance
        Relative reduction of the residual, in the norm of the preconditioner: see `conjugate_gradients`. Default: 1e-8
        in float64, 1e-6 in float32 (relative error about 2e-7).
    max_iterations
        After which a sample has failed.
    dtype
        In which it computes.

    Raises
    ------
    InputError
        Other sides, Neumann sides only and a source whose integral is not zero, a permeability that is not positive.
    NumericalFailure
        A sample did not converge; names it.

    References
    ----------
    Li et al., arXiv 2010.08895 (the data set and its discretization on nodes).

    Examples
    --------
    >>> box = Grid((32, 32), boundary=(("dirichlet", "dirichlet"),) * 2, location="cell")
    >>> p = Darcy(box)(torch.full((1, 1, 32, 32), 2.0, dtype=torch.float64))
    >>> round(p.max().item(), 4)  # 0.07367 / 2 at the center of the square
    0.0368
    """

    in_fields = ("permeability",)
    out_fields = ("pressure",)
    attributes = {
        "permeability": {"units": "1", "long_name": "permeability"},
        "pressure": {"units": "1", "long_name": "pressure"},
        "source": {"units": "1", "long_name": "source density"},
    }
    equation = "-div(permeability grad pressure) = source"
    domain: Grid

    def __init__(
        self,
        grid: Grid,
        *,
        source: float | None = 1.0,
        mean: str = "harmonic",
        tolerance: float | None = None,
        max_iterations: int = 1000,
        dtype: torch.dtype = torch.float64,
    ) -> None:
        super().__init__()
        _check_sides(grid)
        if mean not in MEANS:
            raise expected("the mean 'harmonic' or 'arithmetic'", repr(mean), "Correct `mean`.")
        if dtype not in _TOLERANCES:
            raise expected("dtype float64 or float32", dtype, "Correct `dtype`.")
        self.domain, self.source = grid, source
        self.tolerance = _TOLERANCES[dtype] if tolerance is None else tolerance
        if not 0 < self.tolerance < 1 or max_iterations < 1:
            got = f"{self.tolerance} and {max_iterations}"
            raise expected("a tolerance between 0 and 1 and at least one iteration", got, "Correct them.")
        self.max_iterations = max_iterations
        self.static_fields = ("source",) if source is None else ()
        self.parameter_fields = () if source is None else ("source",)
        self.settings = {
            "solver": type(self).__name__,
            "mean": mean,
            "source": source,
            "tolerance": self.tolerance,
            "dtype": str(dtype).removeprefix("torch."),
        }
        self.finite_volumes = FiniteVolumes(grid, mean, dtype)
        self.preconditioner = FastPoisson(grid, dtype)
        if self.preconditioner.singular and source:
            do = "Use source=0 or None, or a Dirichlet side."
            raise expected("a source that sums to zero, as nothing flows through the sides", source, do)

    def forward(
        self,
        x: Float[Tensor, "batch 1 *space"],
        static: Float[Tensor, "batch 1 *space"] | None = None,
        parameters: Float[Tensor, "batch 1"] | None = None,
    ) -> Float[Tensor, "batch 1 *space"]:
        """Return the pressure for the permeability ``x``, in the dtype of the solver."""
        a = self._permeability(x)
        load = self._load(a, static, parameters)
        p: Tensor = _Solve.apply(a, load, self)  # type: ignore[no-untyped-call]
        whole = torch.zeros_like(a)
        whole[:, *self.finite_volumes.unknowns] = p
        return whole[:, None]

    def iterations(
        self, x: Float[Tensor, "batch 1 *space"], static: Tensor | None = None, parameters: Tensor | None = None
    ) -> list[int]:
        """Return how many iterations each sample takes."""
        with torch.no_grad():
            a = self._permeability(x)
            return self.solve(a, self._load(a, static, parameters)).iterations.tolist()

    def solve(self, a: Float[Tensor, "batch x *space"], load: Float[Tensor, "batch n *unknowns"]) -> Solution:
        """Return the solution of the discrete equations for integrals ``load`` over the volumes of the unknowns."""
        stencil = self.finite_volumes.stencil(a)
        return conjugate_gradients(
            stencil.times,
            self.preconditioner,
            self._balanced(load),
            tolerance=self.tolerance,
            max_iterations=self.max_iterations,
        )

    def residual(
        self,
        p: Float[Tensor, "batch 1 *space"],
        x: Float[Tensor, "batch 1 *space"],
        static: Float[Tensor, "batch 1 *space"] | None = None,
        parameters: Float[Tensor, "batch 1"] | None = None,
    ) -> Float[Tensor, " batch"]:
        r"""Return :math:`\lVert b - A p \rVert / \lVert b \rVert` of a pressure ``p`` for the permeability ``x``.

        The norm is that of the preconditioner, as for the tolerance. With the smallest and the largest permeability
        α and β the result is the relative error of p in the norm of the energy :math:`p^T A p` up to a factor between
        :math:`\sqrt{\alpha/\beta}` and :math:`\sqrt{\beta/\alpha}`, whatever the number of points. Nodes on Dirichlet
        sides are taken as p = 0. Gradients flow to ``p``, ``x`` and ``static``.
        """
        a = self._permeability(x)
        load = self._balanced(self._load(a, static, parameters))
        flow = self.finite_volumes.stencil(a).times(p[:, 0][:, *self.finite_volumes.unknowns].to(self.dtype))
        left, given = ((part * self.preconditioner(part)).flatten(1).sum(1) for part in (load - flow, load))
        tiny = torch.finfo(self.dtype).tiny
        norms: Tensor = (left / given.clamp_min(tiny)).clamp_min(tiny).sqrt()
        return norms

    def check_domain(self, domain: Grid) -> None:
        """Raise `InputError` unless the points of ``domain`` are those of this solver."""
        own = self.domain
        same = domain.shape == own.shape and domain.location == own.location
        if not same or not all(
            np.allclose(one, two, rtol=0, atol=1e-6 * length)
            for one, two, length in zip(domain.axes, own.axes, own.lengths, strict=True)
        ):
            raise expected(f"fields on {own}", domain, "Make a solver for the grid of the fields.")

    def _balanced(self, load: Tensor) -> Tensor:
        """Return loads whose sum is zero where nothing flows through the sides."""
        if not self.preconditioner.singular:
            return load
        volumes, space = self.finite_volumes.volumes, tuple(range(1, load.ndim))
        return load - volumes * (load.sum(space, keepdim=True) / volumes.sum())

    def _permeability(self, x: Tensor) -> Tensor:
        if tuple(x.shape[2:]) != self.domain.shape:
            do = "Make a solver for the grid of the fields."
            raise expected(f"fields on {self.domain.shape} points", tuple(x.shape[2:]), do)
        if not bool(((x > 0) & x.isfinite()).all()):
            raise expected("a positive permeability", f"{x.min().item():.6g} and more", "Correct it.")
        return x[:, 0].to(self.dtype)

    def _load(self, a: Tensor, static: Tensor | None, parameters: Tensor | None) -> Tensor:
        if self.source is None:
            if static is None:
                raise expected("the static field 'source'", "none", "Give it, or a constant `source`.")
            f = static[:, 0].to(self.dtype)
        elif parameters is not None:
            f = parameters.to(self.dtype).view(-1, *(1,) * self.domain.dim).expand_as(a)
        else:
            f = torch.full_like(a, self.source)
        load = f[:, *self.finite_volumes.unknowns] * self.finite_volumes.volumes
        if self.preconditioner.singular:
            total, size = load.flatten(1).sum(1).abs(), load.flatten(1).abs().sum(1)
            if bool((total > _COMPATIBLE * size).any()):
                do = "Subtract its mean, or use a Dirichlet side."
                got = f"the integral {total.max().item():.3g}"
                raise expected("a source that sums to zero, as nothing flows through the sides", got, do)
        return load


class _Solve(torch.autograd.Function):
    r"""From :math:`A(a) p = b` follow :math:`\bar b = A^{-1} \bar p` and :math:`\bar a = -\bar b^T (dA/da) p`."""

    @staticmethod
    def forward(ctx: Any, a: Tensor, load: Tensor, solver: Darcy) -> Tensor:
        p = _converged(solver, a, load)
        ctx.solver = solver
        ctx.save_for_backward(a, p)
        return p

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor, None]:
        a, p = ctx.saved_tensors
        adjoint = _converged(ctx.solver, a, gradient.contiguous())
        if not ctx.needs_input_grad[0]:
            return None, adjoint, None
        with torch.enable_grad():
            a = a.detach().requires_grad_()
            product = (ctx.solver.finite_volumes.stencil(a).times(p) * adjoint).sum()
        (slope,) = torch.autograd.grad(product, a)
        return -slope, adjoint, None


def _converged(solver: Darcy, a: Tensor, load: Tensor) -> Tensor:
    values, iterations, unfinished = solver.solve(a, load)
    if bool(unfinished.any()):
        sample = int(unfinished.int().argmax())
        ratio = (a[sample].max() / a[sample].min()).item()
        got = f"sample {sample} of the batch did not converge in {int(iterations[sample])} iterations"
        do = "Raise `max_iterations` or `tolerance`, or use float64."
        raise NumericalFailure(f"Darcy: {got}; its permeability spans a factor of {ratio:.3g}. {do}", sample)
    return values


def _check_sides(grid: Grid) -> None:
    if not grid.dim:
        raise expected("a grid with space axes", grid, "Use Grid((n, n), boundary=..., location='cell').")
    for name, sides in zip(grid.names, grid.boundary, strict=True):
        if not set(sides) <= set(_SIDES):
            do = "Give the `boundary` of the grid."
            raise expected(f"'dirichlet' or 'neumann' on both sides of {name}", sides, do)
