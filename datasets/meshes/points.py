"""Point sets of different size in one batch, without padding."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from surrogate.datasets.errors import expected


class Points(NamedTuple):
    """A batch of point sets, one sample after another: sample ``i`` has the rows ``ptr[i]`` to ``ptr[i + 1]``.

    It is a tuple of tensors, so that whatever walks through nested tensors (compiler, data loader) takes it.

    Attributes
    ----------
    coordinates
        The points of all samples, ``(N, dim)``.
    ptr
        First row of each sample and, at the end, the number of rows, ``(B + 1,)``, as in a batch of torch-geometric.
    values
        What a function takes at the points, ``(N, channels)``; None where the positions say everything.
    simplices
        Rows of the corners of the segments, triangles or tetrahedra between the points, ``(S, corners)``, sample after
        sample; None for points without a mesh.

    Examples
    --------
    >>> points = Points.from_list([torch.zeros(3, 2), torch.ones(1, 2)])
    >>> points.ptr.tolist(), points.batch.tolist()
    ([0, 3, 4], [0, 0, 0, 1])
    """

    coordinates: Float[Tensor, "points dim"]
    ptr: Int[Tensor, " samples_and_one"]
    values: Float[Tensor, "points channel"] | None = None
    simplices: Int[Tensor, "simplices corners"] | None = None

    @classmethod
    def from_list(cls, coordinates: Sequence[Tensor], values: Sequence[Tensor] | None = None) -> Points:
        """Join the points ``(N_i, dim)`` and values ``(N_i, channels)`` of the samples."""
        if not coordinates:
            raise expected("at least one sample", "none", "Give the points of each sample.")
        counts = torch.tensor([0, *(len(sample) for sample in coordinates)], device=coordinates[0].device)
        joined = None if values is None else torch.cat(list(values))
        return cls(torch.cat(list(coordinates)), counts.cumsum(0), joined).check()

    @classmethod
    def join(cls, parts: Sequence[Points]) -> Points:
        """Join batches, what `split` took apart; values and simplices stay where all parts have them."""
        if not parts:
            raise expected("at least one batch", "none", "Give the points of each sample.")
        starts = torch.tensor([0, *(len(part.coordinates) for part in parts)]).cumsum(0).tolist()
        counts = torch.cat([part.counts for part in parts])
        values = [part.values for part in parts if part.values is not None]
        simplices = [
            part.simplices + start for part, start in zip(parts, starts, strict=False) if part.simplices is not None
        ]
        return cls(
            torch.cat([part.coordinates for part in parts]),
            torch.cat([counts.new_zeros(1), counts.cumsum(0)]),
            torch.cat(values) if len(values) == len(parts) else None,
            torch.cat(simplices) if len(simplices) == len(parts) else None,
        )

    @classmethod
    def from_pyg(cls, store: Any) -> Points:
        """Return the nodes of a torch-geometric ``Data`` or ``Batch``, or one node store of a ``HeteroData``.

        ``pos`` are the coordinates, ``x``, where present, the values; without ``ptr`` it is made from ``batch``, and
        without both there is one sample.
        """
        position, ptr, batch = store.pos, getattr(store, "ptr", None), getattr(store, "batch", None)
        if ptr is None and batch is not None:
            if (batch.diff() < 0).any():
                raise expected("nodes in the order of their samples", "a `batch` that decreases", "Sort the nodes.")
            ptr = torch.cat([batch.new_zeros(1), batch.bincount().cumsum(0)])
        if ptr is None:
            ptr = torch.tensor([0, len(position)], device=position.device)
        return cls(position, ptr, getattr(store, "x", None)).check()

    def to_pyg(self) -> Any:
        """Return a torch-geometric ``Batch`` with ``pos``, ``x`` (where there are values), ``batch`` and ``ptr``."""
        from torch_geometric.data import Batch, Data

        return Batch.from_data_list([Data(pos=sample.coordinates, x=sample.values) for sample in self.split()])

    def check(self, name: str = "points") -> Points:
        """Return these points; raise `InputError` about ``name`` unless its three parts fit together."""
        if self.coordinates.ndim != 2 or not self.coordinates.is_floating_point():
            got = f"{self.coordinates.dtype} of shape {tuple(self.coordinates.shape)}"
            raise expected(f"coordinates of {name} as floats of shape (points, dim)", got, "Give a row for each point.")
        n = self.coordinates.shape[0]
        if self.values is not None and (self.values.ndim != 2 or self.values.shape[0] != n):
            what = f"values of {name} of shape ({n}, channels)"
            raise expected(what, tuple(self.values.shape), "Give a row for each point.")
        if self.ptr.ndim != 1 or self.ptr.shape[0] < 2 or self.ptr.dtype != torch.int64:
            got = f"{self.ptr.dtype} of shape {tuple(self.ptr.shape)}"
            raise expected(f"ptr of {name} as int64 of shape (samples + 1,)", got, "Count the points of each sample.")
        if not torch.compiler.is_compiling():
            ends = self.ptr.cpu()
            if ends[0] != 0 or ends[-1] != n or (ends.diff() < 0).any():
                raise expected(f"ptr of {name} that rises from 0 to {n}", ends.tolist(), "Add up the counts.")
        return self

    @property
    def n_samples(self) -> int:
        """Number of samples."""
        return self.ptr.shape[0] - 1

    @property
    def counts(self) -> Int[Tensor, " samples"]:
        """Number of points of each sample."""
        return self.ptr.diff()

    @property
    def batch(self) -> Int[Tensor, " points"]:
        """The sample of each point."""
        samples = torch.arange(self.n_samples, device=self.ptr.device)
        return torch.repeat_interleave(samples, self.counts, output_size=self.coordinates.shape[0])

    def split(self) -> list[Points]:
        """Return the samples, each as a batch of one."""
        ends = self.ptr.tolist()
        samples = [self.rows(start, stop, slice(i, i + 2)) for i, (start, stop) in enumerate(pairwise(ends))]
        if self.simplices is None:
            return samples
        owner = torch.bucketize(self.simplices[:, 0].contiguous(), self.ptr[1:], right=True)
        pieces = torch.split(self.simplices, owner.bincount(minlength=self.n_samples).tolist())
        parts = zip(samples, pieces, ends, strict=False)
        return [sample._replace(simplices=simplices - start) for sample, simplices, start in parts]

    def rows(self, start: int, stop: int, samples: slice = slice(None)) -> Points:
        """Return the points ``start`` to ``stop`` without simplices; samples may be left with none of theirs."""
        values = None if self.values is None else self.values[start:stop]
        return Points(self.coordinates[start:stop], self.ptr[samples].clamp(start, stop) - start, values)

    def to(self, *args: Any, **kwargs: Any) -> Points:
        """Move to a device or floating dtype, as ``Tensor.to``; ``ptr`` and ``simplices`` keep their dtype."""
        coordinates = self.coordinates.to(*args, **kwargs)
        values = None if self.values is None else self.values.to(*args, **kwargs)
        simplices = None if self.simplices is None else self.simplices.to(coordinates.device)
        return Points(coordinates, self.ptr.to(coordinates.device), values, simplices)
