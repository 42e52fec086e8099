"""Relative error in the L2 norm."""

from __future__ import annotations

from dataclasses import dataclass

from surrogate.training.objectives.norms import relative
from surrogate.training.objectives.objective import Domain, Frames, PerSample, Summable


@dataclass(frozen=True)
class RelativeL2(Summable):
    r"""Relative error :math:`\lVert p - t \rVert_2 / \lVert t \rVert_2`, jointly over channels and space.

    The norms are root-mean-squares over the points, on stretched axes with quadrature weights (uniform ones: the same
    ratio as with them up to the half weights at closed ends). For a target that is zero it is huge, but finite.
    """

    def __call__(self, prediction: Frames, target: Frames, domain: Domain) -> PerSample:
        """Return the relative error of each sample."""
        return relative(prediction - target, target, domain)
