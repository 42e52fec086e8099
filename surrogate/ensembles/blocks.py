"""Samples of a case, solved so that the bits of each depend on nothing but the case, the seed and its number."""

from __future__ import annotations

import itertools
import re
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import xarray as xr

from surrogate.cases.case import Case
from surrogate.cases.steady_case import SteadyCase
from surrogate.datasets.errors import NumericalFailure
from surrogate.datasets.samples.ragged import join_samples
from surrogate.datasets.samples.tensors import to_fields
from surrogate.rollouts import rollout

#: What a solver raises for a sample that it cannot solve.
SOLVER_ERRORS = (ArithmeticError, AssertionError, LookupError, RuntimeError, TypeError, ValueError)

Advance = Callable[[int], object]


class FailedSamples(UserWarning):
    """Some samples could not be solved and were left out."""


@dataclass(frozen=True)
class Solved:
    """The fields of the samples that were solved (None: of none), and why the others were not, by their number."""

    fields: xr.Dataset | None
    failed: dict[int, str]


@dataclass(frozen=True)
class BlockSolver:
    """Solves samples of a case in blocks of a fixed size.

    Transforms and vector instructions round differently in batches of different size and at different places of a
    batch. So sample i is always computed at place ``i % size`` of a batch of ``size`` samples, on one thread; places of
    samples that are not wanted are taken by others. The size is one where a case solves its samples one by one.

    Parameters
    ----------
    case, seed
        What is solved.
    size
        Number of samples in a block.
    dtype
        Of the fields that are returned.
    device
        Where to solve; None: the CPU.
    """

    case: Case | SteadyCase
    seed: int
    size: int
    dtype: str
    device: str | None = None

    def solve(self, numbers: Sequence[int], advance: Advance = lambda pieces: None) -> Solved:
        """Return the samples of these numbers; ``advance`` is called with how many more are done.

        Raises
        ------
        Exception
            What the solver raises for all of several samples, if it is no `NumericalFailure`: the case is wrong then.
        """
        parts: list[xr.Dataset] = []
        errors: dict[int, Exception] = {}
        with one_thread(), one_warning_of_each_kind():
            for group in self._groups(numbers):
                fields, faults = self._solve_group(group)
                parts += [] if fields is None else [fields]
                errors |= faults
                advance(len(group))
        if not parts and len(errors) > 1 and not any(isinstance(e, NumericalFailure) for e in errors.values()):
            raise next(iter(errors.values()))
        return Solved(
            join_samples(parts) if parts else None, {number: _reason(error, number) for number, error in errors.items()}
        )

    def _groups(self, numbers: Sequence[int]) -> Iterator[list[int]]:
        """Return the wanted samples of each block."""
        for _, group in itertools.groupby(numbers, lambda number: number // self.size):
            yield list(group)

    def _solve_group(self, group: list[int]) -> tuple[xr.Dataset | None, dict[int, Exception]]:
        """Return the samples that can be solved, and what the solver says of the others."""
        faults: dict[int, Exception] = {}
        while left := [number for number in group if number not in faults]:
            try:
                return self._attempt(left), faults
            except torch.OutOfMemoryError:
                raise
            except SOLVER_ERRORS as error:
                faults |= self._blame(left, error)
        return None, faults

    def _blame(self, group: list[int], error: Exception) -> dict[int, Exception]:
        """Return the samples that are to blame for an error: the one it names, or all that fail alone."""
        if isinstance(error, NumericalFailure) and error.sample is not None:
            return {self._places(group)[error.sample]: error}
        faults: dict[int, Exception] = {}
        for number in group if len(group) > 1 else ():
            try:
                self._attempt([number])
            except SOLVER_ERRORS as own:
                faults[number] = own
        if not faults and len(group) > 1:
            raise error
        return faults or {group[0]: error}

    def _attempt(self, group: list[int]) -> xr.Dataset:
        solve = self._trajectories if isinstance(self.case, Case) else self._steady
        with np.errstate(over="ignore"), _warnings_by_number(self._places(group)):  # an overflow is found below
            fields = solve(group).astype(self.dtype)
        _check_finite(fields, self._rows(group)[1])
        return fields

    def _places(self, group: list[int]) -> list[int]:
        """Return which sample is at each place of the batch."""
        at = {number % self.size: number for number in group}
        return [at.get(place, group[0]) for place in range(self.size)]

    def _rows(self, group: list[int]) -> tuple[list[int], list[int]]:
        """Return which of the group is at each place of the batch, and the place of each of the group."""
        return [group.index(number) for number in self._places(group)], [number % self.size for number in group]

    def _trajectories(self, group: list[int]) -> xr.Dataset:
        assert isinstance(self.case, Case)
        case, solver = self.case, self.case.solver()
        inward, outward = self._rows(group)
        start = to_fields(
            case.initial_state(group, seed=self.seed)[inward].unsqueeze(1),
            solver.out_fields,
            xr.Dataset(coords={"sample": np.array(group)[inward], **case.grid.coordinates()}),
            time=np.zeros(1),
            attributes=solver.attributes,
        )
        frames = rollout(solver, start, steps=case.steps, batch_size=self.size, device=self.device, progress=False)
        return xr.concat([part.isel(sample=outward) for part in (start, frames)], dim="time")

    def _steady(self, group: list[int]) -> xr.Dataset:
        assert isinstance(self.case, SteadyCase)
        inputs = self.case.inputs(group, seed=self.seed)
        if not self.case.batched:
            return self.case.solve(inputs, device=self.device)
        inward, outward = self._rows(group)
        batch = inputs.isel(sample=inward)
        return self.case.solve(batch, batch_size=self.size, device=self.device).isel(sample=outward)


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch compute on one thread: how work is shared out decides the last bits."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def one_warning_of_each_kind() -> Iterator[None]:
    """Show the first warning of each category only: what is wrong in one block is wrong in many."""
    show, shown = warnings.showwarning, set()

    def show_first(message: Warning | str, category: type[Warning], *where: Any, **options: Any) -> None:
        if category not in shown:
            shown.add(category)
            show(message, category, *where, **options)

    with warnings.catch_warnings():
        warnings.showwarning = show_first
        yield


def _check_finite(fields: xr.Dataset, places: list[int]) -> None:
    """Raise `NumericalFailure` where values are not finite, with the place in the batch if it is known."""
    for name, variable in fields.data_vars.items():
        finite = np.isfinite(variable.values)
        if not finite.all():
            known = "sample" in variable.dims
            place = places[int(np.argmin(finite.reshape(len(places), -1).all(axis=1)))] if known else None
            where = f"sample {place}, " if known else ""
            raise NumericalFailure(f"{where}field {str(name)!r}: it is not finite as {variable.dtype}.", place)


@contextmanager
def _warnings_by_number(places: list[int]) -> Iterator[None]:
    """Let warnings name the number of a sample for its place in the batch."""
    show, numbers = warnings.showwarning, dict(enumerate(places))

    def show_numbered(message: Warning | str, category: type[Warning], *where: Any, **options: Any) -> None:
        show(category(_numbered(str(message), numbers)), category, *where, **options)

    with warnings.catch_warnings():
        warnings.showwarning = show_numbered
        yield


def _reason(error: Exception, number: int) -> str:
    """Return what went wrong, in one line, with the number of the sample for its place in the batch."""
    words = " ".join(str(error).split()) or type(error).__name__
    place = error.sample if isinstance(error, NumericalFailure) else None
    return words if place is None else _numbered(words, {place: number})


def _numbered(words: str, numbers: Mapping[int, int]) -> str:
    """Return words with the numbers of samples for their places."""
    return re.sub(r"\bsample (\d+)\b", lambda found: f"sample {numbers.get(int(found[1]), found[1])}", words)
