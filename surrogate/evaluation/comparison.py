"""Steppers side by side on the same truth, with what each of them costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import torch
import xarray as xr

from surrogate.cases.case import Case
from surrogate.cases.steady_case import SteadyCase
from surrogate.cases.stored import stored_case
from surrogate.compute import check_device
from surrogate.datasets.domain import is_on_points
from surrogate.datasets.errors import expected
from surrogate.datasets.fields import Fields, as_dataset
from surrogate.datasets.grids.grid import Grid
from surrogate.datasets.samples.ragged import counts, select_samples
from surrogate.evaluation.alignment import align
from surrogate.evaluation.baselines import baselines
from surrogate.evaluation.contest import Contest, Entry, compared
from surrogate.evaluation.cost_cache import CostCache, default_folder
from surrogate.evaluation.leaks import refuse_leaks
from surrogate.evaluation.learning_curves import LearningCurve
from surrogate.evaluation.members import Candidates, Member, Solvers, candidates_of, check_names, solvers_of
from surrogate.evaluation.provenance import investment_of, provenance
from surrogate.evaluation.quantities import Quantity, evaluate
from surrogate.evaluation.report import Comparison
from surrogate.evaluation.shifted import shifted_errors
from surrogate.evaluation.standards import own_scores, reference_of, schedule_of, target_of
from surrogate.evaluation.verdicts import verdicts_on
from surrogate.operator import Operator
from surrogate.progress import progress_bar


def compare(
    candidates: Candidates,
    truth: Fields,
    *,
    case: Case | SteadyCase | None = None,
    steps: int | None = None,
    solvers: Solvers | None = None,
    quantities: Mapping[str, Quantity] | None = None,
    samples: int | None = None,
    device: str | torch.device | None = None,
    devices: Sequence[str | torch.device] | None = None,
    seed: int = 0,
    time_budget: float | None = None,
    cache: bool | str | Path = False,
    refresh: bool = False,
    learning_curves: Mapping[str, LearningCurve] | None = None,
    progress: bool = True,
) -> Comparison:
    """Measure error and cost of surrogates beside classical solvers and trivial predictions, on the same truth.

    Parameters
    ----------
    candidates
        What is judged, by name: trained surrogates, or anything else that follows the protocol; all steppers, or all
        steady maps. A list or tuple is one model trained with several seeds: errors are over seeds and samples, and
        the first is timed.
    truth
        Fields that none of them was trained on, such as ``data["test"]``. The training part beside it, if there is one,
        gives the training mean and other baselines; a truth that shares samples or moments with it is refused.
    case
        The case that made the truth; default: the one it names, if it is one of `surrogate.cases`. With a case the
        reference is solved again, at least twice as finely as any competitor, and its own error is measured; without
        one, and with a steady one that has no finer solver, the truth is the reference, with an unknown error.
    steps
        Number of compared frames; default: to the end of the truth.
    solvers
        The classical solvers of the cost-accuracy front, by name or as a list, on any grid of the same box, which is
        periodic if there is time; runs of other solvers as `Recorded`. Default: the ladder of the case; ``{}`` for
        none.
    quantities
        The user's own functions of the predicted fields, by name: each gives one number per sample.
    samples
        Use only the first samples.
    device
        Where all of them compute; default: where the first candidate is.
    devices
        Several such devices: all members are timed on each and have a line and a verdict for each, and one with every
        member on its best; on the first they predict.
    seed
        Of the bootstrap intervals.
    time_budget
        Seconds for all timings together; default: as long as ten repeats at each batch size take.
    cache
        Keep the times of solvers in this folder, or with ``True`` in the user's cache, and use them again where
        machine, device, versions, threads, case, settings and steps are the same (see `CostCache`).
    refresh
        Measure the times in the cache anew.
    learning_curves
        Curves from `learning_curve` to show in the report, by candidate.
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
    first = judged[0].seeds[0]
    where = _devices(device, devices, first)
    case = stored_case(dataset) if case is None else case
    players = [*judged, *solvers_of(solvers, case, dataset)]
    schedule = schedule_of(players, dataset, steps)
    evaluate(quantities or {}, compared(dataset, first.out_fields, schedule))  # or fail before long work
    for run in (member.recorded for member in players if member.recorded is not None):
        align(run.fields, dataset, first.out_fields, schedule, of=run.label)  # the same
    if training is not None:
        refuse_leaks(dataset, training, first)
    reference = reference_of(case, players, dataset, where[0], progress)
    target = target_of(first, reference.fields, schedule, case if isinstance(case, Case) else None)
    known = own_scores(reference, target, schedule)
    floor = known.attrs.get("floor")
    costs = CostCache(default_folder() if cache is True else cache or None, refresh=refresh)
    contest = Contest(reference.fields, target, schedule, floor, quantities or {}, where, seed, costs)
    trivial, notes = baselines(target, first, schedule, training)
    check_names([*players, *trivial])
    entries = _play(contest, [*players, *trivial], time_budget, progress)
    shifted = shifted_errors(case, judged, contest, dataset)
    rows = tuple(replace(row, out_of_distribution=shifted.get(row.name, {})) for entry in entries for row in entry.rows)
    investments = {member.name: investment_of(member.seeds, dataset) for member in judged}
    names = xr.Variable("member", [entry.rows[0].name for entry in entries])
    scores = xr.concat([entry.scores for entry in entries], names, join="exact")
    return Comparison(
        scores=scores.merge(known, combine_attrs="drop"),
        seed_scores={member.name: entry.seed_scores for member, entry in zip(judged, entries, strict=False)},
        rows=rows,
        verdicts=verdicts_on(rows, investments, floor),
        floor=floor,
        examples=_examples(contest, entries[: len(judged)]),
        provenance=provenance(players, dataset, reference, schedule, where, seed),
        notes=(*notes, *costs.notes),
        learning_curves=dict(learning_curves or {}),
    )


def _devices(
    device: str | torch.device | None, devices: Sequence[str | torch.device] | None, first: Operator
) -> tuple[torch.device, ...]:
    """Return where members are timed; on the first they also predict."""
    if devices is None:
        return (first.device if device is None else check_device(device),)
    found = tuple(map(check_device, devices))
    if device is not None or not found or len(set(found)) < len(found):
        got = f"device={device}, devices={list(map(str, devices))}"
        raise expected("`device`, or different `devices`", got, "Give one of the two.")
    return found


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
    labels = ["reference", *(entry.rows[0].name for entry in judged)]
    frames = [_one(fields, sample).drop_vars("time", errors="ignore").astype("float64") for fields in shown]
    joined = xr.concat(frames, xr.Variable("member", labels), join="override", combine_attrs="override")
    return joined if contest.schedule is None else joined.assign_coords(time=contest.target.lead_times)
