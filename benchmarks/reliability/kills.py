"""Kill making of data, training and rollout at random moments, go on, and compare with what was left in peace.

    python benchmarks/reliability/kills.py                             # 50 kills of each job; some minutes
    python benchmarks/reliability/kills.py --kills 5 --only train

A job runs in processes of its own, which SIGKILL ends all at once: after a time that is drawn between none and what
the undisturbed job takes, or, one time in three, before or after a call that makes a file last, renames or removes it.
It is begun again until it ends; then its files must be those of the undisturbed job: names, values, attributes and
weights, bit by bit. Not compared are attributes and columns that count seconds, the command line, clocks in the state
of the trainer, and empty hidden locks. The exit code is 1 if any file differs.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import jobs
import torch
from processes import DONE, Child, Job, at_call


def disturbed(job: Job, folder: Path, seconds: float, kills: int, dice: random.Random) -> Iterator[tuple[int, Path]]:
    """Kill the job ``kills`` times; give its folder and the number of kills whenever it ends."""
    done, rounds = 0, 0
    while done < kills:
        here, hits = folder / f"killed_{rounds}", 0
        here.mkdir()
        while _is_killed(job, here, seconds, dice, last=done + hits == kills):
            hits += 1
        done, rounds = done + hits, rounds + 1
        yield hits, here


def _is_killed(job: Job, folder: Path, seconds: float, dice: random.Random, *, last: bool) -> bool:
    """Begin the job and kill it, unless it ends before or this is the ``last`` time."""
    by_call = not last and dice.random() < 1 / 3
    moment = 3600.0 if last or by_call else dice.uniform(0, seconds)
    prepare = at_call(dice.randrange(24), lambda: os.killpg(0, signal.SIGKILL)) if by_call else None
    child = Child(job, folder, prepare)
    if not child.ends_within(moment):
        child.kill()
    if not child.was_killed and child.status != DONE:
        raise RuntimeError(f"the job ended with {child.status}: {child.words.read_text()}")
    return child.was_killed


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=50, help="kills of each job (50)")
    parser.add_argument("--only", nargs="+", choices=jobs.LONG, default=[*jobs.LONG], help="the jobs; default: all")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    torch.set_num_threads(1)
    print("| job | kills | runs to the end | resumed to identical bits | seconds undisturbed |")
    print("|---|---|---|---|---|")
    failed = False
    for name in given.only:
        with tempfile.TemporaryDirectory(prefix="kills") as folder:
            seconds, wanted = jobs.undisturbed(jobs.LONG[name], Path(folder))
            same, runs = 0, 0
            dice = random.Random(f"{given.seed} {name}")
            for kills, here in disturbed(jobs.LONG[name], Path(folder), seconds, given.kills, dice):
                differing, runs = jobs.differing(jobs.contents(here), wanted), runs + 1
                same += 0 if differing else kills
                if differing:
                    print(f"{name}: other {json.dumps(differing)} after {kills} kills", file=sys.stderr)
        print(f"| {name} | {given.kills} | {runs} | {same} of {given.kills} | {seconds:.1f} |", flush=True)
        failed |= same < given.kills
    return failed


if __name__ == "__main__":
    sys.exit(main())
