"""All checks on data, and the report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import xarray as xr

from surrogate.auditing.checks import BETWEEN_PARTS, ON_EQUATION, ON_FIELDS
from surrogate.auditing.finding import Finding, NotApplicable
from surrogate.auditing.known_defects import known_defects
from surrogate.auditing.known_equation import Equation, equation_of
from surrogate.auditing.log import Log
from surrogate.auditing.parts import named_parts, opened
from surrogate.auditing.report import AuditReport
from surrogate.cases.problem import Problem
from surrogate.datasets.errors import InputError, expected
from surrogate.datasets.fields import Fields, check, uniform_step
from surrogate.operator import Operator
from surrogate.progress import progress_bar

ONE_PART = "one part only. Give the others with parts= (--validation, --test)"


def audit(
    fields: Fields | str | Path,
    *,
    parts: Mapping[str, Fields | str | Path] | None = None,
    equation: str | Operator | Problem | None = None,
    parameters: Mapping[str, Any] | None = None,
    samples: int | None = 8,
    opening: Mapping[str, Any] | None = None,
    progress: bool = True,
) -> AuditReport:
    """Look for what is wrong with data before anything is trained on them.

    Reads all data, some samples at a time. The page "Audit" lists the checks; one that cannot judge the data says why.

    Parameters
    ----------
    fields
        A path or fields, also such as break the convention (``open_dataset(path, checked=False)``); or the tree that
        `prepare` returns, whose parts are audited together.
    parts
        Other parts of the same data by name, such as ``{"test": "test.h5"}``: no sample, and no moment of one, should
        be in two.
    equation
        What the data should satisfy: the name of one of `surrogate.solvers` such as ``"burgers"``, a solver, or a case.
        Default: the case that the attributes name, if any. Fields called ``input`` and ``output`` are taken for what
        enters and what leaves.
    parameters
        Constants of a named equation that are not in the data, such as ``{"viscosity": 0.01}``.
    samples
        How many samples, evenly spaced, to try the equation on; None: all, and all frames.
    opening
        Options of `open_dataset` for paths, such as ``{"grid": {"periodic": True}}``.
    progress
        Show a progress bar.

    Returns
    -------
    AuditReport
        A list of findings; ``print`` shows a table.

    Raises
    ------
    InputError
        A file that cannot be opened, an unknown equation, parameters that it does not have, or without its name.

    Examples
    --------
    >>> import surrogate as sg
    >>> fields = sg.generate(sg.cases.Burgers(resolution=64), samples=10, progress=False)
    >>> sg.audit(fields).of("error")
    []
    >>> fields["u"][3] = fields["u"][7]
    >>> [finding.check for finding in sg.audit(fields).of("warning")]
    ['duplicates']
    """
    if samples is not None and samples < 1:
        raise expected("at least one sample to try the equation on", samples, "Correct `samples`, or give None.")
    if parameters and not isinstance(equation, str):
        raise expected("the name of the equation whose parameters are given", equation, "Give `equation`.")
    log, every, warned = Log(), {}, {}
    for part, given in named_parts(fields, parts or {}).items():
        every[part], warned[part] = opened(given, opening or {})
    known = {part: _equation(dataset, equation, parameters or {}, samples) for part, dataset in every.items()}
    total = len(every) * (1 + len(ON_FIELDS) + len(ON_EQUATION)) + len(BETWEEN_PARTS)
    with progress_bar("auditing", total, show=progress) as advance:
        for part, dataset in every.items():
            for name, look, *asked in _checks_of(dataset, known[part], warned[part]):
                log.run(name, part if len(every) > 1 else "", look, *asked)
                advance()
        for name, between in BETWEEN_PARTS.items():
            log.run(name, "", *((between, every) if len(every) > 1 else (_skip, ONE_PART)))
            advance()
    return log.report()


def _checks_of(fields: xr.Dataset, known: tuple[xr.Dataset, Equation] | str, warned: list[str] | None) -> Iterator[Any]:
    """Yield the checks of one part, each with what it takes."""
    yield (
        "known defects of the format",
        *((_skip, "not read from a file") if warned is None else (known_defects, warned)),
    )
    for name, look in ON_FIELDS.items():
        yield name, look, fields
    for name, compare in ON_EQUATION.items():
        yield (name, _skip, known) if isinstance(known, str) else (name, compare, *known)


def _skip(reason: str) -> Iterator[Finding]:
    raise NotApplicable(reason)


def _equation(
    fields: xr.Dataset,
    given: str | Operator | Problem | None,
    parameters: Mapping[str, Any],
    samples: int | None,
) -> tuple[xr.Dataset, Equation] | str:
    """Return the fields under the names of their equation, and this; or why there is none."""
    try:
        return equation_of(fields, given, parameters, samples)
    except NotApplicable as reason:
        return str(reason)
    except InputError as error:
        if given is not None and _is_sound(fields):
            raise  # it is the name that is wrong, not the data
        return str(error)


def _is_sound(fields: xr.Dataset) -> bool:
    try:
        check(fields, values=False)
        if fields.sizes.get("time", 1) > 1:
            uniform_step(fields)
    except InputError:
        return False
    return True
