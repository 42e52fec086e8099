"""What solvers cost on this machine, kept from comparison to comparison."""

from __future__ import annotations

import hashlib
import json
import math
import os
import platform
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from surrogate.datasets.readers.damage import unreadable
from surrogate.datasets.storage.whole_files import whole_file
from surrogate.evaluation.environment import environment
from surrogate.evaluation.tasks import RolloutTask, Task
from surrogate.evaluation.timing import BATCHES, REPEATS, Cost, Timing, cost, quick_seconds

#: A stored time that is off by more than this factor shows that the machine is busy, or no longer the same.
_CHANGED = 1.5

#: What is raised where a file does not hold what `CostCache` writes.
_DAMAGE = (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError)


class CostCache:
    """Times of solvers in a folder, one file for each solver, task, device and machine.

    Only times are kept; errors are computed anew in every comparison, and surrogates are always timed. A time is used
    again only where machine, threads, versions, device, case, settings of the solver, number of steps and the batches
    tried are the same, and if the first one that is found on each device is measured again and still holds within a
    factor of 1.5; else all are measured anew. So is what a damaged file held, and a note says so. Solvers that are not
    of this package, which may not say all that they depend on, are not kept.

    Parameters
    ----------
    folder
        Where the files are; None keeps nothing.
    refresh
        Measure all anew, and replace what is stored.
    """

    def __init__(self, folder: str | Path | None = None, *, refresh: bool = False) -> None:
        self.folder = None if folder is None else Path(folder)
        self.refresh = refresh
        self.reused = 0
        self._holds: dict[torch.device, bool] = {}
        self._damaged: list[str] = []

    def measure(self, task: Task, case: str | None, *, budget: float | None) -> Cost:
        """Return the cost of a solver's task: the stored one if it serves, else measured and stored.

        With a ``budget`` a time that was measured within one serves, too; without it only one with all its repeats.
        """
        if self.folder is None or not _is_ours(task):
            return cost(task, budget=budget)
        key = _key(task, case)
        name = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()
        path = self.folder / f"{name[:32]}.json"
        known = None if self.refresh else self._known(path, key, complete=budget is None)
        if known is not None and self._still_holds(task, known):
            self.reused += 1
            return known
        fresh = cost(task, budget=budget)
        self.folder.mkdir(parents=True, exist_ok=True)
        content = {"key": key, "complete": budget is None, "cost": asdict(fresh)}
        with whole_file(path, overwrite=True) as part:
            part.write_text(json.dumps(content, indent=1), encoding="utf-8")
        return fresh

    @property
    def notes(self) -> list[str]:
        """What the reader must know of the times."""
        notes = [f"{reason} They were measured anew." for reason in self._damaged]
        if not all(self._holds.values()):
            return [*notes, f"Stored times no longer hold (factor {_CHANGED} or more): all were measured anew."]
        return [*notes, f"Times of {self.reused} solvers are from {str(self.folder)!r}."] if self.reused else notes

    def _known(self, path: Path, key: dict[str, Any], *, complete: bool) -> Cost | None:
        """Return the cost in a file; None, and a note, where the file is damaged."""
        try:
            return _read(path, key, complete=complete)
        except _DAMAGE as error:
            self._damaged.append(str(unreadable("times of a solver in", path, error, do="")).rstrip())
            return None

    def _still_holds(self, task: Task, known: Cost) -> bool:
        if task.device not in self._holds:
            ratio = quick_seconds(task) / known.single.median
            self._holds[task.device] = 1 / _CHANGED < ratio < _CHANGED
        return self._holds[task.device]


def default_folder() -> Path:
    """Return the folder for times in the user's cache (``XDG_CACHE_HOME``, by default ``~/.cache``)."""
    root = os.environ.get("XDG_CACHE_HOME")
    return (Path(root) if root else Path.home() / ".cache") / "surrogate" / "costs"


def _is_ours(task: Task) -> bool:
    operator = task.operator
    return bool(operator.settings) and type(operator).__module__.startswith("surrogate.")


def _key(task: Task, case: str | None) -> dict[str, Any]:
    """Return all that the cost of a task depends on, as it comes back from JSON."""
    operator = task.operator
    work: dict[str, Any] = {"sample_bytes": task.sample_bytes, "batches": BATCHES, "repeats": REPEATS}
    if isinstance(task, RolloutTask):
        work |= {"steps": task.steps, "every": task.every, "own_parameters": task.given.parameters is not None}
    solver = getattr(operator, "solver", operator)
    key = {
        "machine": {"node": platform.node(), **environment(task.device)},
        "case": case,
        "solver": [type(operator).__qualname__, type(solver).__qualname__, repr(solver.domain), str(operator.dtype)],
        "settings": dict(operator.settings),
        "work": work,
    }
    plain: dict[str, Any] = json.loads(json.dumps(key, default=str))
    return plain


def _read(path: Path, key: dict[str, Any], *, complete: bool) -> Cost | None:
    """Return the cost in a file, None where there is no file, or one of another key or with too few repeats."""
    if not path.exists():
        return None
    content = json.loads(path.read_text(encoding="utf-8"))
    if content["key"] != key or (complete and not content["complete"]):
        return None
    entry = content["cost"]
    tried = tuple(map(_timing, entry["tried"]))
    first = _seconds(entry["first_call_seconds"])
    return Cost(_timing(entry["single"]), _timing(entry["best"]), tried, first, bool(entry["cut"]))


def _timing(entry: dict[str, Any]) -> Timing:
    times = (_seconds(entry[name]) for name in ("median", "lower", "upper"))
    return Timing(int(entry["batch"]), int(entry["repeats"]), *times)


def _seconds(value: Any) -> float:
    if not 0 < value < math.inf:
        raise ValueError(f"a time of {value!r} seconds")
    return float(value)
