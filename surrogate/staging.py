"""Frames on their way from the device to the host."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Chunk:
    """Frames ``(frame, batch, channel, *space)`` and marks on the host, which are there once `wait` returns."""

    frames: Tensor
    marks: Tensor
    copied: torch.cuda.Event | None = None

    def wait(self) -> None:
        """Wait until all has arrived."""
        if self.copied is not None:
            self.copied.synchronize()


class Transfer:
    """Copies from a device to the host: from CUDA on a stream of its own, into pinned memory, without waiting."""

    def __init__(self, device: torch.device) -> None:
        self._stream = torch.cuda.Stream(device) if device.type == "cuda" else None  # type: ignore[no-untyped-call]
        #: Number of chunks that may be on their way: one, while the device computes the next.
        self.depth = 0 if self._stream is None else 1

    def begin(self, frames: Tensor, marks: Tensor) -> Chunk:
        """Begin to copy what nobody will change."""
        if self._stream is None:
            return Chunk(frames, marks)
        self._stream.wait_stream(torch.cuda.current_stream(frames.device))
        on_host = []
        with torch.cuda.stream(self._stream):
            for values in (frames, marks):
                pinned = torch.empty(values.shape, dtype=values.dtype, pin_memory=True)
                on_host.append(pinned.copy_(values, non_blocking=True))
                values.record_stream(self._stream)
        return Chunk(on_host[0], on_host[1], self._stream.record_event())
