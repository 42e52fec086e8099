"""All checks on data, and the report."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import xarray as xr

from surrogate.auditing.checks import BETWEEN_PARTS, ON_EQUATION, ON_FIELDS
from surrogate.auditing.finding import SEVERITIES, Finding, NotApplicable
from surrogate.auditing.known_defects import known_defects
from surrogate.auditing.known_equation import Equation, equation_of
from surrogate.auditing.report import AuditReport
from surrogate.cases.problem import Problem
from surrogate.datasets.errors import InputError, NumericalFailure, expected
from surrogate.datasets.fields import Fields, as_dataset
from surrogate.datasets.opening import open_dataset
from surrogate.datasets.readers.known_defects import KnownDefect
from surrogate.operator import Operator

ONE_PART = "one part only. Give the others with parts= (--validation, --test)"


def audit(
    fields: Fields | str | Path,
    *,
    parts: Mapping[str, Fields | str | Path] | None = None,
    equation: str | Operator | Problem | None = None,
    parameters: Mapping[str, Any] | None = None,
    samples: int | None = 8,
    opening: Mapping[str, Any] | None = None,
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

    Returns
    -------
    AuditReport
        A list of findings; ``print`` shows a table.

    Raises
    ------
    InputError
        A file that cannot be opened, an unknown equation, parameters that it does not have.

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
    log = _Log()
    every = {part: _opened(log, part, given, opening or {}) for part, given in _named(fields, parts or {}).items()}
    equations = {part: _equation(dataset, equation, parameters or {}, samples) for part, dataset in every.items()}
    for part, dataset in every.items():
        label = part if len(every) > 1 else ""
        for check, look in ON_FIELDS.items():
            log.run(check, label, look, dataset)
        known = equations[part]
        for check, compare in ON_EQUATION.items():
            log.run(check, label, *((_skip, known) if isinstance(known, str) else (compare, *known)))
    for check, between in BETWEEN_PARTS.items():
        log.run(check, "", *((between, every) if len(every) > 1 else (_skip, ONE_PART)))
    return log.report()


def _skip(reason: str) -> Iterator[Finding]:
    raise NotApplicable(reason)


def _named(fields: Any, parts: Mapping[str, Any]) -> dict[str, Any]:
    """Return all parts by name."""
    if isinstance(fields, xr.DataTree) and fields.children:
        every: dict[str, Any] = {name: node for name, node in fields.children.items() if node.data_vars}
    else:
        every = {"train" if "train" not in parts else "data": fields}
    twice = sorted(every.keys() & parts.keys())
    if twice:
        raise expected("parts of other names than those of the tree", twice, "Rename them.")
    return every | dict(parts)


def _opened(log: _Log, part: str, given: Any, options: Mapping[str, Any]) -> xr.Dataset:
    """Return fields, and note what their reader says of known defects of the format."""
    if not isinstance(given, str | Path):
        return as_dataset(given)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", KnownDefect)
        fields = open_dataset(given, checked=False, **options)
    for warning in caught:
        if not issubclass(warning.category, KnownDefect):
            warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)
    texts = [str(warning.message) for warning in caught if issubclass(warning.category, KnownDefect)]
    log.run("known defects of the format", part, known_defects, texts)
    return fields


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
        if given is not None:
            raise
        return str(error)  # the data name it themselves


class _Log:
    """What the checks said, in the order in which they ran."""

    def __init__(self) -> None:
        self._findings: list[Finding] = []
        self._clean: dict[str, bool] = {}
        self._skipped: dict[str, str] = {}

    def run(self, check: str, part: str, look: Callable[..., Iterator[Finding]], *given: Any) -> None:
        """Run a check; what it cannot judge, or cannot read, is said."""
        try:
            found = list(look(*given))
        except (NotApplicable, InputError, NumericalFailure) as reason:
            self._skipped[f"{check} ({part})" if part else check] = str(reason)
            return
        except OSError as error:  # HDF5 finds damaged chunks only when they are read
            found = [Finding("error", f"data cannot be read: {error}", "Make or copy the file again.")]
        self._clean[check] = self._clean.get(check, True) and all(finding.severity == "note" for finding in found)
        self._findings += [dataclasses.replace(one, check=check, part=one.part or part) for one in found]

    def report(self) -> AuditReport:
        """Return all of it, the worst first."""
        ranked = sorted(self._findings, key=lambda finding: SEVERITIES.index(finding.severity))
        clean = tuple(check for check, right in self._clean.items() if right)
        return AuditReport(tuple(ranked), clean, self._skipped)
