"""Relative error in the H1 norm."""

from __future__ import annotations

from dataclasses import dataclass

from surrogate.datasets.errors import expected
from surrogate.datasets.meshes.points import Points
from surrogate.training.objectives.derivatives import gradient
from surrogate.training.objectives.norms import relative
from surrogate.training.objectives.objective import Domain, Frames, PerSample, Summable


@dataclass(frozen=True)
class H1(Summable):
    r"""Relative L2 error plus ``weight`` times the relative error of the gradient.

    .. math::

        \frac{\lVert p - t \rVert}{\lVert t \rVert}
        + w \frac{\lVert \nabla (p - t) \rVert}{\lVert \nabla t \rVert}

    The gradient is spectral along uniform periodic axes and by second-order differences, with the true spacing of the
    grid, along the others.

    Parameters
    ----------
    weight
        :math:`w \ge 0`; good values are 0.01 to 1.
    """

    weight: float = 0.1

    def __post_init__(self) -> None:
        if not self.weight >= 0:
            raise expected("a weight of at least 0", self.weight, "Correct `weight`.")

    def __call__(self, prediction: Frames, target: Frames, domain: Domain) -> PerSample:
        """Return the weighted sum of both relative errors of each sample."""
        if isinstance(domain, Points):
            raise expected("fields on a grid for a gradient", "fields on points", "Use another objective.")
        error = prediction - target
        seminorm = relative(gradient(error, domain), gradient(target, domain), domain)
        return relative(error, target, domain) + self.weight * seminorm
