"""Files are read in forked children, which may crash, hang or ask for too much memory; their parent notes it."""

from __future__ import annotations

import json
import os
import re
import resource
import signal
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from surrogate import InputError

SECONDS = 10
MOST_GROWTH = 256 * 2**20
LIMIT = 2**30  # an attempt beyond it fails; one between the two succeeds and is seen in the peak
LONGEST = 1000
OPENED, REFUSED = "opened", "refused"
NO_MEMORY = re.compile(
    "allocate memory|Unable to allocate|memory allocation|bad_alloc|out of memory|MemoryError|malloc", re.IGNORECASE
)


@dataclass(frozen=True)
class Outcome:
    """What reading a file came to: opened, refused, or a forbidden kind; the words say more."""

    number: int
    kind: str
    words: str = ""


Step = Callable[[int], None]


def outcomes(change: Step, attempt: Step, warm_up: Callable[[], None], numbers: range, name: str) -> Iterator[Outcome]:
    """Call ``change`` and ``attempt`` with each number, in children that live until one of them dies or grows."""
    left = list(numbers)
    while left:
        reader, writer = os.pipe()
        child = os.fork()
        if not child:
            os.close(reader)
            _live(change, attempt, warm_up, left, name, writer)
        os.close(writer)
        with os.fdopen(reader) as lines:
            for line in lines:
                yield Outcome(**json.loads(line))
                left.pop(0)
        status = os.waitpid(child, 0)[1]
        if os.WIFSIGNALED(status):
            died = signal.Signals(os.WTERMSIG(status))
            yield Outcome(left.pop(0), "hang" if died == signal.SIGALRM else "crash", died.name)
        elif os.WEXITSTATUS(status):
            yield Outcome(left.pop(0), "crash", f"exit {os.WEXITSTATUS(status)}")


def _live(change: Step, attempt: Step, warm_up: Callable[[], None], numbers: list[int], name: str, writer: int) -> None:
    """Read files until one has made this process grow; never return."""
    status = 1
    try:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        spoken = os.memfd_create("spoken")
        warnings.simplefilter("ignore")
        warm_up()
        told = os.dup(2)
        os.dup2(spoken, 1)
        os.dup2(spoken, 2)
        before = _peak()
        resource.setrlimit(resource.RLIMIT_AS, (before + LIMIT,) * 2)
        for number in numbers:
            change(number)
            os.ftruncate(spoken, 0)
            os.lseek(spoken, 0, os.SEEK_SET)
            outcome = _outcome(attempt, number, name, spoken)
            grown = _peak() - before
            if grown > MOST_GROWTH:
                outcome = Outcome(number, "memory", f"{grown / 2**20:.0f} MB; {outcome.words}")
            os.write(writer, json.dumps(asdict(outcome)).encode() + b"\n")
            if grown > MOST_GROWTH:
                break
        status = 0
    except BaseException:
        os.write(told, traceback.format_exc().encode())
        raise
    finally:
        os._exit(status)


def _outcome(attempt: Step, number: int, name: str, spoken: int) -> Outcome:
    unraised: list[str] = []
    sys.unraisablehook = lambda event: unraised.append(repr(event.exc_value))
    signal.alarm(SECONDS)
    try:
        attempt(number)
        outcome = Outcome(number, OPENED)
    except InputError as error:
        outcome = _judged(error, number, name)
        error.__traceback__ = None
    except BaseException as error:  # noqa: BLE001  # that is what we look for
        outcome = Outcome(number, "traceback", f"{type(error).__name__}: {error}"[:300])
    signal.alarm(0)
    said = os.pread(spoken, 300, 0).decode(errors="replace")
    if unraised or said:
        return Outcome(number, "noise", " ".join([*unraised, said])[:300])
    return outcome


def _judged(error: InputError, number: int, name: str) -> Outcome:
    """Tell whether a refusal is as it should be."""
    words = str(error)
    if any(NO_MEMORY.search(repr(cause)) for cause in _chain(error)):
        return Outcome(number, "memory", words[:300])
    if len(words.splitlines()) != 1 or len(words) > LONGEST or not words.isprintable():
        return Outcome(number, "wording", words[:300])
    if name not in words:
        return Outcome(number, "no name", words[:300])
    return Outcome(number, REFUSED, words[:300])


def _chain(error: BaseException | None) -> list[BaseException]:
    seen: list[BaseException] = []
    while error is not None and error not in seen:
        seen.append(error)
        error = error.__cause__ or error.__context__
    return seen


def _peak() -> int:
    """Return the largest size that this process has had, in bytes."""
    status = Path("/proc/self/status").read_text()
    return 1024 * int(re.search(r"VmPeak:\s+(\d+)", status)[1])  # type: ignore[index]
