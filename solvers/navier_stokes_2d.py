"""Incompressible Navier-Stokes equations in two dimensions, in vorticity form."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Literal

import torch
from torch import Tensor

from surrogate.datasets.errors import expected
from surrogate.datasets.grids.grid import Grid
from surrogate.solvers.periodic import Carry, Constants, State
from surrogate.solvers.schemes import SchemeName
from surrogate.solvers.semilinear import Semilinear, Substeps
from surrogate.solvers.spectral import squared_wavenumber, to_modes, to_points
from surrogate.solvers.stability import advective_step
from surrogate.solvers.vorticity import Derivatives, require_plane, velocity_from_vorticity
from surrogate.solvers.vorticity_forcing import Forcing

_ZERO = 1e-5  # of the root mean square: far above the round-off of a field stored in float32


class NavierStokes2D(Semilinear):
    r"""Navier-Stokes equations for the vorticity, :math:`w_t + u \cdot \nabla w = \nu \nabla^2 w - \mu w + g`.

    On a periodic rectangle, with :math:`w = v_x - u_y`, and the velocity :math:`u = \psi_y, v = -\psi_x` of the stream
    function :math:`-\nabla^2 \psi = w`; it has no mean, as is the case in a suitable moving frame. The forcing
    :math:`g = \partial_x f_y - \partial_y f_x` is the curl of a steady body force f. In

    .. math:: u \cdot \nabla w = (\partial_x^2 - \partial_y^2) (u v) + \partial_x \partial_y (v^2 - u^2)

    there are four transforms. Without viscosity, drag and forcing, energy and enstrophy would be conserved, and by the
    truncation they are; see `kinetic_energy`, `enstrophy` and `velocity_from_vorticity`. Good values: the unit square
    with ν = 1e-3, 64² points, dt = 0.1 for vorticities of order 1; the length 2π with ν = 1e-3, drag 0.1, 256² points,
    dt = 0.004 for velocities of order 5.

    Parameters
    ----------
    grid
        A periodic grid of two dimensions.
    viscosity
        Viscosity ν > 0 in length²/time; the parameter field ``viscosity`` overrides it per sample.
    drag
        Drag μ ≥ 0 in 1/time; the parameter field ``drag`` overrides it per sample.
    forcing
        The forcing g, in 1/time², of zero mean: `KolmogorovForcing`, `DiagonalForcing`, a tensor of values at the
        points of the grid, or ``"static"`` for a static field ``forcing``, which differs by sample. Default: none.
    dt, substeps, scheme, dtype
        See `Semilinear`.

    Raises
    ------
    InputError
        A viscosity that is not positive, a negative drag, a grid that is not two-dimensional, a vorticity or forcing
        with a mean, a forcing of another shape, and as `Semilinear`.

    References
    ----------
    Basdevant, J. Comput. Phys. 50 (1983) 209 (the form with four transforms).

    Examples
    --------
    >>> grid = Grid((32, 32), extent=(2 * torch.pi, 2 * torch.pi), periodic=True)
    >>> x, y = (2 * torch.pi * grid.unit_coordinates(dtype=torch.float64)).unbind(-1)
    >>> vortices = (2 * torch.cos(x) * torch.cos(y))[None, None]
    >>> decayed = NavierStokes2D(grid, viscosity=0.05, dt=1.0)(vortices)
    >>> torch.allclose(decayed, vortices * torch.tensor(-2 * 0.05).exp())
    True
    """

    in_fields = out_fields = ("vorticity",)
    parameter_fields = ("viscosity", "drag")
    attributes: Mapping[str, Mapping[str, str]] = {
        "vorticity": {"units": "1", "long_name": "vorticity"},
        "viscosity": {"units": "1", "long_name": "kinematic viscosity"},
        "drag": {"units": "1", "long_name": "coefficient of linear drag"},
        "forcing": {"units": "1", "long_name": "curl of the body force"},
    }
    positive_fields = ("viscosity",)
    nonnegative_fields = ("drag",)
    equation = "vorticity_t + velocity . grad vorticity = viscosity div grad vorticity - drag vorticity + forcing"

    turn: Tensor
    curl: Tensor
    forcing: Tensor | None

    def __init__(
        self,
        grid: Grid,
        *,
        viscosity: float,
        dt: float,
        drag: float = 0.0,
        forcing: Forcing | Tensor | Literal["static"] | None = None,
        substeps: Substeps = 1,
        scheme: SchemeName = "ETDRK4",
        dtype: torch.dtype = torch.float64,
    ) -> None:
        require_plane(grid)
        super().__init__(
            grid, {"viscosity": viscosity, "drag": drag}, dt=dt, substeps=substeps, scheme=scheme, dtype=dtype
        )
        k = Derivatives.on(grid)
        turn = torch.stack([1j * k.y * k.inverse, -1j * k.x * k.inverse])
        curl = torch.stack([-k.x * k.y, k.x**2 - k.y**2])
        self.register_buffer("turn", turn.to(dtype.to_complex()), persistent=False)
        self.register_buffer("curl", curl.to(dtype.to_complex()), persistent=False)
        self.static_fields = ("forcing",) if forcing == "static" else ()
        values = None if forcing is None or isinstance(forcing, str) else sampled(forcing, grid)[None, None]
        self.register_buffer("forcing", None if values is None else self._force(values, dtype), persistent=False)
        self.settings = {**self.settings, "forcing": described(forcing)}

    def symbol(self, constants: Constants) -> Tensor:
        """Return -ν|k|² - μ."""
        viscosity, drag = self.spread(constants)
        return -viscosity * squared_wavenumber(self.domain) - drag

    def nonlinear(self, modes: Tensor, factors: Tensor) -> Tensor:
        r"""Return the modes of :math:`-u \cdot \nabla w`."""
        velocity = to_points(self.turn * modes, self.domain.shape)
        u, v = velocity[:, :1], velocity[:, 1:]
        products = u * velocity
        products[:, :1].addcmul_(v, v, value=-1)
        stress = to_modes(products, 2)  # of u^2 - v^2 and u v
        return (self.curl[0] * stress[:, :1]).addcmul_(self.curl[1], stress[:, 1:])

    def init(self, state: State, static: Tensor | None = None, parameters: Constants | None = None) -> Carry:
        """Transform the state, and the static field ``forcing`` if there is one, to Fourier space."""
        carry = super().init(state, static, parameters)
        _require_zero_mean("vorticity", carry.modes)
        if not self.static_fields:
            return carry._replace(forcing=self.forcing)
        if static is None:
            raise expected("the static field 'forcing'", "none", "Give it, or a `forcing` that all samples share.")
        return carry._replace(forcing=self._force(static.to(self.device), self.dtype))

    def dt_max(self, state: State) -> float:
        """Return the step that is stable where the velocity is frozen at its largest."""
        viscosity, drag = self.constants[0].tolist()
        u = velocity_from_vorticity(state, self.domain)
        return self.substeps * advective_step(u, self.domain, lambda k: -viscosity * k**2 - drag, self.scheme_class)

    def invariants(self, state: State) -> dict[str, Tensor]:
        """Return the mean of the vorticity, which is zero."""
        return {"mean": state.mean(dim=(1, 2, 3))}

    def bounded(self, state: State) -> dict[str, Tensor]:
        """Return the norm of the vorticity, which decays where there is no forcing."""
        forced = self.static_fields or self.forcing is not None
        return {} if forced else {"norm": state.flatten(2).norm(dim=-1)}

    def _force(self, values: Tensor, dtype: torch.dtype) -> Tensor:
        if values.shape[1:] != (1, *self.domain.shape):
            do = "Sample it on the grid of the solver."
            raise expected(f"a forcing on {self.domain.shape} points", tuple(values.shape[2:]), do)
        modes = to_modes(values.to(dtype), 2) * self.mask.to(values.device)
        _require_zero_mean("forcing", modes)
        return modes


def sampled(forcing: Forcing | Tensor, grid: Grid) -> Tensor:
    """Return the values of a forcing at the points of a grid."""
    return forcing.detach() if isinstance(forcing, Tensor) else forcing(grid)


def described(forcing: Forcing | Tensor | str | None) -> Any:
    """Return what identifies a forcing, for JSON: its name and constants, or for a tensor the hash of its values."""
    if isinstance(forcing, Tensor):
        return {"sha256": hashlib.sha256(forcing.double().cpu().contiguous().numpy().tobytes()).hexdigest()}
    return (
        forcing if forcing is None or isinstance(forcing, str) else {"name": type(forcing).__name__} | asdict(forcing)
    )


def _require_zero_mean(name: str, modes: Tensor) -> None:
    mean, size = modes[..., 0, 0].abs(), modes.abs().square().sum((-2, -1)).sqrt()
    if bool((mean > _ZERO * size).any()):
        do = "Subtract its mean."
        raise expected(f"a {name} whose mean is zero, as it is the curl of a periodic field", "a mean", do)
