"""Attention as a kernel integral, one axis after another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from surrogate.datasets.errors import expected
from surrogate.layers.axial_kernel import AxialKernel
from surrogate.layers.axial_projection import axial_mean
from surrogate.layers.factorized_norm import FLOORS, standardize
from surrogate.layers.grid_axis import GridAxis

KINDS = ("factorized", "softmax", "identity")


class FactorizedAttention(nn.Module):
    r"""Kernel integral whose kernel is a product of kernels of single axes, computed from the field itself.

    .. math:: y(x) = M\,\mathrm{N} \int \prod_a \kappa_a(x_a, x'_a)\, v(x')\,\mathrm{d}x'

    with :math:`v` a linear map of the field after layer normalization, the norm N of `standardize`, and M two linear
    maps with a GELU between. Integrals are sums with the quadrature weights of the axes. Before them each kernel is
    divided by its root mean square: N would take out any factor, but not where it has shrunk below a floor.

    In parallel form every kernel acts on :math:`v` itself, and the integrals
    :math:`\int \kappa_a(x_a, x'_a)\, v(x')\,\mathrm{d}x'_a` of all axes stand beside one another in every head.

    Parameters
    ----------
    channels
        Channels of the field and of the result.
    n_heads, head_channels
        Number of heads and channels of :math:`v` in each.
    kernel_multiplier
        Width of query and key in multiples of ``head_channels``; the kernels have at most this rank.
    dim
        Number of axes.
    kind
        ``"factorized"``: as above. ``"softmax"``: in place of the scaled kernels, their softmax over :math:`x'_a`,
        divided by the square root of their rank before, with the quadrature weights as prior. ``"identity"``: no
        integrals; query, key and all that leads to them are left out, and points meet in the norm only.
    norm
        ``"group"``, ``"slices"`` or ``"instance"``: see `standardize`.
    small_kernels
        Start as the authors' implementation does: query and key with gain 0.02, sums over points that are neither
        integrals nor scaled, and a norm with a floor of 1e-8 (group) or 1e-5 (slices, instance). What the branch
        adds is then 1e-4 (2-D) to 1e-9 (3-D) of what enters at the start.
    parallel
        Whether kernels act side by side instead of one after another.

    Raises
    ------
    InputError
        Unknown kind or norm, or kernels of odd width.

    References
    ----------
    Z. Li, D. Shu, A. Barati Farimani, "Scalable Transformer for PDE Surrogate Modeling", NeurIPS 2023,
    arXiv:2305.17560.

    H. Yang, Y. Wang, J. Wang, "Implicit factorized transformer approach to fast prediction of turbulent channel flows",
    Sci. China Phys. Mech. Astron. 69, 2026, arXiv:2412.18840 (the parallel form).
    """

    def __init__(
        self,
        channels: int,
        *,
        n_heads: int,
        head_channels: int,
        kernel_multiplier: int,
        dim: int,
        kind: str = "factorized",
        norm: str = "group",
        small_kernels: bool = False,
        parallel: bool = False,
    ) -> None:
        super().__init__()
        kernel_channels = head_channels * kernel_multiplier
        if kind not in KINDS:
            raise expected(f"attention out of {', '.join(KINDS)}", repr(kind), "Correct the name.")
        if norm not in FLOORS:
            raise expected(f"norm out of {', '.join(FLOORS)}", repr(norm), "Correct the name.")
        if kernel_channels % 2:
            raise expected("an even head_channels * kernel_multiplier", kernel_channels, "Rotary pairs need it.")
        self.n_heads, self.kind, self.norm, self.small_kernels = n_heads, kind, norm, small_kernels
        self.rank, self.parallel = kernel_channels, parallel
        self.floor = FLOORS[norm] if small_kernels else 1e-12
        gain = 0.02 if small_kernels else 1.0
        self.in_norm = nn.LayerNorm(channels)
        self.value = nn.Linear(channels, n_heads * head_channels, bias=False)
        if kind != "identity":
            self.shared = nn.Linear(channels, channels, bias=False)
            self.axes = nn.ModuleList(
                AxialKernel(channels, n_heads=n_heads, kernel_channels=kernel_channels, gain=gain) for _ in range(dim)
            )
        self.output = nn.Sequential(
            nn.Linear(n_heads * head_channels * (dim if parallel else 1), channels, bias=False),
            nn.GELU(),
            nn.Linear(channels, channels, bias=False),
        )

    def forward(
        self, u: Float[Tensor, "batch *space channel"], axes: Sequence[GridAxis]
    ) -> Float[Tensor, "batch *space channel"]:
        """Return what the attention adds to the field."""
        u = self.in_norm(u)
        y: Tensor = self.output[1:](self._mapped(self._integrals(u, axes), axes)).reshape(u.shape)
        return y

    def kernels(
        self, u: Float[Tensor, "batch *space channel"], axes: Sequence[GridAxis]
    ) -> list[Float[Tensor, "batch head point source"]]:
        """Return the kernel of every axis at all pairs of points, without scale and quadrature weights; or none."""
        return self._kernels(self.in_norm(u), axes)

    def _kernels(self, u: Tensor, axes: Sequence[GridAxis]) -> list[Tensor]:
        if self.kind == "identity":
            return []
        means = (self.shared(axial_mean(u, axes, number)) for number in range(len(axes)))
        return [kernel(mean, axis) for kernel, mean, axis in zip(self.axes, means, axes, strict=True)]

    def _integrals(self, u: Tensor, axes: Sequence[GridAxis]) -> list[Tensor]:
        value = self.value(u).unflatten(-1, (self.n_heads, -1)).movedim(-2, 1)
        kernels = [self._scaled(kernel, axis) for kernel, axis in zip(self._kernels(u, axes), axes, strict=False)]
        if not self.parallel:
            for number, kernel in enumerate(kernels):
                value = integrate(kernel, value, number)
            return [value]
        parts = [integrate(kernel, value, number) for number, kernel in enumerate(kernels)] or [value] * len(axes)
        # the other norms have channels of several axes in one mean
        return parts if self.norm == "instance" else [torch.cat(parts, dim=-1)]

    def _mapped(self, parts: Sequence[Tensor], axes: Sequence[GridAxis]) -> Tensor:
        """Return the first linear map of ``output`` of the normalized parts, with the norm's factors in its weights."""
        whole = cast("Tensor", self.output[0].weight)
        weights = whole.mT.reshape(self.n_heads, 1, -1, len(whole)).chunk(len(parts), dim=-2)
        results = []
        for part, weight in zip(parts, weights, strict=True):
            centered, factors = standardize(part, self.norm, self.floor, axes)
            results.append((centered @ (factors.mT * weight)).sum(1))
        return torch.stack(results).sum(0)

    def _scaled(self, kernel: Tensor, axis: GridAxis) -> Tensor:
        if self.small_kernels and self.kind == "factorized":
            return kernel
        full = kernel.to(torch.promote_types(kernel.dtype, torch.float32))
        if self.kind == "softmax":
            scores: Tensor = full * self.rank**-0.5 + axis.weights[:, None, None].log()
            return scores.softmax(-1)
        return F.normalize(full.flatten(2), dim=-1).view_as(full) * kernel.shape[-1] * axis.weights[:, None, None]


def integrate(
    kernel: Float[Tensor, "batch head point source"], values: Float[Tensor, "batch head *space channel"], axis: int
) -> Float[Tensor, "batch head *space channel"]:
    """Return the sums of kernel times values along one axis of space."""
    shape = values.shape
    lines = values.reshape(*shape[:2], shape[2 : axis + 2].numel(), shape[axis + 2], -1)
    return (kernel.to(values.dtype)[:, :, None] @ lines).view(shape)
