"""Incompressible Navier-Stokes equations in three dimensions."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from surrogate.datasets.errors import expected
from surrogate.datasets.grids.grid import Grid
from surrogate.solvers.periodic import Carry, Constants, State
from surrogate.solvers.schemes import SchemeName
from surrogate.solvers.semilinear import Semilinear, Substeps
from surrogate.solvers.spectral import mode_weights, squared_wavenumber, to_modes, to_points, wavenumbers
from surrogate.solvers.stability import advective_step
from surrogate.solvers.velocity import mean_kinetic_energy, require_space, unit_wavevectors

# Of the energy. Round-off of float32 leaves 1e-14, velocities of staggered or second-order schemes about 1e-4.
_COMPRESSIBLE = 0.01


class NavierStokes3D(Semilinear):
    r"""Navier-Stokes equations for the velocity, :math:`u_t = P(u \times \omega) + \nu \nabla^2 u`, on a periodic box.

    The vorticity is :math:`\omega = \nabla \times u`; P projects on fields without divergence, which takes the place of
    the pressure (`pressure` finds it). There are nine transforms to a right-hand side. What enters is projected.
    Without viscosity energy and helicity would be conserved, and by the truncation they are; see `mean_kinetic_energy`,
    `helicity`, `dissipation`.

    With ``forced_below`` the modes :math:`0 < |k| \le k_f` are forced in proportion to themselves, by
    :math:`\epsilon u_{k} / (2 E_f)` with the dissipation ε and the energy :math:`E_f` of these modes, so that the
    energy of a sample stays what it is; after each step they are rescaled by what the scheme has missed of that.

    Good values: the vortices of `TaylorGreen` at ν = 1/1600 on the length 2π with 64³ points and dt = 0.02 until
    t = 2, 256³ until t = 10; isotropic turbulence with ν = 0.0054, 60³ points and dt = 0.005 for `Rogallo`.

    Parameters
    ----------
    grid
        A periodic grid of three dimensions.
    viscosity
        Viscosity ν > 0 in length²/time; the parameter field ``viscosity`` overrides it per sample.
    forced_below
        The wavenumber :math:`k_f`, in 1/length; on the length 2π wavenumbers are whole numbers. Default: no forcing.
    dt, substeps, scheme, dtype
        See `Semilinear`.

    Raises
    ------
    InputError
        A viscosity that is not positive, a grid that is not three-dimensional, a ``forced_below`` without modes, a
        velocity of whose energy more than 1 % is in a part with divergence, or none in the modes that are forced; and
        as `Semilinear`.

    References
    ----------
    Canuto, Hussaini, Quarteroni & Zang, Spectral Methods (2007), 3.3 (rotation form); the forcing is that of the
    isotropic turbulence in arXiv 2305.17560.

    Examples
    --------
    >>> from surrogate.solvers.initial import TaylorGreen
    >>> grid = Grid((16, 16, 16), extent=(2 * math.pi,) * 3, periodic=True)
    >>> vortices = TaylorGreen().samples(grid, seed=0, indices=[0])
    >>> later = NavierStokes3D(grid, viscosity=0.1, dt=0.1)(vortices)
    >>> round((mean_kinetic_energy(later) / mean_kinetic_energy(vortices)).item(), 3)
    0.942
    """

    in_fields = out_fields = ("velocity_x", "velocity_y", "velocity_z")
    parameter_fields = positive_fields = ("viscosity",)
    attributes = {
        **{f"velocity_{axis}": {"units": "1", "long_name": f"velocity along {axis}"} for axis in "xyz"},
        "viscosity": {"units": "1", "long_name": "kinematic viscosity"},
    }
    equation = "velocity_t = projection(velocity x vorticity) + viscosity div grad velocity"

    gradient_x: Tensor
    gradient_y: Tensor
    gradient_z: Tensor
    direction: Tensor
    inner: Tensor
    energy: Tensor
    enstrophy: Tensor
    forced: Tensor
    forced_energy: Tensor

    def __init__(
        self,
        grid: Grid,
        *,
        viscosity: float,
        dt: float,
        forced_below: float | None = None,
        substeps: Substeps = 1,
        scheme: SchemeName = "ETDRK4",
        dtype: torch.dtype = torch.float64,
    ) -> None:
        require_space(grid)
        super().__init__(grid, {"viscosity": viscosity}, dt=dt, substeps=substeps, scheme=scheme, dtype=dtype)
        self.forced_below = forced_below
        self.settings = {**self.settings, "forced_below": forced_below}
        k2 = squared_wavenumber(grid)
        inner = self.mask.double() * (k2 > 0)
        self.register_buffer("direction", unit_wavevectors(grid).to(dtype.to_complex()), persistent=False)
        self.register_buffer("inner", inner.to(dtype), persistent=False)
        for axis, k in zip("xyz", wavenumbers(grid), strict=True):
            self.register_buffer(f"gradient_{axis}", (1j * k).to(dtype.to_complex()), persistent=False)
        power = mode_weights(grid.shape)
        self.register_buffer("energy", _for_parts(power / 2).to(dtype), persistent=False)
        self.register_buffer("enstrophy", _for_parts(power * k2).to(dtype), persistent=False)
        self._force(inner * (k2.sqrt() <= (forced_below or 0.0)), power / 2)

    def symbol(self, constants: Constants) -> Tensor:
        """Return -ν|k|²."""
        return -constants[:, :, None, None, None] * squared_wavenumber(self.domain)

    def nonlinear(self, modes: Tensor, factors: Tensor) -> Tensor:
        r"""Return the modes of :math:`P(u \times \omega)` and of the forcing."""
        u, v, w, *vorticity = to_points(self._with_vorticity(modes), self.domain.shape).unbind(1)
        a, b, c = vorticity
        force = to_modes(torch.stack([v * c - w * b, w * a - u * c, u * b - v * a], dim=1), 3)
        rate = self._project(self.inner * force)
        if self.forced_below is not None:
            low = modes[..., : self.forced.shape[-1]]
            loss = factors[:, 0] * _sum(modes, self.enstrophy)
            growth = loss / (2 * _sum(low, self.forced_energy))
            rate[..., : self.forced.shape[-1]] += growth[:, None, None, None, None] * self.forced * low
        return rate

    def advance(self, carry: Carry) -> Tensor:
        """Take one step, and where there is forcing give the forced modes what keeps the energy."""
        modes = super().advance(carry)
        if self.forced_below is not None:
            low = modes[..., : self.forced.shape[-1]]
            missing = (_sum(carry.modes, self.energy) - _sum(modes, self.energy)) / _sum(low, self.forced_energy)
            scale = (1 + missing).sqrt() - 1
            modes = modes.clone()  # `low` is part of what autograd keeps
            modes[..., : self.forced.shape[-1]] += scale[:, None, None, None, None] * self.forced * low
        return modes

    def init(self, state: State, static: Tensor | None = None, parameters: Constants | None = None) -> Carry:
        """Transform the velocity to Fourier space and rid it of its divergence."""
        carry = super().init(state, static, parameters)
        modes = self._project(carry.modes)
        given, kept = _sum(carry.modes, self.energy), _sum(modes, self.energy)
        share = (1 - kept / given).nan_to_num().max().item()
        if share > _COMPRESSIBLE:
            do = "Check the order of its components, or take `divergence_free` of it."
            raise expected("a velocity without divergence", f"{share:.0%} of the energy in a part that has some", do)
        low = modes[..., : self.forced.shape[-1]]
        round_off = torch.finfo(self.dtype).eps * kept
        if self.forced_below is not None and not bool((_sum(low, self.forced_energy) > round_off).all()):
            raise expected("energy in the modes that are forced", "none", "Raise `forced_below`, or leave it out.")
        return carry._replace(modes=modes)

    def dt_max(self, state: State) -> float:
        """Return the step that is stable where the velocity is frozen at its largest."""
        viscosity = self.constants.item()
        return self.substeps * advective_step(state, self.domain, lambda k: -viscosity * k**2, self.scheme_class)

    def invariants(self, state: State) -> dict[str, Tensor]:
        """Return the mean velocity, and with forcing the mean kinetic energy."""
        means = {f"mean of {name}": state[:, i].mean((1, 2, 3)) for i, name in enumerate(self.out_fields)}
        return means if self.forced_below is None else means | {"kinetic energy": mean_kinetic_energy(state)}

    def bounded(self, state: State) -> dict[str, Tensor]:
        """Return the norm of the velocity, which decays or with forcing stays what it is."""
        return {"norm": state.flatten(1).norm(dim=-1, keepdim=True).expand(-1, 3)}

    def _with_vorticity(self, modes: Tensor) -> Tensor:
        u, v, w = modes.unbind(1)
        x, y, z = self.gradient_x, self.gradient_y, self.gradient_z
        return torch.stack([u, v, w, y * w - z * v, z * u - x * w, x * v - y * u], dim=1)

    def _project(self, modes: Tensor) -> Tensor:
        return modes - self.direction * (self.direction * modes).sum(1, keepdim=True)

    def _force(self, forced: Tensor, energy: Tensor) -> None:
        """Keep which modes are forced, up to the last of them, and what they add to the energy."""
        if self.forced_below is not None and not forced.any():
            lowest = 2 * math.pi / max(self.domain.lengths)
            raise expected(f"forced_below of at least {lowest:.6g}", self.forced_below, "Force one mode or more.")
        held = int(forced.sum((0, 1)).count_nonzero()) + 1
        low = forced[..., :held]
        self.register_buffer("forced", low.to(self.mask), persistent=False)
        self.register_buffer("forced_energy", _for_parts(low * energy[..., :held]).to(self.mask), persistent=False)


def _for_parts(weights: Tensor) -> Tensor:
    """Return weights of modes for their real and imaginary parts, in one row."""
    return weights.flatten().repeat_interleave(2)


def _sum(modes: Tensor, weights: Tensor) -> Tensor:
    """Return the weighted sum of the squares of the modes of each sample."""
    return (torch.view_as_real(modes).square().flatten(2) @ weights).sum(1)
