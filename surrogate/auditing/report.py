"""What an audit found, as a table, as JSON and as a list."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from surrogate.auditing.finding import SEVERITIES, Finding
from surrogate.auditing.words import plural
from surrogate.datasets.storage.whole_files import whole_file

_COLORS = {"error": "bold red", "warning": "yellow", "note": "dim"}


@dataclass(frozen=True)
class AuditReport:
    """The findings, worst first; iterate over it.

    Attributes
    ----------
    findings
        What was found.
    clean
        Checks that looked and found neither errors nor warnings.
    not_applicable
        For checks that could not judge the data, why.
    """

    findings: tuple[Finding, ...]
    clean: tuple[str, ...] = ()
    not_applicable: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def __iter__(self) -> Iterator[Finding]:
        return iter(self.findings)

    def __len__(self) -> int:
        return len(self.findings)

    def of(self, severity: str) -> list[Finding]:
        """Return the findings of that severity: ``error``, ``warning`` or ``note``."""
        return [finding for finding in self.findings if finding.severity == severity]

    def save(self, path: str | Path, *, overwrite: bool = False) -> None:
        """Write all of it as JSON.

        Raises
        ------
        InputError
            The file exists and ``overwrite`` is false.
        """
        content = {
            "findings": [dataclasses.asdict(finding) for finding in self.findings],
            "clean": list(self.clean),
            "not_applicable": dict(self.not_applicable),
        }
        with whole_file(path, overwrite=overwrite) as part:
            part.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")

    def __rich__(self) -> RenderableType:
        table = Table("", "check", "field", "finding", title=None, show_lines=True)
        for finding in self.findings:
            where = "\n".join(filter(None, (finding.field, finding.part)))
            words = Text(finding.message)
            if finding.cure:
                words.append(f"\n{finding.cure}", style="italic")
            table.add_row(Text(finding.severity, style=_COLORS[finding.severity]), finding.check, where, words)
        counts = ", ".join(plural(len(self.of(severity)), severity) for severity in SEVERITIES)
        lines = [Text(f"{counts}. Nothing wrong by: {', '.join(self.clean) or 'no check'}.")]
        lines += [Text(f"Not applicable: {', '.join(checks)}: {reason}") for reason, checks in self._reasons().items()]
        return Group(*([table] if self.findings else []), *lines)

    def _reasons(self) -> dict[str, list[str]]:
        reasons: dict[str, list[str]] = {}
        for check, reason in self.not_applicable.items():
            reasons.setdefault(reason, []).append(check)
        return reasons

    def __str__(self) -> str:
        console = Console(width=120, color_system=None)
        with console.capture() as captured:
            console.print(self)
        return captured.get()
