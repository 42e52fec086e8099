"""Steppers side by side on the same truth, with what each of them costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
import xarray as xr

from surrogate.cases.case import Case
from surrogate.cases.steady_case import SteadyCase
from surrogate.compute import check_device
from surrogate.datasets.domain import is_on_points
from surrogate.datasets.errors import expected
from surrogate.datasets.fields import Fields, as_dataset
from surrogate.datasets.grid import Grid
from surrogate.datasets.ragged import counts, select_samples
from surrogate.datasets.tensors import to_tensor
from surrogate.evaluation.baselines import baselines
from surrogate.evaluation.coarse import Coarse
from surrogate.evaluation.coarse_steady import CoarseSteady
from surrogate.evaluation.contest import Contest, Entry, compared
from surrogate.evaluation.members import Member, candidates_of, check_names, solvers_of
from surrogate.evaluation.point_scores import PointTarget
from surrogate.evaluation.provenance import investment_of, provenance
from surrogate.evaluation.quantities import Quantity, evaluate
from surrogate.evaluation.reference import Reference, regenerate, stored_case
from surrogate.evaluation.report import Comparison
from surrogate.evaluation.schedule import Schedule, agree
from surrogate.evaluation.scores import Target, reference_scores
from surrogate.evaluation.verdicts import MODES, judge
from surrogate.operator import Operator, Stepper
from surrogate.progress import progress_bar


def compare(
    candidates: Mapping[str, Operator],
    truth: Fields,
    *,
    case: Case | SteadyCase | None = None,
    steps: int | None = None,
    solvers: Mapping[str, Operator] | None = None,
    quantities: Mapping[str, Quantity] | None = None,
    samples: int | None = None,
    device: str | torch.device | None = None,
    seed: int = 0,
    time_budget: float | None = None,
    progress: bool = True,
) -> Comparison:
    """Measure error and cost of surrogates beside classical solvers and trivial predictions, on the same truth.

    Parameters
    ----------
    candidates
        What is judged, by name: trained surrogates, or anything else that follows the protocol; all steppers, or all
        steady maps.
    truth
        Fields that none of them was trained on, such as ``data["test"]``. The training part beside it, if there is one,
        gives the training mean as a baseline.
    case
        The case that made the truth; default: the one it names, if it is one of `surrogate.cases`. With a case the
        reference is solved again, at least twice as finely as any competitor, and its own error is measured; without
        one, and with a steady one, the truth is the reference, with an unknown error.
    steps
        Number of compared frames; default: to the end of the truth.
    solvers
        The classical solvers of the cost-accuracy front, on any grid of the same box, which is periodic if there is
        time; default: the ladder of the case. ``{}`` for none.
    quantities
        The user's own functions of the predicted fields, by name: each gives one number per sample.
    samples
        Use only the first samples.
    device
        Where all of them compute; default: where the first candidate is.
    seed
        Of the bootstrap intervals.
    time_budget
        Seconds for all timings together; default: as long as ten repeats at each batch size take.
    progress
        Show progress bars.

    Returns
    -------
    Comparison
        Errors, costs and verdicts; ``print`` shows the table, ``save`` writes the report.

    Raises
    ------
    InputError
        Candidates that do not fit the truth or each other, a truth that is too short or not of its case, a solver that
        is finer than the reference.

    Notes
    -----
    All start from the same given frames, which are not scored, and are compared at the same times and points. A member
    that blows up is not dropped: it has an infinite error, and the report says how often and when.

    Examples
    --------
    >>> import surrogate as sg
    >>> from surrogate.evaluation import compare
    >>> case = sg.cases.Burgers(resolution=32, viscosity=0.1, dt=0.1, steps=2)
    >>> truth = sg.generate(case, samples=2, progress=False)
    >>> report = compare({"itself": case.solver()}, truth, solvers={}, time_budget=1.0, progress=False)
    >>> bool(report.scores["error"].sel(member="itself").max() < 1e-4)
    True
    """
    dataset, training = _truth(truth, samples)
    judged = candidates_of(candidates, dataset)
    where = check_device(device) if device is not None else judged[0].operator.device
    case = stored_case(dataset) if case is None else case
    players = [*judged, *solvers_of(solvers, case, dataset)]
    schedule = _schedule(players, dataset, steps)
    evaluate(quantities or {}, compared(dataset, judged[0].operator.out_fields, schedule))  # or fail before long work
    stepped = case if isinstance(case, Case) else None
    reference = _reference(stepped, players, dataset, where, progress)
    target = _target(judged[0].operator, reference.fields, schedule, stepped)
    own_scores = _own_scores(reference, target, schedule)
    floor = own_scores.attrs.get("floor")
    contest = Contest(reference.fields, target, schedule, floor, quantities or {}, where, seed)
    trivial, notes = baselines(target, judged[0].operator, schedule, training)
    check_names([*players, *trivial])
    entries = _play(contest, [*players, *trivial], time_budget, progress)
    rows = tuple(entry.row for entry in entries)
    verdicts = tuple(
        judge(entry.row, rows, mode, floor, investment_of(member.operator, dataset))
        for member, entry in zip(judged, entries, strict=False)
        for mode in MODES
    )
    scores = xr.concat(
        [entry.scores for entry in entries], xr.Variable("member", [row.name for row in rows]), join="exact"
    )
    return Comparison(
        scores=scores.merge(own_scores, combine_attrs="drop"),
        rows=rows,
        verdicts=verdicts,
        floor=floor,
        examples=_examples(contest, entries[: len(judged)]),
        provenance=provenance(judged, dataset, reference, schedule, where, seed),
        notes=tuple(notes),
    )


def _truth(truth: Fields, samples: int | None) -> tuple[xr.Dataset, xr.Dataset | None]:
    """Return the truth in memory, cut to ``samples``, and the training part beside it."""
    dataset = as_dataset(truth)
    if "sample" not in dataset.dims:
        raise expected("fields with a dimension 'sample'", tuple(dataset.dims), "Use fields.expand_dims('sample').")
    if not is_on_points(dataset) and not Grid.from_fields(dataset).dim:
        raise expected("fields over space", "series", "Use `forecast_errors` for forecasts of series.")
    available = dataset.sizes["sample"]
    if samples is not None and not 1 <= samples <= available:
        raise expected(f"1 to {available} samples", samples, "Ask for fewer, or give more truth.")
    training = None
    if isinstance(truth, xr.DataTree) and truth.parent is not None and "train" in truth.parent.children:
        training = as_dataset(truth.parent.children["train"])
    return select_samples(dataset, slice(samples)).load(), training


def _schedule(players: Sequence[Member], truth: xr.Dataset, steps: int | None) -> Schedule | None:
    steppers = {member.name: member.operator for member in players if isinstance(member.operator, Stepper)}
    if len(steppers) == len(players):
        return agree(steppers, truth, steps)
    if steppers:
        raise expected("solvers of the kind of the candidates", "steps in time and steady maps", "Leave one kind out.")
    if steps is not None:
        raise expected("no `steps` for steady maps", steps, "Leave it out.")
    return None


def _reference(
    case: Case | None, players: Sequence[Member], truth: xr.Dataset, device: torch.device, progress: bool
) -> Reference:
    operators = [member.operator for member in players]
    if case is not None:
        return regenerate(case, truth, operators, device=device, progress=progress)
    if is_on_points(truth):
        return Reference(truth, None, None)
    grid = Grid.from_fields(truth)
    for member in players:
        operator = member.operator
        own = (operator.solver if isinstance(operator, Coarse | CoarseSteady) else operator).domain.shape
        if member.kind == "solver" and any(n > m for n, m in zip(own, grid.shape, strict=True)):
            do = "Give the case, so that a finer reference can be made, or leave that solver out."
            raise expected(f"solvers at most as fine as the truth {grid.shape}", f"{member.name!r} on {own}", do)
    return Reference(truth, None, None)


def _target(first: Operator, fields: xr.Dataset, schedule: Schedule | None, case: Case | None) -> Target | PointTarget:
    if first.functions:
        return PointTarget.from_fields(fields, first.out_fields, first.domain.location)
    names, grid = first.out_fields, Grid.from_fields(fields)
    frames = to_tensor(fields, names, torch.float64)
    if schedule is None:
        return Target(names, grid, frames.unsqueeze(1), torch.zeros(1).double().numpy())
    invariants = None if case is None else getattr(case.solver(grid.shape[0]), "invariants", None)
    initial, later = frames[:, schedule.first], frames[:, torch.as_tensor(schedule.frames)]
    return Target(names, grid, later, schedule.lead_times, initial, invariants)


def _own_scores(reference: Reference, target: Target | PointTarget, schedule: Schedule | None) -> xr.Dataset:
    if isinstance(target, PointTarget):
        return xr.Dataset()
    refined = None
    if reference.refined is not None and schedule is not None:
        refined = to_tensor(reference.refined, target.names, torch.float64)[:, torch.as_tensor(schedule.frames)]
    return reference_scores(target, refined)


def _play(contest: Contest, members: Sequence[Member], time_budget: float | None, progress: bool) -> list[Entry]:
    """Enter all members. Half of the budget is for the candidates; what one leaves of its share goes to the next."""
    entries: list[Entry] = []
    with progress_bar("comparison", len(members), show=progress) as advance:
        for number, member in enumerate(members):
            share = None
            if time_budget is not None:
                spent = sum(entry.timing_seconds for entry in entries)
                half = 0.5 * time_budget if member.kind == "surrogate" else 0.0
                ahead = sum(other.kind == member.kind for other in members[number:])
                share = max(0.0, time_budget - half - spent) / ahead
            entries.append(contest.enter(member, share))
            advance()
    return entries


def _one(fields: xr.Dataset, sample: int) -> xr.Dataset:
    alone = select_samples(fields, [sample])
    return alone if counts(fields) else alone.isel(sample=0)


def _examples(contest: Contest, judged: Sequence[Entry]) -> xr.Dataset:
    """Return reference and predictions for the sample on which the first candidate has its median error."""
    error = judged[0].scores["error"]
    sample = int(error.argsort().values[(error.size - 1) // 2])
    names = list(contest.target.names)
    shown = [contest.true_fields, *(compared(entry.predicted, names, None) for entry in judged)]
    labels = ["reference", *(entry.row.name for entry in judged)]
    frames = [_one(fields, sample).drop_vars("time", errors="ignore").astype("float64") for fields in shown]
    joined = xr.concat(frames, xr.Variable("member", labels), join="override", combine_attrs="override")
    return joined if contest.schedule is None else joined.assign_coords(time=contest.target.lead_times)
