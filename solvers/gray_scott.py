"""Gray-Scott equations."""

from __future__ import annotations

import torch
from torch import Tensor

from surrogate.datasets.grids.grid import Grid
from surrogate.solvers.periodic import Constants, State
from surrogate.solvers.schemes import SchemeName
from surrogate.solvers.semilinear import Semilinear, Substeps
from surrogate.solvers.spectral import squared_wavenumber
from surrogate.solvers.stability import extremes


class GrayScott(Semilinear):
    r"""Gray-Scott equations of a reaction :math:`A + 2B \to 3B` on a periodic box.

    .. math::
        a_t &= D_a \nabla^2 a - a b^2 + f (1 - a) \\
        b_t &= D_b \nabla^2 b + a b^2 - (f + k) b

    Good values: the length 2, :math:`D_a` = 2e-5, :math:`D_b` = 1e-5, 128² points, dt = 1, times up to 10,000, and the
    pairs (f, k) with the patterns gliders (0.014, 0.054), bubbles (0.098, 0.057), maze (0.029, 0.057), worms (0.058,
    0.065), spirals (0.018, 0.051), spots (0.03, 0.062).

    Parameters
    ----------
    grid
        A periodic grid in one to three dimensions.
    feed, kill
        The rates f > 0 and k > 0, in 1/time; parameter fields of the same names override them per sample.
    diffusivity_a, diffusivity_b
        The diffusivities, positive, in length²/time; parameter fields of the same names override them per sample.
    dt, substeps, scheme, dtype
        See `Semilinear`.

    Raises
    ------
    InputError
        A coefficient that is not positive, and as `Semilinear`.

    References
    ----------
    Pearson, Science 261 (1993) 189; the good values are those of The Well, arXiv 2412.00568.
    """

    in_fields = out_fields = ("a", "b")
    parameter_fields = positive_fields = ("feed", "kill", "diffusivity_a", "diffusivity_b")
    attributes = {
        "a": {"units": "1", "long_name": "concentration of what is fed"},
        "b": {"units": "1", "long_name": "concentration of the catalyst"},
        "feed": {"units": "1", "long_name": "rate of feeding"},
        "kill": {"units": "1", "long_name": "rate of removal"},
        "diffusivity_a": {"units": "1", "long_name": "diffusivity of what is fed"},
        "diffusivity_b": {"units": "1", "long_name": "diffusivity of the catalyst"},
    }
    equation = (
        "a_t = diffusivity_a div grad a - a b^2 + feed (1 - a), "
        "b_t = diffusivity_b div grad b + a b^2 - (feed + kill) b"
    )
    degree = 3

    def __init__(
        self,
        grid: Grid,
        *,
        feed: float,
        kill: float,
        dt: float,
        diffusivity_a: float = 2e-5,
        diffusivity_b: float = 1e-5,
        substeps: Substeps = 1,
        scheme: SchemeName = "ETDRK4",
        dtype: torch.dtype = torch.float64,
    ) -> None:
        constants = {"feed": feed, "kill": kill, "diffusivity_a": diffusivity_a, "diffusivity_b": diffusivity_b}
        super().__init__(grid, constants, dt=dt, substeps=substeps, scheme=scheme, dtype=dtype)

    def symbol(self, constants: Constants) -> Tensor:
        """Return -D|k|² - f for a and -D|k|² - f - k for b."""
        k2 = squared_wavenumber(self.domain, self.degree)
        feed, kill, first, second = self.spread(constants)
        return -torch.cat([first * k2 + feed, second * k2 + feed + kill], dim=1)

    def factors(self, constants: Constants) -> Tensor:
        """Return f."""
        feed, *_ = self.spread(constants)
        return feed

    def nonlinear(self, modes: Tensor, factors: Tensor) -> Tensor:
        """Return the modes of f - ab² and ab²."""
        a, b = self.decode(modes).split_with_sizes([1, 1], dim=1)
        reaction = a * b * b
        return self.encode(torch.cat([factors - reaction, reaction], dim=1))

    def dt_max(self, state: State) -> float:
        """Return the step that is stable where the reaction is frozen; it changes along one direction, by b(2a - b)."""
        a, b = state[:, :1], state[:, 1:]
        return self.dt_where_stable(extremes(b * (2 * a - b)))
