"""Attention as a kernel integral, one axis after another."""

from __future__ import annotations

from collections.abc import Sequence

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
        integrals nor scaled, and a norm with a floor of 1e-8 (group), 1e-5 (slices), 1e-6 (instance). What the branch
        adds is then 1e-4 (2-D) to 1e-9 (3-D) of what enters at the start.

    Raises
    ------
    InputError
        Unknown kind or norm, or kernels of odd width.

    References
    ----------
    Z. Li, D. Shu, A. Barati Farimani, "Scalable Transformer for PDE Surrogate Modeling", NeurIPS 2023,
    arXiv:2305.17560.
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
        self.rank = kernel_channels
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
            nn.Linear(n_heads * head_channels, channels, bias=False),
            nn.GELU(),
            nn.Linear(channels, channels, bias=False),
        )

    def forward(
        self, u: Float[Tensor, "batch *space channel"], axes: Sequence[GridAxis]
    ) -> Float[Tensor, "batch *space channel"]:
        """Return what the attention adds to the field."""
        u = self.in_norm(u)
        value = self.value(u).unflatten(-1, (self.n_heads, -1)).movedim(-2, 1)
        for number, (kernel, axis) in enumerate(zip(self._kernels(u, axes), axes, strict=False)):
            value = integrate(self._scaled(kernel, axis), value, number)
        y: Tensor = self.output(standardize(value, self.norm, self.floor).movedim(1, -2).flatten(-2))
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
    lines = values.movedim(axis + 2, 2)
    product = kernel.to(values.dtype) @ lines.flatten(3)
    return product.view(lines.shape).movedim(2, axis + 2)
