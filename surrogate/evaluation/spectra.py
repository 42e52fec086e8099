"""Energy spectra, and the error band by band, over all Fourier modes."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor

from surrogate.datasets.errors import expected
from surrogate.datasets.grid import Grid
from surrogate.evaluation.metrics import Frames, checked, ratio

BANDS = ("low", "mid", "high")
#: Last shell of the low and of the middle band (those of PDEBench, arXiv 2210.07182).
EDGES = (4, 12)


def energy_spectrum(
    frames: Frames, grid: Grid
) -> tuple[Float[Tensor, " shell"], Float[Tensor, "sample time channel shell"]]:
    r"""Return wavenumbers :math:`k_s` and energies :math:`E_s` with :math:`\sum_s E_s = \tfrac12 \langle u^2 \rangle`.

    Shell s holds the modes with :math:`|k|` within half a :math:`k_1 = 2\pi / \max_i L_i` of :math:`s k_1`. All modes
    are in a shell, those in the corners of the Fourier box too, so that Parseval's identity holds to round-off.

    Raises
    ------
    InputError
        An axis is not periodic, or stretched.
    """
    shells, count = _shells(grid)
    modes = torch.fft.rfftn(frames.double(), dim=tuple(range(3, frames.ndim)))
    density = (modes.abs() / math.prod(grid.shape)).square() * _multiplicity(grid) / 2
    energy = density.new_zeros(*frames.shape[:3], count)
    energy.index_add_(3, shells.flatten(), density.flatten(3))
    return torch.arange(count, dtype=torch.float64) * _unit(grid), energy


def spectral_error(
    prediction: Frames, target: Frames, grid: Grid, *, edges: tuple[int, int] = EDGES
) -> Float[Tensor, "sample time channel band=3"]:
    r"""Return the root of the energy of :math:`p - t` in the low, middle and high band over that of :math:`t`.

    The low band ends with shell ``edges[0]``, the middle one with ``edges[1]``. Relative to all of the target, not to
    its part in the band: the squares sum to the square of `relative_l2`. Infinite where the prediction is not finite.
    """
    p, t = checked(prediction, target)
    _, error = energy_spectrum(p - t, grid)
    low, high = (edge + 1 for edge in edges)
    bands = torch.stack([part.sum(-1) for part in (error[..., :low], error[..., low:high], error[..., high:])], dim=-1)
    total = energy_spectrum(t, grid)[1].sum(-1, keepdim=True).expand(bands.shape)
    value = ratio(bands, total).sqrt()
    broken = ~torch.isfinite(p.flatten(3)).all(-1, keepdim=True)
    return value.masked_fill(broken | value.isnan(), torch.inf)


def has_spectrum(grid: Grid) -> bool:
    """Return whether fields on ``grid`` have Fourier modes: all axes are periodic and uniform."""
    return all(grid.is_periodic) and all(grid.is_uniform)


def _unit(grid: Grid) -> float:
    return 2 * math.pi / max(grid.lengths)


def _shells(grid: Grid) -> tuple[Tensor, int]:
    if not has_spectrum(grid):
        got = f"boundary {grid.boundary}, axes {grid.kinds}"
        raise expected("a periodic grid of equally spaced points", got, "Spectra are for periodic fields.")
    axes = [torch.fft.fftfreq(n, 1 / n, dtype=torch.float64) for n in grid.shape[:-1]]
    axes.append(torch.arange(grid.shape[-1] // 2 + 1, dtype=torch.float64))
    parts = [2 * math.pi / length * axis for axis, length in zip(axes, grid.lengths, strict=True)]
    squares = sum(k.square() for k in torch.meshgrid(*parts, indexing="ij"))
    assert isinstance(squares, Tensor)
    shells = (squares.sqrt() / _unit(grid)).round().long()
    return shells, int(shells.max()) + 1


def _multiplicity(grid: Grid) -> Tensor:
    """Return how many modes each entry of the one-sided last axis stands for."""
    n = grid.shape[-1]
    weight = torch.full((n // 2 + 1,), 2.0, dtype=torch.float64)
    weight[0] = 1.0
    if n % 2 == 0:
        weight[-1] = 1.0
    return weight
