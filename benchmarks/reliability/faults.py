"""Let the disk be full, permission be denied, Ctrl-C be pressed and others write the same, at every stage of each job.

    python benchmarks/reliability/faults.py                            # 20 of each fault for each job; some minutes
    python benchmarks/reliability/faults.py --count 3 --only train rollout

Each time the job has to end as it should: with a message of one line (exit status 2 of the command line) or, for
Ctrl-C, 130; or well, where the fault came too late. Then it is begun again without the fault, and its files must be
those of a job that was left in peace, bit by bit. The exit code is 1 if any of this fails.

full disk
    a call that makes files last, renames or removes them says so.
large file
    the system refuses to let files grow beyond a size that is drawn (RLIMIT_FSIZE).
no permission
    such a call says so.
Ctrl-C
    after a time that is drawn (SIGINT).
other writer
    the job is begun while another one stands still before such a call; it has to be refused, and the other one to end.
"""

from __future__ import annotations

import argparse
import errno
import os
import random
import resource
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import jobs
import torch
from processes import DONE, INTERRUPTED, REFUSED, Child, Job, at_call


class Case:
    """A job, what it makes undisturbed, and folders for it to be disturbed in."""

    def __init__(self, job: Job, folder: Path, dice: random.Random) -> None:
        self.job, self.dice, self._folder, self._count = job, dice, folder, 0
        self.seconds, self.wanted = jobs.undisturbed(job, folder)
        self.largest = max(file.stat().st_size for file in (folder / "first").rglob("*") if file.is_file())

    def new_folder(self) -> Path:
        self._count += 1
        folder = self._folder / f"disturbed_{self._count}"
        folder.mkdir()
        return folder


def system_says(number: int) -> Callable[[Case], str]:
    """Return a fault: a call of the system fails with this error."""

    def fault(case: Case) -> str:
        def fail() -> None:
            raise OSError(number, os.strerror(number))

        return _resumed(case, at_call(2 * case.dice.randrange(12), fail))

    return fault


def large_file(case: Case) -> str:
    most = case.dice.randrange(case.largest)

    def prepare() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))

    return _resumed(case, prepare)


def interrupt(case: Case) -> str:
    return _resumed(case, None, after=case.dice.uniform(0, case.seconds))


def other_writer(case: Case) -> str:
    """Begin the job twice, the second time while the first one stands still."""
    here = case.new_folder()
    standing, going = os.pipe(), os.pipe()

    def wait() -> None:
        os.write(standing[1], b"!")
        os.read(going[0], 1)

    first = Child(case.job, here, at_call(0, wait))
    os.read(standing[0], 1)
    second = Child(case.job, here)
    second.ends_within()
    said = second.words.read_text() if second.words.exists() else "nothing"
    os.write(going[1], b"!")
    first.ends_within()
    if second.status != REFUSED or "nobody else writes" not in said:
        return f"not refused: {second.status}, {said}"
    if first.status != DONE or jobs.differing(jobs.contents(here), case.wanted):
        return f"the first one ended with {first.status}"
    return "as it should"


def _resumed(case: Case, prepare: Callable[[], None] | None, after: float | None = None) -> str:
    """Do the job with a fault and, if it came to that, again without; tell what was wrong."""
    here = case.new_folder()
    child = Child(case.job, here, prepare)
    if after is not None and not child.ends_within(after):
        child.send(signal.SIGINT)
    child.ends_within()
    said = child.words.read_text() if child.words.exists() else ""
    if child.status not in (DONE, REFUSED, INTERRUPTED) or len(said.splitlines()) > 1:
        return f"ended with {child.status}: {said}"
    again = Child(case.job, here)
    again.ends_within()
    if again.status != DONE:
        return f"did not go on after {said!r}: {again.words.read_text()}"
    differing = jobs.differing(jobs.contents(here), case.wanted)
    return f"other {differing} after {said!r}" if differing else "as it should"


FAULTS = {
    "full disk": system_says(errno.ENOSPC),
    "large file": large_file,
    "no permission": system_says(errno.EACCES),
    "Ctrl-C": interrupt,
    "other writer": other_writer,
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=20, help="how often each fault comes to each job (20)")
    parser.add_argument("--only", nargs="+", choices=jobs.JOBS, default=[*jobs.JOBS], help="the jobs; default: all")
    parser.add_argument("--faults", nargs="+", choices=FAULTS, default=[*FAULTS], help="the faults; default: all")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    torch.set_num_threads(1)
    print(f"| job | {' | '.join(given.faults)} |")
    print("|---" * (1 + len(given.faults)) + "|")
    failed = False
    for name in given.only:
        with tempfile.TemporaryDirectory(prefix="faults") as folder:
            case = Case(jobs.JOBS[name], Path(folder), random.Random(f"{given.seed} {name}"))
            well = Counter[str]()
            for fault in given.faults:
                for _ in range(given.count):
                    found = FAULTS[fault](case)
                    well[fault] += found == "as it should"
                    if found != "as it should":
                        print(f"{name}, {fault}: {found}", file=sys.stderr, flush=True)
        print(f"| {name} | {' | '.join(f'{well[fault]} of {given.count}' for fault in given.faults)} |", flush=True)
        failed |= min(well.values(), default=0) < given.count
    return failed


if __name__ == "__main__":
    sys.exit(main())
