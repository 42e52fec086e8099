"""Rock from pressure: the inverse of Darcy flow, with noise in what is measured."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import torch
import xarray as xr
from jaxtyping import Float
from torch import Tensor

from surrogate.cases.darcy import Darcy
from surrogate.cases.steady_case import SteadyCase
from surrogate.datasets.errors import expected
from surrogate.datasets.grids.grid import Grid
from surrogate.layers.interpolation_scaler import resize
from surrogate.solvers.darcy import Darcy as DarcySolver
from surrogate.solvers.initial.permeability import Permeability, TwoPhase
from surrogate.solvers.random_streams import generator

_NOISE_STREAM = 1  # the permeability is drawn from stream 0
_SPREAD_SAMPLES = 256  # the standard deviation of the pressure is then known to 1 / sqrt(512), 4 %


@dataclass(frozen=True)
class InverseDarcy(SteadyCase):
    r"""Find the permeability a on a coarse grid from noisy pressure p.

    They are related by :math:`-\nabla \cdot (a \nabla p) = 1` on the unit square with p = 0 on its boundary. The
    pressure is given at the nodes of the fine grid as :math:`p + \epsilon\,\sigma\,\xi`, with the standard deviation σ
    of p over the ensemble at each node and independent normal ξ. The permeability is averaged over blocks of nodes,
    each beginning at a node of the coarse grid; since input and output share a grid, it is given between these nodes by
    linear interpolation, as is the answer of a network on the coarse grid: see `surrogate.training.Surrogate`.

    There is no solver for this problem: the samples are made by solving for the pressure.

    Parameters
    ----------
    resolution
        Nodes of the fine grid along each axis, both ends among them.
    coarse
        Nodes of the coarse grid along each axis, which are nodes of the fine one.
    noise
        The factor ε; 0.01 is a noise of one percent.
    permeability
        Distribution of a.
    refinement
        The pressure is solved for with spacings that are smaller by this factor.

    Raises
    ------
    InputError
        Coarse nodes that are not among the fine ones, or not fewer; a noise that is negative or not finite; a
        refinement below 1.

    References
    ----------
    S. Cao, "Choose a Transformer: Fourier or Galerkin", NeurIPS 2021, arXiv:2105.14995 (third experiment).

    Examples
    --------
    >>> case = InverseDarcy(resolution=17, coarse=5)
    >>> fields = case.solve(case.inputs([0, 1], seed=0))
    >>> dict(fields["permeability"].sizes)
    {'sample': 2, 'x': 17, 'y': 17}
    """

    resolution: int = 141
    coarse: int = 36
    noise: float = 0.01
    permeability: Permeability = field(default=TwoPhase(), kw_only=True)
    refinement: int = field(default=1, kw_only=True)

    equation: ClassVar[str] = DarcySolver.equation
    input_functions = {"pressure": ("pressure",)}
    out_fields = ("permeability",)
    #: The two sizes of the paper; its noise is 0, 0.01 and 0.1.
    PUBLISHED: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "141": {"resolution": 141, "coarse": 36, "refinement": 3, "permeability": Darcy.published("fno").permeability},
        "211": {"resolution": 211, "coarse": 71, "refinement": 2, "permeability": Darcy.published("fno").permeability},
    }

    def __post_init__(self) -> None:
        if self.coarse < 4 or self.resolution <= self.coarse or (self.resolution - 1) % (self.coarse - 1):
            got = f"{self.coarse} beside {self.resolution}"
            do = "Let coarse - 1 be at least 3 and divide resolution - 1."
            raise expected("coarse nodes that are fewer than the fine ones and among them", got, do)
        if not (math.isfinite(self.noise) and self.noise >= 0):
            raise expected("a noise of at least 0", self.noise, "Give it as a fraction of the deviation.")
        if self.refinement < 1:
            raise expected("a refinement of at least 1", self.refinement, "Correct it.")

    @classmethod
    def published(cls, name: str, *, noise: float = 0.01) -> InverseDarcy:
        """Return a configuration of the literature, a key of `PUBLISHED`, with this noise."""
        if name not in cls.PUBLISHED:
            raise expected(f"one of {', '.join(cls.PUBLISHED)}", name, "Choose one of them.")
        return cls(**cls.PUBLISHED[name], noise=noise)

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> InverseDarcy:
        """Return the case that `settings` describes."""
        values = cls.own_values(settings)
        return cls(**values | {"permeability": Permeability.from_settings(values["permeability"])})

    @property
    def settings(self) -> dict[str, Any]:
        """Everything that identifies the case (JSON)."""
        arguments = {name: getattr(self, name) for name in ("resolution", "coarse", "noise", "refinement")}
        return {"case": type(self).__name__, **arguments, "permeability": self.permeability.settings}

    @property
    def parameters(self) -> dict[str, float]:
        """The source, and the noise."""
        return {"source": 1.0, "noise": self.noise}

    @property
    def grid(self) -> Grid:
        """The fine grid."""
        return self._direct(self.resolution).grid

    def inputs(self, indices: Iterable[int], *, seed: int) -> xr.Dataset:
        """Return the noisy pressure of these samples of the ensemble ``seed``, with the permeability it came from."""
        direct = self._direct(self.refinement * (self.resolution - 1) + 1)
        solved = direct.solve(direct.inputs(indices, seed=seed))
        every = slice(None, None, self.refinement)
        fields = solved.isel(x=every, y=every).drop_vars(["x", "y"]).assign_coords(self.grid.coordinates())
        fields["permeability"] = fields["permeability"].copy(data=self.averaged(fields["permeability"].values))
        if self.noise:
            shape = fields["pressure"].shape[1:]
            streams = (generator(seed, int(index), _NOISE_STREAM) for index in fields["sample"].values)
            drawn = np.stack([stream.standard_normal(shape) for stream in streams])
            fields["pressure"] = fields["pressure"] + (self.noise * self.spread().numpy()) * drawn
            fields["pressure"].attrs = solved["pressure"].attrs
        return fields

    def averaged(self, permeability: Float[np.ndarray, "sample x y"]) -> Float[np.ndarray, "sample x y"]:
        """Return the means over blocks of nodes, linear between the nodes at which the blocks begin."""
        starts = np.arange(0, self.resolution, (self.resolution - 1) // (self.coarse - 1))
        counts = np.diff(starts, append=self.resolution)
        means = np.add.reduceat(np.add.reduceat(permeability, starts, axis=1), starts, axis=2)
        channel = torch.from_numpy(means / np.outer(counts, counts))[:, None]
        return resize(channel, (self.resolution, self.resolution), (False, False))[:, 0].numpy()

    def spread(self) -> Float[Tensor, "x y"]:
        """Return the deviation of the pressure at every node, from solutions on the coarse grid."""
        deviation = _spread(self._direct(self.coarse))
        return resize(deviation[None, None], (self.resolution, self.resolution), (False, False))[0, 0]

    def solver(self) -> DarcySolver:
        """Return the solver of the direct problem, which makes the pressure."""
        return self._direct(self.refinement * (self.resolution - 1) + 1).solver()

    def solve(
        self, inputs: xr.Dataset, *, batch_size: int | None = None, device: str | torch.device | None = None
    ) -> xr.Dataset:
        """Return the inputs, in which the permeability is known; raise `InputError` if it is not."""
        if "permeability" not in inputs:
            do = "Use those of `inputs`: there is no solver of the inverse problem."
            raise expected("inputs with the permeability that they came from", list(inputs), do)
        return inputs

    def ladder(self) -> dict[str, DarcySolver]:
        """Return no solvers."""
        return {}

    def _direct(self, resolution: int) -> Darcy:
        return Darcy(resolution, permeability=self.permeability, location="node")


@functools.cache
def _spread(direct: Darcy) -> Float[Tensor, "x y"]:
    pressure = direct.solve(direct.inputs(range(_SPREAD_SAMPLES), seed=0))["pressure"]
    return torch.from_numpy(pressure.values.std(axis=0))
