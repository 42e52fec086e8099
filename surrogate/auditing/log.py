"""What checks say, while they run."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

from surrogate.auditing.finding import SEVERITIES, Finding, NotApplicable
from surrogate.auditing.report import AuditReport
from surrogate.datasets.errors import InputError, NumericalFailure


class Log:
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
