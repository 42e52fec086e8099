"""What is known to be wrong with published data, and how to see whether a file has it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

#: An explanation is told from another by an error that is so much smaller.
_CLEAR = 0.5


class KnownDefect(UserWarning):
    """Published data that differ from what their paper says; the message says how, and what was done about it."""


def speed_factor(first: np.ndarray, later: np.ndarray, shift: float) -> int | None:
    """Return by how many times ``shift``, a share of the period, a profile has moved: 1, 2, or None for neither."""
    wavenumber = 2 * np.pi * np.fft.rfftfreq(len(first), 1 / len(first))
    moved = (np.fft.rfft(first) * np.exp(-1j * wavenumber * factor * shift) for factor in (1, 2))
    return _clearly([later - np.fft.irfft(spectrum, len(first)) for spectrum in moved])


def flux_factor(first: np.ndarray, second: np.ndarray, dt: float, dx: float, diffusivity: float) -> int | None:
    r"""Return :math:`c` of :math:`u_t + c (u^2/2)_x = \nu u_{xx}`, periodic: 1, 2, or None for neither.

    Compares what a step changes with what the fluxes bring, both integrated along x, so that fronts do no harm.
    """
    middle = (first + second) / 2
    gradient = (np.roll(middle, -1) - middle) / dx  # at the upper edges of the cells
    change = np.cumsum(second - first) * dx / dt - diffusivity * gradient
    at_edges = [(u + np.roll(u, -1)) / 2 for u in (first, second)]
    flux = (at_edges[0] ** 2 + at_edges[1] ** 2) / 4
    balance = (change + factor * flux for factor in (1, 2))
    return _clearly([values - values.mean() for values in balance])


def repeats_at_the_seam(profiles: np.ndarray) -> bool:
    """Return whether ``(samples, x)`` are equal at both ends, where over one period they would differ by one step."""
    across = np.abs(profiles[:, 0] - profiles[:, -1]).sum()
    beside = (np.abs(profiles[:, 1] - profiles[:, 0]) + np.abs(profiles[:, -1] - profiles[:, -2])).sum() / 2
    return bool(across < 0.1 * beside)


def _clearly(errors: Sequence[np.ndarray]) -> int | None:
    once, twice = (float(np.linalg.norm(error)) for error in errors)
    if once < _CLEAR * twice:
        return 1
    return 2 if twice < _CLEAR * once else None
