"""Allen-Cahn equation."""

from __future__ import annotations

from surrogate.solvers.reaction_diffusion import ReactionDiffusion


class AllenCahn(ReactionDiffusion):
    r"""Allen-Cahn equation :math:`u_t = D u_{xx} + r (u - u^3)` on a periodic interval.

    Two phases, u = -1 and u = 1, parted by interfaces :math:`\tanh (x \sqrt{r/2D})` that are at rest on a line but for
    an attraction which decays exponentially with their distance. Good values: length 2, D = 1e-3, r = 5, 512 points,
    dt = 0.01.

    Parameters
    ----------
    grid
        A periodic grid of one dimension.
    diffusivity, rate
        The coefficients D > 0 and r > 0; parameter fields of the same names override them per sample.
    dt, substeps, scheme, dtype
        See `Semilinear`.

    Raises
    ------
    InputError
        A coefficient that is not positive, a grid that is not one-dimensional, and as `Semilinear`.

    References
    ----------
    Allen & Cahn, Acta Metall. 27 (1979) 1085.
    """

    attributes = {
        "u": {"units": "1", "long_name": "order parameter"},
        "diffusivity": {"units": "1", "long_name": "diffusivity"},
        "rate": {"units": "1", "long_name": "rate of reaction"},
    }
    equation = "u_t = diffusivity u_xx + rate (u - u^3)"
    degree = 3
