"""What a check has found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning", "note"]
#: From worst to harmless.
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")


@dataclass(frozen=True)
class Finding:
    """One thing that a check found.

    Parameters
    ----------
    severity
        ``error``: training on these data would go wrong, or scores on them would mislead; ``warning``: likely so;
        ``note``: what one should know.
    message
        What is there, in numbers.
    cure
        What to do about it.
    field
        Name of the field or coordinate, if it is of one.
    samples
        Numbers of the samples, from 0; empty where it is of all.
    check, part
        The check that found it, and in which part or file; `surrogate.audit` fills them in.
    """

    severity: Severity
    message: str
    cure: str = ""
    field: str = ""
    samples: tuple[int, ...] = ()
    check: str = ""
    part: str = ""


class NotApplicable(Exception):
    """A check cannot judge these data; its text says why, and what would make it."""
