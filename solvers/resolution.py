"""What a periodic grid can hold of data: jumps at its ends, repeated points, spectra that have not decayed."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence

import torch
from torch import Tensor

from surrogate.datasets.grids.grid import Grid

_CHUNK_BYTES = 64 * 2**20
# A jump of a smooth function is at most as large as the largest difference inside; of a step of several points as well.
_JUMP = 3.0
# The energy of a jump falls as m^-2. Where it falls more slowly than this no grid is fine enough.
_SLOWEST = 1.3


class UnderResolved(UserWarning):
    """Data are not periodic, or too rough for their grid."""


def warn_unresolved(state: Tensor, grid: Grid, fields: Sequence[str], *, degree: int, max_tail: float) -> None:
    """Warn with `UnderResolved` of states that a periodic grid does not hold, once for each reason.

    Parameters
    ----------
    state
        States ``(batch, channel, *space)``.
    grid
        Their grid.
    fields
        Names of the channels.
    degree
        Degree of the equation as a polynomial in the state; modes up to ``n / (degree + 1)`` are kept.
    max_tail
        Share of the energy of the fluctuations that may lie above the modes that are kept. The points that the message
        advises leave no more than that to the last third of these modes.
    """
    size = max(1, _CHUNK_BYTES // (8 * state[0].numel()))
    for find in (_jump, _repeated_point, _tail):
        worst = (0.0, "")
        for first in range(0, len(state), size):
            chunk = state[first : first + size].to("cpu", torch.float64)
            chunk = chunk - chunk.mean(dim=tuple(range(2, chunk.ndim)), keepdim=True)
            measure, where, words = find(chunk, grid, degree, max_tail)
            if measure > worst[0]:
                sample, channel = where
                worst = measure, f"Field {fields[channel]!r} of sample {first + sample} {words}"
        if worst[1]:
            warnings.warn(worst[1], UnderResolved, stacklevel=4)
            return


Found = tuple[float, tuple[int, int], str]
_NOTHING: Found = (0.0, (0, 0), "")


def _jump(u: Tensor, grid: Grid, degree: int, max_tail: float) -> Found:
    """Find differences across the ends that are larger than any inside."""
    found = _NOTHING
    for axis, (name, inner, across) in enumerate(zip(grid.names, *_differences(u, grid), strict=True)):
        ratio = (across / inner.amax(-1)).nan_to_num(0.0, posinf=math.inf)
        ratio = ratio.where(across > 1e-6 * _size(u), 0)
        if ratio.max() > max(_JUMP, found[0]):
            where = _place(ratio)
            words = (
                f"is not periodic along {name}: from the last of {grid.shape[axis]} points to the first it jumps by "
                f"{across[where].item():.3g}, {ratio.max().item():.3g} times as much as anywhere else. Use data that "
                "fill a whole period, or a solver of another boundary."
            )
            found = ratio.max().item(), where, words
    return found


def _repeated_point(u: Tensor, grid: Grid, degree: int, max_tail: float) -> Found:
    """Find last points that repeat the first one, by the equal values and the slope that goes on beyond them."""
    for axis, (name, _, across) in enumerate(zip(grid.names, *_differences(u, grid), strict=True)):
        lines = u.movedim(2 + axis, -1)
        before, after = lines[..., -1] - lines[..., -2], lines[..., 1] - lines[..., 0]
        goes_on = (before * after).sum() > 0.5 * before.square().sum() > 0
        if goes_on and bool((across <= 1e-12 * _size(u)).all()):
            words = f"has the same values at the first and at the last point along {name}. Leave out the last point."
            return 1.0, (0, 0), words
    return _NOTHING


def _tail(u: Tensor, grid: Grid, degree: int, max_tail: float) -> Found:
    """Find energy in modes that the equation does not keep."""
    found = _NOTHING
    for axis, (name, n) in enumerate(zip(grid.names, grid.shape, strict=True)):
        kept, spectrum = math.ceil(n / (degree + 1)), _spectrum(u, grid.dim, axis)
        share = _share(spectrum, kept, _size(u))
        if share.max() > max(max_tail, found[0]):
            where = _place(share)
            words = (
                f"is not resolved: {share.max().item():.1%} of the energy of its fluctuations is in modes beyond the "
                f"{kept - 1} that {n} points along {name} hold for this equation. "
            )
            found = share.max().item(), where, words + _advice(spectrum[where], n, degree, max_tail, name)
    return found


def needed_points(state: Tensor, grid: Grid, *, degree: int, max_tail: float) -> str:
    """Return a sentence that says how many points states need, or nothing if the last third of the modes is free.

    The arguments are those of `warn_unresolved`.
    """
    u, worst = state.to("cpu", torch.float64), (max_tail, "")
    for axis, (name, n) in enumerate(zip(grid.names, grid.shape, strict=True)):
        spectrum = _spectrum(u, grid.dim, axis)
        share = _share(spectrum, _last_third(n, degree), _size(u))
        if share.max() > worst[0]:
            worst = share.max().item(), _advice(spectrum[_place(share)], n, degree, max_tail, name)
    return worst[1]


def _last_third(n: int, degree: int) -> int:
    """Return the first of the last third of the modes that are kept."""
    return math.ceil(2 * n / (3 * (degree + 1)))


def _share(spectrum: Tensor, first: int, size: Tensor) -> Tensor:
    """Return the share of the energy from a mode on, ``(batch, channel)``; none where a field is but round-off."""
    total = spectrum.sum(-1)
    return (spectrum[..., first:].sum(-1) / total).nan_to_num().where(total.sqrt() > 1e-6 * size, 0)


def _advice(spectrum: Tensor, n: int, degree: int, max_tail: float, name: str) -> str:
    """Return how many points would do: the last third of their modes begins where the energy has come to its end."""
    tail = spectrum.flip(0).cumsum(0).flip(0) / spectrum.sum()
    needed = float((tail > max_tail).sum())
    if needed > 0.9 * (len(spectrum) - 1):
        needed = _extrapolated(spectrum, tail, _last_third(n, degree), max_tail)
    if needed == math.inf:
        return "The spectrum does not fall: smooth the data, no number of points will do."
    points = 2 * math.ceil(1.5 * (degree + 1) * needed / 2)
    return f"By the decay of the spectrum about {points} points along {name} are needed."


def _extrapolated(spectrum: Tensor, tail: Tensor, last: int, max_tail: float) -> float:
    """Return the mode where the energy comes to its end, by the better fit of a power and an exponential.

    Pairs of modes are taken together, as every other one may be zero, between 1/6 and 2/5 of those there are: higher
    ones are aliases in part.
    """
    highest, excess = len(spectrum) - 1, max(1.0, tail[last].item() / max_tail)
    pairs = torch.arange(max(1, highest // 6), max(4, 2 * highest // 5))
    m, log = pairs + 0.5, (spectrum[pairs] + spectrum[pairs + 1]).clamp(min=1e-300).log()
    fits = []
    for abscissa in (m.double().log(), m.double()):
        columns = torch.stack([torch.ones_like(abscissa), abscissa], dim=1)
        solution = torch.linalg.lstsq(columns, log[:, None]).solution
        fits += [((columns @ solution)[:, 0] - log).square().sum().item(), -solution[1].item()]
    misfit, power, other_misfit, rate = fits
    if 2 * other_misfit < misfit and rate > 0:
        return float(last + math.log(excess) / rate)
    return float(last * excess ** (1 / (power - 1))) if power > _SLOWEST else math.inf


def _spectrum(u: Tensor, dim: int, axis: int) -> Tensor:
    """Return the energy of the modes 0, 1, ... along an axis, ``(batch, channel, mode)``."""
    modes: Tensor = torch.fft.fft(u.movedim(2 + axis, -1), norm="forward").abs().square()
    power = modes.flatten(2, -2).mean(2) if dim > 1 else modes
    n = power.shape[-1]
    both: Tensor = power[..., : n // 2 + 1].clone()
    both[..., 1 : (n + 1) // 2] += power[..., n // 2 + 1 :].flip(-1)
    both[..., 0] = 0  # of the fluctuations along this axis
    return both


def _differences(u: Tensor, grid: Grid) -> tuple[list[Tensor], list[Tensor]]:
    """Return for each axis the root mean squares of the differences of neighbors inside, and across the ends."""
    inner, across = [], []
    for axis in range(grid.dim):
        lines = u.movedim(2 + axis, 2).flatten(3) if grid.dim > 1 else u[..., None]
        inner.append(lines.diff(dim=2).square().mean(-1).sqrt())
        across.append((lines[:, :, 0] - lines[:, :, -1]).square().mean(-1).sqrt())
    return inner, across


def _size(u: Tensor) -> Tensor:
    """Return the root mean square of the largest channel of each sample, ``(batch, 1)``."""
    return u.square().flatten(2).mean(-1).sqrt().amax(1, keepdim=True)


def _place(values: Tensor) -> tuple[int, int]:
    sample, channel = divmod(int(values.argmax()), values.shape[1])
    return sample, channel
