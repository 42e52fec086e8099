"""Jobs in process groups of their own, which can be ended at any moment."""

from __future__ import annotations

import contextlib
import os
import signal
import time
import traceback
from collections.abc import Callable
from pathlib import Path

from surrogate import InputError

Job = Callable[[Path], None]

#: What makes a file last, gives it its name or takes it away.
LASTING = ("fsync", "replace", "unlink")
DONE, FAILED, REFUSED, INTERRUPTED = 0, 1, 2, 130


class Child:
    """A job that runs; ``prepare`` is called in its process before it begins.

    Its exit status is that of our command line: 0, 2 where the job refuses or says what of the system was in its way
    in one line, and 130 for Ctrl-C.
    """

    def __init__(self, job: Job, folder: Path, prepare: Callable[[], None] | None = None) -> None:
        self.status: int | None = None
        self.words = folder.with_name(f"{folder.name}.said")
        self._process = os.fork()
        if not self._process:
            status = FAILED
            try:
                os.setsid()
                status = _run(job, folder, prepare, self.words)
            except KeyboardInterrupt:  # before it began or after it ended
                status = INTERRUPTED
            finally:
                os._exit(status)

    def ends_within(self, seconds: float = 3600.0) -> bool:
        """Wait; tell whether it has ended."""
        end = time.monotonic() + seconds
        while self.status is None and time.monotonic() < end:
            process, status = os.waitpid(self._process, os.WNOHANG)
            if process:
                self._end(status)
            else:
                time.sleep(0.001)
        return self.status is not None

    def send(self, number: signal.Signals) -> None:
        """Send a signal to all its processes."""
        with contextlib.suppress(ProcessLookupError):  # not a group yet: it has done nothing
            os.killpg(self._process, number)
            return
        os.kill(self._process, number)

    def kill(self) -> None:
        """End all its processes, at once."""
        self.send(signal.SIGKILL)
        self._end(os.waitpid(self._process, 0)[1])

    @property
    def was_killed(self) -> bool:
        """Whether SIGKILL ended it."""
        return self.status == -signal.SIGKILL

    def _end(self, status: int) -> None:
        self.status = os.waitstatus_to_exitcode(status)
        with contextlib.suppress(ProcessLookupError):  # workers that it leaves
            while self.was_killed:
                os.killpg(self._process, signal.SIGKILL)
                time.sleep(0.001)


def at_call(count: int, act: Callable[[], None]) -> Callable[[], None]:
    """Return what lets ``act`` happen before, or for odd counts after, one of the next calls that make files last."""

    def prepare() -> None:
        left = [count]

        def counted(call: Callable[..., None]) -> Callable[..., None]:
            def wrapped(*arguments: object, **options: object) -> None:
                left[0] -= 2
                if left[0] == -2:
                    act()
                call(*arguments, **options)
                if left[0] == -1:
                    act()

            return wrapped

        for name in LASTING:
            setattr(os, name, counted(getattr(os, name)))

    return prepare


def _run(job: Job, folder: Path, prepare: Callable[[], None] | None, words: Path) -> int:
    """Do the job; return the exit status and leave what was said."""
    try:
        if prepare is not None:
            prepare()
        job(folder)
    except KeyboardInterrupt:
        return INTERRUPTED
    except (InputError, OSError) as error:
        words.write_text(str(error))
        return REFUSED
    except BaseException:
        words.write_text(traceback.format_exc())
        raise
    return DONE
