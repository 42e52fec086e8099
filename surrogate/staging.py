"""Frames on their way from the device to the host."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Chunk:
    """Some frames and marks on their way; ``buffer`` holds ``count`` frames ``(frame, batch, channel, *space)``."""

    buffer: Tensor
    count: int
    marks: Tensor
    copied: torch.cuda.Event | None

    def frames(self) -> Tensor:
        """Wait until all has arrived, and return the frames."""
        if self.copied is not None:
            self.copied.synchronize()
        return self.buffer[: self.count]


class Staging:
    """Gathers the frames of a batch on the host.

    On CUDA they travel on a stream of their own into one of two pinned buffers: the device computes on while the host
    stores what came before. Elsewhere there is one buffer.

    Parameters
    ----------
    frame
        Shape of a frame, ``(batch, channel, *space)``.
    capacity, at_once
        Number of frames that a buffer holds, and that may come before the next look at `is_full`.
    dtype, device
        Of the frames.
    """

    def __init__(
        self, frame: tuple[int, ...], capacity: int, at_once: int, dtype: torch.dtype, device: torch.device
    ) -> None:
        self._stream = torch.cuda.Stream(device) if device.type == "cuda" else None  # type: ignore[no-untyped-call]
        self.buffers = 1 if self._stream is None else 2
        self._free = deque(self._empty((capacity, *frame), dtype) for _ in range(self.buffers))
        self._count, self._limit = 0, capacity - at_once

    @property
    def is_full(self) -> bool:
        """Whether the frames of another call may not fit."""
        return self._count > self._limit

    def put(self, frame: Tensor) -> None:
        """Begin to copy a frame."""
        self._copy(self._free[0][self._count], frame)
        self._count += 1

    def turn(self, marks: Tensor) -> Chunk:
        """Return the frames since the last turn, and ``marks``; `release` gives their buffer back."""
        on_host = self._empty(tuple(marks.shape), marks.dtype)
        self._copy(on_host, marks)
        copied = None if self._stream is None else self._stream.record_event()
        chunk = Chunk(self._free.popleft(), self._count, on_host, copied)
        self._count = 0
        return chunk

    def release(self, chunk: Chunk) -> None:
        """Take back the buffer of a chunk that is stored."""
        self._free.append(chunk.buffer)

    def _empty(self, shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
        return torch.empty(shape, dtype=dtype, pin_memory=self._stream is not None)

    def _copy(self, to: Tensor, values: Tensor) -> None:
        if self._stream is None:
            to.copy_(values)
            return
        values = values.contiguous()  # or the copy would pass through memory that is not pinned
        self._stream.wait_stream(torch.cuda.current_stream(values.device))
        with torch.cuda.stream(self._stream):
            to.copy_(values, non_blocking=True)
        values.record_stream(self._stream)
