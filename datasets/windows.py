"""Pairs of input and target cut from trajectories, as views."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import xarray as xr
from torch import Tensor
from torch.utils.data import Dataset, get_worker_info

from surrogate.datasets.errors import expected
from surrogate.datasets.signature import Signature
from surrogate.datasets.tensors import to_tensor

Batch = dict[str, Tensor]


@dataclass
class Windows(Dataset[Batch]):
    """Windows of ``history`` frames in and ``horizon`` frames out; for steady data the samples themselves.

    They start ``stride`` frames apart, an attribute that `prepare` gives the training part; without it at every frame.
    A batch has ``x`` of shape ``(batch, in_channels, *space)``, ``y`` ``(batch, out_channels, *space)`` and, where the
    data have them, ``static``, ``forcing`` and ``parameters``. With ``frames`` above the horizon ``y`` has so many, and
    ``forcing`` is that of all frames from the last known one to the last from which a stepper goes on.

    The data are held in memory, shared with ``fields`` where these have one field of type ``dtype`` that is not from a
    file. Windows that follow each other in a trajectory come as a view, others are gathered: write into neither.
    """

    fields: xr.Dataset
    signature: Signature
    dtype: torch.dtype = torch.float32
    frames: int | None = None

    def __post_init__(self) -> None:
        names, steady = self.signature, self.signature.dt is None
        frames = self.frames or names.horizon
        require_frames(self.fields, names, frames)
        self._cuts: dict[str, _Cut] = {}
        inputs = self._read(names.in_fields, timed=not steady)
        stride = 1 if steady else int(self.fields.attrs.get("stride", 1))
        starts = 1 if steady else inputs.shape[1] - names.history - frames + 1
        self._samples, self._per_sample = inputs.shape[0], len(range(0, starts, stride))
        self._cuts["x"] = _Cut.of(inputs, 0, names.history, stride)
        targets = self._read(names.out_fields, timed=False) if steady else inputs
        self._cuts["y"] = _Cut.of(targets, 0 if steady else names.history, frames, stride)
        if names.forcing_fields:
            forcing = self._read(names.forcing_fields, timed=True)
            last = (frames - 1) // names.horizon * names.horizon  # from which the last frames are made
            self._cuts["forcing"] = _Cut.of(forcing, names.history - 1, last + 1, stride)
        for key, still in (("static", names.static_fields), ("parameters", names.parameter_fields)):
            if still:
                self._cuts[key] = _Cut.of(self._read(still, timed=False), 0, 1, 0)

    def __len__(self) -> int:
        return self._samples * self._per_sample

    def __getitem__(self, index: int) -> Batch:
        return {key: value[0] for key, value in self.__getitems__([index]).items()}

    def __getitems__(self, indices: list[int]) -> Batch:
        """Return the whole batch at once: one view or one gather for each tensor."""
        index = torch.as_tensor(indices)
        if index.min() < 0 or index.max() >= len(self):
            raise IndexError(f"Expected numbers of windows below {len(self)}, got {indices}.")
        sample, window = index // self._per_sample, index % self._per_sample
        return {key: cut.take(sample, window) for key, cut in self._cuts.items()}

    def _read(self, names: tuple[str, ...], *, timed: bool) -> Tensor:
        """Return ``(sample, frame, channel, *space)``, with one frame for what has no time."""
        values = to_tensor(self.fields, names, self.dtype, share=True)
        return (values if timed else values.unsqueeze(1)).contiguous()


def require_frames(fields: xr.Dataset, signature: Signature, frames: int) -> None:
    """Raise `InputError` unless trajectories hold a window with so many frames of target."""
    needed = signature.history + frames
    if signature.dt is not None and fields.sizes["time"] < needed:
        got, do = f"{fields.sizes['time']} frames", "Train on fewer steps, or on longer trajectories."
        raise expected(f"trajectories of at least {needed} frames, {signature.history} to start from", got, do)


@dataclass(frozen=True)
class _Cut:
    """All stretches of so many frames ``(row, channel, *space)``, which overlap in memory; where a window finds its."""

    stretches: Tensor
    rows_per_sample: int
    rows_per_window: int

    @classmethod
    def of(cls, frames: Tensor, first: int, count: int, stride: int) -> _Cut:
        """Cut ``count`` frames out of ``(sample, frame, channel, *space)``, ``first`` after the start of a window."""
        channels, *space = frames.shape[2:]
        size = frames[0, 0].numel()
        stretches = frames.view(-1).unfold(0, count * size, size).view(-1, count * channels, *space)
        return cls(stretches[first:], frames.shape[1], stride)

    def take(self, sample: Tensor, window: Tensor) -> Tensor:
        """Return a batch: a view if its rows are evenly spaced.

        Workers gather always: of a view they would send the whole memory to the process that trains.
        """
        rows = sample * self.rows_per_sample + window * self.rows_per_window
        steps = rows.diff()
        even = bool((steps == steps[:1]).all() and (steps[:1] >= 0).all())
        if not even or get_worker_info() is not None:
            return self.stretches.index_select(0, rows)
        step = int(steps[0]) if len(steps) else 1
        view = self.stretches[int(rows[0]) : int(rows[-1]) + 1 : max(step, 1)]
        return view.expand(len(rows), *view.shape[1:])
