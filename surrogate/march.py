"""The loop of a rollout: batch after batch, step after step."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from surrogate.compute import computing
from surrogate.datasets.errors import NumericalFailure
from surrogate.frames import FrameSink
from surrogate.initial_value import InitialValue
from surrogate.journal import Place, leaves, with_leaves, without_tensors
from surrogate.operator import Stepper
from surrogate.progress import progress_bar
from surrogate.staging import Chunk, Transfer
from surrogate.watch import NEVER, Watch

#: Frames are stored, and faults looked for, once so many bytes or frames have come, or seconds passed.
CHUNK_BYTES = 8 * 2**20
CHUNK_FRAMES = 64
CHUNK_SECONDS = 1.0


@dataclass(frozen=True)
class March:
    """One rollout: what is asked for."""

    stepper: Stepper
    start: InitialValue
    steps: int
    every: int
    batch_size: int
    device: str | torch.device | None
    keep_going: bool
    compile: bool
    progress: bool

    def run(self, sink: FrameSink) -> Tensor:
        """Fill ``sink`` with the frames that are kept, from where it was left.

        Where the memory of a GPU does not hold a batch it is halved.

        Returns the first step at which each field of each sample was outside the range of the stepper,
        ``(sample, channel)``; `NEVER` where it was not.
        """
        samples, channels = self.start.samples, len(self.stepper.out_fields)
        place = sink.place or Place(self.batch_size, torch.full((samples, channels), NEVER))
        done = place.first * self.steps + (place.rows.stop - place.first) * place.step
        with (
            progress_bar("rollout", samples * self.steps, done=done, show=self.progress) as advance,
            computing(self.stepper, self.device) as device,
        ):
            step = compiled(self.stepper, device) if self.compile else self.stepper.step
            while place.first < samples:
                batch = _Batch(self, place, sink, step, advance)
                try:
                    batch.run(device)
                except torch.cuda.OutOfMemoryError:
                    if place.size == 1:
                        raise
                    batch.give_up()
                    place.size, place.step, place.carry = place.size // 2, 0, None
                    torch.cuda.empty_cache()
                else:
                    place.next_batch()
                    if sink.is_due:
                        sink.keep(place)
        return place.left


def compiled(stepper: Stepper, device: torch.device) -> Callable[..., Any]:
    """Return the step of ``stepper``, compiled; on CUDA as a graph, out of whose memory the results are copied."""
    if device.type != "cuda":
        return torch.compile(stepper.step)
    step = torch.compile(stepper.step, mode="reduce-overhead")

    def replay(carry: Any, forcing: Tensor | None) -> Any:
        torch.compiler.cudagraph_mark_step_begin()  # type: ignore[no-untyped-call]
        return pytree.tree_map(lambda leaf: leaf.clone() if isinstance(leaf, Tensor) else leaf, step(carry, forcing))

    return replay


class _Batch:
    """Some samples on their way."""

    def __init__(
        self, march: March, place: Place, sink: FrameSink, step: Callable[..., Any], advance: Callable[..., None]
    ) -> None:
        self._march, self._place, self._sink, self._step, self._advance = march, place, sink, step, advance
        self._rows, self._shown = place.rows, place.step
        self._stored = place.step // march.every
        self._kept: dict[int, Tensor] = {}
        self._waiting: deque[tuple[Chunk, int]] = deque()

    def run(self, device: torch.device) -> None:
        """Take the steps that are left, and store the frames."""
        march, stepper, done = self._march, self._march.stepper, self._place.step
        start = march.start.batch(self._rows, device)
        carry = stepper.init(start.state, start.static, start.parameters)
        fixed = without_tensors(carry)
        if self._place.carry is not None:
            carry = with_leaves(carry, self._place.carry)
        self._initial = start.state[:, -len(stepper.out_fields) :]
        last_call = (march.steps - 1) // stepper.horizon * stepper.horizon
        self._watch = Watch(stepper, self._initial, faults=not march.keep_going, last_call=last_call)
        self._transfer = Transfer(device)
        fitting = CHUNK_BYTES // (self._initial.numel() * stepper.dtype.itemsize)
        most = max(1, min(CHUNK_FRAMES, fitting))
        began = time.monotonic()
        for step in range(done, march.steps, stepper.horizon):
            carry, new = self._step(carry, None if start.forcing is None else start.forcing[:, step])
            self._take(new, step)
            if len(self._kept) >= most or time.monotonic() - began > CHUNK_SECONDS or self._sink.is_due:
                self._send(min(step + stepper.horizon, march.steps))
                if self._sink.is_due:
                    self._keep(step + stepper.horizon, leaves(carry, fixed))
                began = time.monotonic()
        self._send(march.steps)
        self._store(0)

    def give_up(self) -> None:
        """Take back what the progress bar has shown of these samples."""
        self._show(0)

    def _take(self, new: Tensor, step: int) -> None:
        """Take the new frames that are wanted, and only look at the others."""
        for number, frame in enumerate(torch.split(new, self._initial.shape[1], dim=1), start=step + 1):
            if number > self._march.steps:
                break
            if number % self._march.every:
                self._watch.passes(frame, number)
            else:
                self._kept[number] = frame

    def _send(self, step: int) -> None:
        """Send the frames up to ``step`` to the host, and store those that have arrived."""
        frames = torch.stack([*self._kept.values()]) if self._kept else self._initial[None, :][:0]
        marks = self._watch.look(frames, [*self._kept])
        self._kept.clear()
        self._waiting.append((self._transfer.begin(frames, marks), step))
        self._store(self._transfer.depth)

    def _store(self, left: int) -> None:
        """Store what was sent but for the last ``left`` chunks, once it is known to be right."""
        while len(self._waiting) > left:
            chunk, step = self._waiting.popleft()
            chunk.wait()
            self._stop_at_fault(chunk.marks)
            self._place.left[self._rows] = torch.minimum(self._place.left[self._rows], chunk.marks[-1])
            end = self._stored + len(chunk.frames)
            if end > self._stored:
                self._sink.write(self._rows, slice(self._stored, end), chunk.frames.transpose(0, 1))
            self._stored = end
            self._show(step)

    def _keep(self, step: int, carry: list[Any] | None) -> None:
        """Make sure that the rollout can go on from here; without a carry from where these samples started."""
        self._store(0)
        self._place.step, self._place.carry = (0, None) if carry is None else (step, carry)
        self._sink.keep(self._place)

    def _show(self, step: int) -> None:
        self._advance((self._rows.stop - self._rows.start) * (step - self._shown))
        self._shown = step

    def _stop_at_fault(self, marks: Tensor) -> None:
        fault = self._watch.fault(marks)
        if fault is None:
            return
        stepper, start = self._march.stepper, self._march.start.start
        sample = self._rows.start + fault.sample
        where = f"step {fault.step} (time {start + fault.step * stepper.dt:.6g}), sample {sample}"
        message = f"Rollout stopped at {where}, field {stepper.out_fields[fault.channel]!r}: it {fault.words}."
        raise NumericalFailure(f"{message} {stepper.advice(self._initial)}".rstrip(), sample)
