"""Candidates on inputs from other distributions than those they were trained for."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace

import xarray as xr

from surrogate.cases.case import Case
from surrogate.cases.problem import Problem
from surrogate.cases.steady_case import SteadyCase
from surrogate.datasets.samples.normalizer import OutsideTrainingRange
from surrogate.evaluation.contest import Contest
from surrogate.evaluation.members import Member
from surrogate.evaluation.reference import solve_again
from surrogate.evaluation.standards import target_of


def shifted_errors(
    case: Problem | None, judged: Sequence[Member], contest: Contest, truth: xr.Dataset
) -> dict[str, dict[str, float]]:
    """Return for each candidate its error on each of the distributions that `Problem.out_of_distribution` names.

    They have the seed and the samples of the truth, and are solved by the solver that makes the data of their case.
    """
    errors: dict[str, dict[str, float]] = {member.name: {} for member in judged}
    if case is None or "seed" not in truth.attrs or "sample" not in truth.coords:
        return errors
    for name, other in case.out_of_distribution().items():
        fields = _solved(other, truth, contest)
        first = judged[0].seeds[0]
        target = target_of(first, fields, contest.schedule, None)
        there = replace(contest, fields=fields, target=target)
        for member in judged:
            with warnings.catch_warnings(action="ignore", category=OutsideTrainingRange):
                answers = there.answers(member)
            scores = [target.score(answer)["error"].mean() for answer in answers]
            errors[member.name][name] = float(sum(scores) / len(scores))
    return errors


def _solved(case: Problem, truth: xr.Dataset, contest: Contest) -> xr.Dataset:
    device = contest.devices[0]
    if isinstance(case, Case):
        fields = solve_again(case, case.solver(), truth, device, progress=False)
    else:
        assert isinstance(case, SteadyCase)
        fields = case.solve(case.inputs(truth["sample"].values.tolist(), seed=int(truth.attrs["seed"])), device=device)
    constants = {name: ((), value, {"units": "1"}) for name, value in case.parameters.items()}
    return fields.assign(constants)
