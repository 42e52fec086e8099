"""Allen-Cahn equation."""

from __future__ import annotations

from surrogate.solvers.reaction_diffusion import ReactionDiffusion


class AllenCahn(ReactionDiffusion):
    r"""Allen-Cahn equation :math:`u_t = D \nabla^2 u + r (u - u^3)` on a periodic box.

    Two phases, u = -1 and u = 1, parted by interfaces :math:`\tanh (x \sqrt{r/2D})`. On a line they are at rest but for
    an attraction that decays exponentially with their distance; in a plane they move with D times their curvature, so
    that a circle of radius R shrinks as :math:`R^2 = R_0^2 - 2 D t`. Good values: length 2, D = 1e-3, r = 5, 512
    points, dt = 0.01.

    Parameters
    ----------
    grid
        A periodic grid in one to three dimensions.
    diffusivity, rate
        The coefficients D > 0 and r > 0; parameter fields of the same names override them per sample.
    dt, substeps, scheme, dtype
        See `Semilinear`.

    Raises
    ------
    InputError
        A coefficient that is not positive, and as `Semilinear`.

    References
    ----------
    Allen & Cahn, Acta Metall. 27 (1979) 1085.
    """

    attributes = {
        "u": {"units": "1", "long_name": "order parameter"},
        "diffusivity": {"units": "1", "long_name": "diffusivity"},
        "rate": {"units": "1", "long_name": "rate of reaction"},
    }
    equation = "u_t = diffusivity div grad u + rate (u - u^3)"
    degree = 3
