"""Proper orthogonal decomposition: fields as a few series, and back."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence

import numpy as np
import torch
import xarray as xr
from jaxtyping import Float
from torch import Tensor, nn

from surrogate.datasets.errors import expected
from surrogate.datasets.fields import Fields, as_dataset, check, require
from surrogate.datasets.grids.grid import Grid
from surrogate.datasets.samples.tensors import field_attributes, to_fields, to_tensor

PREFIX = "pod_"


class POD(nn.Module):
    r"""The orthonormal modes that hold most of the energy of given frames.

    .. math:: u \approx \bar u + \sum_{k=1}^r a_k \phi_k, \qquad
              \langle u, v \rangle = \sum_c \frac{1}{s_c^2} \int u_c\, v_c\, dx .

    They come from the singular values of all frames, less their mean, in float64; the integral is the quadrature of
    the grid. Of the frames it was fitted to, the squares left out sum to those of the singular values left out.

    Parameters
    ----------
    fields
        What to fit to: frames ``(sample, time, *space)`` or ``(sample, *space)``. Of the tree from `prepare` the
        training part, no other.
    names
        The fields, taken together.
    energy
        Keep as few modes as hold this share of the energy (the sum of squares).
    rank
        Keep this many modes instead.
    scaled
        Divide each field by its root-mean-square deviation :math:`s_c`, so that units do not matter; otherwise by 1.

    Attributes
    ----------
    modes, mean
        ``(rank, channel, *space)`` and ``(channel, *space)``.
    singular_values
        All of them, so that ``singular_values[rank:]`` are those left out.

    Raises
    ------
    InputError
        Fields without space, or that do not vary; an energy or a rank that cannot be.

    References
    ----------
    L. Sirovich, "Turbulence and the dynamics of coherent structures", Quart. Appl. Math. 45 (1987).
    """

    mean: Tensor
    modes: Tensor
    weights: Tensor
    singular_values: Tensor

    def __init__(
        self,
        fields: Fields,
        names: Sequence[str],
        *,
        energy: float = 0.9999,
        rank: int | None = None,
        scaled: bool = True,
    ) -> None:
        super().__init__()
        tree = isinstance(fields, xr.DataTree) and "train" in fields.children
        dataset = as_dataset(fields["train"] if tree else fields)
        self.names, self.domain = tuple(names), _domain(dataset, names)
        self.attributes = {name: field_attributes(name, dataset, None) for name in names}
        frames = to_tensor(dataset, self.names, torch.float64)
        frames = frames.flatten(0, 1) if "time" in dataset[names[0]].dims else frames
        mean = frames.mean(0)
        quadrature = torch.from_numpy(functools.reduce(np.multiply.outer, self.domain.quadrature_weights))
        weights = quadrature.expand_as(mean) / _square_scale(frames - mean, quadrature, scaled)
        root = weights.sqrt()
        _, values, modes = torch.linalg.svd(((frames - mean) * root).flatten(1), full_matrices=False)
        kept = _rank(values, energy, rank)
        self._keep(mean, modes[:kept].reshape(kept, *mean.shape) / root, weights, values)

    @classmethod
    def from_tensors(
        cls,
        names: Sequence[str],
        domain: Grid,
        attributes: Mapping[str, Mapping[str, str]],
        tensors: Mapping[str, Tensor],
    ) -> POD:
        """Return the modes whose ``state_dict`` was ``tensors``."""
        pod = cls.__new__(cls)
        nn.Module.__init__(pod)
        pod.names, pod.domain = tuple(names), domain
        pod.attributes = {name: dict(attrs) for name, attrs in attributes.items()}
        pod._keep(**tensors)
        return pod

    def _keep(self, mean: Tensor, modes: Tensor, weights: Tensor, singular_values: Tensor) -> None:
        self.register_buffer("mean", mean)
        self.register_buffer("modes", modes)
        self.register_buffer("weights", weights)
        self.register_buffer("singular_values", singular_values)

    @property
    def rank(self) -> int:
        """Number of modes."""
        return self.modes.shape[0]

    @property
    def coefficients(self) -> tuple[str, ...]:
        """Names of the series."""
        return tuple(f"{PREFIX}{number}" for number in range(1, self.rank + 1))

    def encode(self, frames: Float[Tensor, "batch channel *space"]) -> Float[Tensor, "batch rank"]:
        """Return the coefficients of frames: their products with the modes."""
        deviation = (frames.to(self.mean.dtype) - self.mean) * self.weights
        return deviation.flatten(1) @ self.modes.flatten(1).T

    def decode(self, coefficients: Float[Tensor, "batch rank"]) -> Float[Tensor, "batch channel *space"]:
        """Return the frames of coefficients."""
        frames = coefficients.to(self.modes.dtype) @ self.modes.flatten(1)
        return frames.reshape(-1, *self.mean.shape) + self.mean

    def to_series(self, fields: Fields) -> xr.Dataset:
        """Return the coefficients of field trajectories as series ``(sample, time)``.

        Raises
        ------
        InputError
            No time axis, or another grid.
        """
        dataset = as_dataset(fields)
        require(dataset, self.names)
        if "time" not in dataset[self.names[0]].dims:
            raise expected("fields with a time axis", tuple(dataset.dims), "Use `encode` for single frames.")
        self.check_domain(_domain(dataset, self.names))
        frames = to_tensor(dataset, self.names, torch.float64)
        series = self.encode(frames.flatten(0, 1)).reshape(*frames.shape[:2], self.rank)
        bare = dataset.drop_vars([*dataset.data_vars, *self.domain.names])
        result = to_fields(series, self.coefficients, bare, time=dataset["time"].values)
        return result.assign_attrs(dataset.attrs)

    def to_fields(self, series: Fields, template: Fields) -> xr.Dataset:
        """Return the fields of series; coordinates come from ``template``."""
        dataset = as_dataset(series)
        values = to_tensor(dataset, self.coefficients, torch.float64)
        frames = self.decode(values.flatten(0, 1)).reshape(*values.shape[:2], *self.mean.shape)
        time = dataset["time"].values
        return to_fields(frames, self.names, as_dataset(template), time=time, attributes=self.attributes)

    def transform(self, data: xr.DataTree) -> xr.DataTree:
        """Return prepared field trajectories as prepared series, in the same parts, for forecasters.

        Static fields, forcing and parameters are left out: forecasters have no place for them.
        """
        parts = {}
        for part, node in data.children.items():
            series = self.to_series(node)
            for name in self.coefficients:
                series[name].attrs["role"] = "state"
            parts[part] = series
        return xr.DataTree.from_dict(parts)

    def check_domain(self, domain: Grid) -> None:
        """Raise `InputError` unless ``domain`` is the grid of the modes."""
        if domain != self.domain:
            raise expected(f"fields on {self.domain}", domain, "Resample them, or fit modes on their grid.")


def _domain(dataset: xr.Dataset, names: Sequence[str]) -> Grid:
    require(dataset, names)
    domain = Grid.from_fields(check(dataset[list(names)]))
    if not domain.dim:
        raise expected("fields over space", "series", "Series need no modes.")
    return domain


def _square_scale(deviation: Tensor, quadrature: Tensor, scaled: bool) -> Tensor:
    """Return the mean square of each field ``(channel, 1, ..)``, 1 where it does not vary or is not asked for."""
    ones = torch.ones(deviation.shape[1], *[1] * quadrature.ndim, dtype=deviation.dtype)
    if not scaled:
        return ones
    mean = (deviation.square() * quadrature).flatten(2).sum(-1).mean(0) / quadrature.sum()
    return torch.where(mean.reshape(ones.shape) > 0, mean.reshape(ones.shape), ones)


def _rank(values: Tensor, energy: float, rank: int | None) -> int:
    if rank is not None:
        if not 1 <= rank <= len(values):
            raise expected(f"a rank of 1 to {len(values)}", rank, "There are no more modes than frames or values.")
        return rank
    if not 0 < energy <= 1:
        raise expected("an energy above 0 and at most 1", energy, "Give the share to keep.")
    shares = values.square().cumsum(0)
    if not shares[-1] > 0:
        raise expected("fields that vary", "equal frames", "Give more frames.")
    return min(int((shares / shares[-1] < energy * (1 - 1e-14)).sum()) + 1, len(values))
