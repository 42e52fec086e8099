"""Fisher-KPP equation."""

from __future__ import annotations

from surrogate.solvers.reaction_diffusion import ReactionDiffusion


class FisherKPP(ReactionDiffusion):
    r"""Fisher-KPP equation :math:`u_t = D \nabla^2 u + r u (1 - u)` on a periodic box.

    The state u = 1 invades u = 0 by fronts, out of localized data with the speed :math:`2 \sqrt{D r}`. States below
    zero are unstable and blow up. Good values: D = r = 1, length 200, 512 points, dt = 0.05.

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
    Fisher, Ann. Eugenics 7 (1937) 355; Ablowitz & Zeppetella, Bull. Math. Biol. 41 (1979) 835 (an exact front).
    """

    attributes = {
        "u": {"units": "1", "long_name": "concentration"},
        "diffusivity": {"units": "1", "long_name": "diffusivity"},
        "rate": {"units": "1", "long_name": "rate of growth"},
    }
    equation = "u_t = diffusivity div grad u + rate u (1 - u)"
