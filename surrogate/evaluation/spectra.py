"""Energy spectra, and the error band by band, over all Fourier modes."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor

from surrogate.datasets.errors import expected
from surrogate.datasets.grids.grid import Grid
from surrogate.evaluation.metrics import Frames, PerFrame, checked, guarded, ratio

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


def enstrophy_spectrum(
    velocity: Frames, grid: Grid
) -> tuple[Float[Tensor, " shell"], Float[Tensor, "sample time shell"]]:
    r"""Return wavenumbers and enstrophies with :math:`\sum_s Z_s = \tfrac12 \langle |\nabla \times u|^2 \rangle`.

    ``velocity`` has the two or three components of the box as channels. The enstrophy spectrum of a vorticity is its
    own `energy_spectrum`.

    Raises
    ------
    InputError
        Another number of components or axes, an axis that is not periodic, or stretched.
    """
    if velocity.shape[2] != grid.dim or grid.dim < 2:
        got = f"{velocity.shape[2]} channels on {grid.dim} axes"
        raise expected("the two or three components of a velocity on as many axes", got, "Stack them as channels.")
    k, density = energy_spectrum(_curl(velocity.double(), grid), grid)
    return k, density.sum(dim=2)


def log_spectral_distance(prediction: Frames, target: Frames, grid: Grid, *, threshold: float = 1e-12) -> PerFrame:
    r"""Return :math:`\sqrt{\langle (\log_{10} E_p - \log_{10} E_t)^2 \rangle}` over shells: decades of energy.

    Shells in which the target has less than ``threshold`` of its energy, which are round-off, do not count. Infinite
    where the prediction has no energy in one of the others, or is not finite.
    """
    p, t = checked(prediction, target)
    (_, own), (_, true) = (energy_spectrum(frames, grid) for frames in (p, t))
    counted = true > threshold * true.sum(dim=-1, keepdim=True)
    squares = torch.where(counted, (own / torch.where(counted, true, 1.0)).log10().square(), 0.0)
    value = (squares.sum(-1) / counted.sum(-1).clamp(min=1)).sqrt()
    return guarded(value, p.flatten(3), [3])


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


def _curl(velocity: Tensor, grid: Grid) -> Tensor:
    """Return the vorticity, one channel in two dimensions; modes at the Nyquist frequency have no derivative."""
    axes = tuple(range(3, velocity.ndim))
    modes = torch.fft.fftn(velocity, dim=axes)

    def slope(component: int, axis: int) -> Tensor:
        n = grid.shape[axis]
        k = 2 * math.pi / grid.lengths[axis] * torch.fft.fftfreq(n, 1 / n, dtype=torch.float64)
        if n % 2 == 0:
            k[n // 2] = 0.0
        derivative: Tensor = 1j * k.reshape([-1, *[1] * (grid.dim - 1 - axis)]) * modes[:, :, component]
        return derivative

    pairs = [(0, 1)] if grid.dim == 2 else [(1, 2), (2, 0), (0, 1)]
    curl = torch.stack([slope(b, a) - slope(a, b) for a, b in pairs], dim=2)
    vorticity: Tensor = torch.fft.ifftn(curl, dim=axes).real
    return vorticity


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
