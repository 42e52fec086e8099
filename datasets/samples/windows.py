"""Pairs of input and target cut from trajectories, as views."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import torch
import xarray as xr
from torch import Tensor
from torch.utils.data import Dataset

from surrogate.datasets.errors import expected
from surrogate.datasets.samples.signature import Signature
from surrogate.datasets.samples.stored_frames import StoredFrames
from surrogate.datasets.samples.tensors import to_tensor
from surrogate.datasets.samples.window_frames import Frames, HeldFrames, Span
from surrogate.datasets.storage.blocks import fits_in_memory
from surrogate.datasets.storage.stored import is_lazy

Batch = dict[str, Tensor]


@dataclass
class Windows(Dataset[Batch]):
    """Windows of ``history`` frames in and ``horizon`` frames out; for steady data the samples themselves.

    They start ``stride`` frames apart, an attribute that `prepare` gives the training part; without it at every frame.
    A batch has ``x`` of shape ``(batch, in_channels, *space)``, ``y`` ``(batch, out_channels, *space)`` and, where the
    data have them, ``static``, ``forcing`` and ``parameters``. With ``frames`` above the horizon ``y`` has so many, and
    ``forcing`` is that of all frames from the last known one to the last from which a stepper goes on.

    The data are held in memory, shared with ``fields`` where these have one field of type ``dtype`` that is there.
    Fields in files that would take more than half of the memory that is free are read for each batch instead, the same
    numbers: ``in_memory`` chooses one or the other. Processes that load batches open the files themselves.

    Windows that follow each other in a trajectory come as a view, others are gathered: write into neither.
    """

    fields: xr.Dataset
    signature: Signature
    dtype: torch.dtype = torch.float32
    frames: int | None = None
    in_memory: bool | None = None

    def __post_init__(self) -> None:
        names, steady = self.signature, self.signature.dt is None
        frames = self.frames or names.horizon
        require_frames(self.fields, names, frames)
        still = {"static": names.static_fields, "parameters": names.parameter_fields}
        if self.in_memory is None:
            every = (*names.in_fields, *names.out_fields, *names.forcing_fields, *sum(still.values(), ()))
            lazy = [self.fields[name] for name in set(every) if is_lazy(self.fields[name])]
            self.in_memory = fits_in_memory(sum(variable.size for variable in lazy) * self.dtype.itemsize)
        self._stride = 1 if steady else int(self.fields.attrs.get("stride", 1))
        if steady:
            still = {"x": names.in_fields, "y": names.out_fields, **still}
            self._sources, starts = [], 1
        else:
            parts = {"x": (0, names.history), "y": (names.history, frames)}
            self._sources = [_Source(self._frames(names.in_fields, timed=True), 0, names.history + frames, parts)]
            starts = self.fields.sizes["time"] - names.history - frames + 1
        self._per_sample = len(range(0, starts, self._stride))
        if names.forcing_fields:
            count = (frames - 1) // names.horizon * names.horizon + 1  # to that from which the last frames are made
            forcing = self._frames(names.forcing_fields, timed=True)
            self._sources.append(_Source(forcing, names.history - 1, count, {"forcing": (0, count)}))
        for key, members in still.items():
            if members:
                self._sources.append(_Source(self._frames(members, timed=False), None, 1, {key: (0, 1)}))

    def __len__(self) -> int:
        return self.fields.sizes.get("sample", 1) * self._per_sample

    def __getitem__(self, index: int) -> Batch:
        return {key: value[0] for key, value in self.__getitems__([index]).items()}

    def __getitems__(self, indices: list[int]) -> Batch:
        """Return the whole batch at once: one view or one gather for each tensor."""
        if min(indices) < 0 or max(indices) >= len(self):
            raise IndexError(f"Expected numbers of windows below {len(self)}, got {indices}.")
        windows = [divmod(index, self._per_sample) for index in indices]
        batch: Batch = {}
        for frames, first, length, parts in self._sources:
            step, begin = (0, 0) if first is None else (self._stride, first)
            batch |= frames.windows([(sample, begin + step * window) for sample, window in windows], length, parts)
        return batch

    def _frames(self, names: tuple[str, ...], *, timed: bool) -> Frames:
        """Return frames in memory, or those in files if they are fields over space there and not to be held."""
        variables = [self.fields[name] for name in names]
        if not self.in_memory and any(is_lazy(v) and v.ndim > 1 and "sample" in v.dims for v in variables):
            return StoredFrames(self.fields, names, self.dtype, timed=timed)
        values = to_tensor(self.fields, names, self.dtype, share=True)
        return HeldFrames(values if timed else values.unsqueeze(1))


class _Source(NamedTuple):
    """Frames of which a window takes ``length``, the ``first`` after its start (None: there is one for each sample).

    ``parts`` holds what they are in a batch: how many after the first of them, and how many.
    """

    frames: Frames
    first: int | None
    length: int
    parts: Mapping[str, Span]


def require_frames(fields: xr.Dataset, signature: Signature, frames: int) -> None:
    """Raise `InputError` unless trajectories hold a window with so many frames of target."""
    needed = signature.history + frames
    if signature.dt is not None and fields.sizes["time"] < needed:
        got, do = f"{fields.sizes['time']} frames", "Train on fewer steps, or on longer trajectories."
        raise expected(f"trajectories of at least {needed} frames, {signature.history} to start from", got, do)
