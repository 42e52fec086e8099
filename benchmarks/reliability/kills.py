"""Kill making of data, training and rollout at random moments, go on, and compare with what was left in peace.

    python benchmarks/reliability/kills.py                             # 50 kills of each job; some minutes
    python benchmarks/reliability/kills.py --kills 5 --only train

A job runs in processes of its own, which SIGKILL ends all at once: after a time that is drawn between none and what the
undisturbed job takes, or, one time in three, before or after a call that makes a file last or renames or removes it. It is begun again until it ends;
then its files must be those of the undisturbed job: names, values, attributes and weights, bit by bit. Not compared are the
attributes and columns that count seconds, and the command line. The exit code is 1 if any file differs.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import jobs
import torch

#: What makes a file last, gives it its name or takes it away.
LASTING = ("fsync", "replace", "unlink")


class Child:
    """A job in a process group of its own."""

    def __init__(self, job: Callable[[Path], None], folder: Path, deadly_call: int | None = None) -> None:
        self._status: int | None = None
        self._process = os.fork()
        if not self._process:
            status = 1
            try:
                os.setsid()
                if deadly_call is not None:
                    _die_at(deadly_call)
                job(folder)
                status = 0
            finally:
                os._exit(status)

    def ends_within(self, seconds: float) -> bool:
        """Wait; tell whether it has ended."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            process, status = os.waitpid(self._process, os.WNOHANG)
            if process:
                self._status = status
                return True
            time.sleep(0.001)
        return False

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):  # not yet a group: it has done nothing
            os.killpg(self._process, signal.SIGKILL)
        os.kill(self._process, signal.SIGKILL)
        os.waitpid(self._process, 0)
        _group_is_gone(self._process)

    @property
    def was_killed(self) -> bool:
        """Whether it ended by its own hand, at a deadly call."""
        assert self._status is not None
        if os.WIFSIGNALED(self._status):
            _group_is_gone(self._process)
            return True
        if os.WEXITSTATUS(self._status):
            raise RuntimeError("the job failed")
        return False


def _die_at(count: int) -> None:
    """Let this process group end before or after one of the next calls that make files last."""
    left = [count]

    def deadly(call: Callable[..., None]) -> Callable[..., None]:
        def wrapped(*arguments: object, **options: object) -> None:
            left[0] -= 2
            if left[0] == -2:
                os.killpg(0, signal.SIGKILL)
            call(*arguments, **options)
            if left[0] == -1:
                os.killpg(0, signal.SIGKILL)

        return wrapped

    for name in LASTING:
        setattr(os, name, deadly(getattr(os, name)))


def _group_is_gone(group: int) -> None:
    """Wait until no process of a killed group is left."""
    with contextlib.suppress(ProcessLookupError):
        while True:
            os.killpg(group, signal.SIGKILL)
            time.sleep(0.001)


def undisturbed(job: Callable[[Path], None], folder: Path) -> float:
    """Return the seconds that the job takes, measured when all is loaded."""
    for attempt in ("first", "second"):
        (folder / attempt).mkdir()
        began = time.monotonic()
        child = Child(job, folder / attempt)
        while not child.ends_within(1.0):
            pass
        if child.was_killed:
            raise RuntimeError("the job was killed")
    return time.monotonic() - began


def disturbed(
    job: Callable[[Path], None], folder: Path, seconds: float, kills: int, dice: random.Random
) -> Iterator[tuple[int, Path]]:
    """Kill the job until it was killed ``kills`` times; give its folder and the number of kills whenever it ends."""
    done, rounds = 0, 0
    while done < kills:
        here, hits = folder / f"killed_{rounds}", 0
        here.mkdir()
        while True:
            if done + hits == kills:
                moment, deadly_call = 3600.0, None
            elif dice.random() < 1 / 3:
                moment, deadly_call = 3600.0, dice.randrange(24)
            else:
                moment, deadly_call = dice.uniform(0, seconds), None
            child = Child(job, here, deadly_call)
            if not child.ends_within(moment):
                child.kill()
            elif not child.was_killed:
                break
            hits += 1
        done, rounds = done + hits, rounds + 1
        yield hits, here


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=50, help="kills of each job (50)")
    parser.add_argument("--only", nargs="+", choices=jobs.JOBS, default=[*jobs.JOBS], help="the jobs; default: all")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    torch.set_num_threads(1)
    print("| job | kills | runs to the end | resumed to identical bits | seconds undisturbed |")
    print("|---|---|---|---|---|")
    failed = False
    for name in given.only:
        with tempfile.TemporaryDirectory(prefix="kills") as folder:
            seconds = undisturbed(jobs.JOBS[name], Path(folder))
            wanted = jobs.contents(Path(folder) / "first")
            assert jobs.contents(Path(folder) / "second") == wanted, "the job itself does not repeat its bits"
            same, runs = 0, 0
            dice = random.Random(f"{given.seed} {name}")
            for kills, here in disturbed(jobs.JOBS[name], Path(folder), seconds, given.kills, dice):
                found, runs = jobs.contents(here), runs + 1
                same += kills * (found == wanted)
                if found != wanted:
                    differing = sorted(key for key in found.keys() | wanted.keys() if found.get(key) != wanted.get(key))
                    print(f"{name}: other {json.dumps(differing)} after {kills} kills", file=sys.stderr)
        print(f"| {name} | {given.kills} | {runs} | {same} of {given.kills} | {seconds:.1f} |", flush=True)
        failed |= same < given.kills
    return failed


if __name__ == "__main__":
    sys.exit(main())
