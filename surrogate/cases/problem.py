"""What steady and time-dependent cases share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar


class Problem(ABC):
    """One fully specified problem: an equation, a distribution of data, and what identifies it.

    A subclass is a frozen dataclass whose fields are the arguments.
    """

    equation: ClassVar[str]

    @property
    @abstractmethod
    def settings(self) -> dict[str, Any]:
        """Everything that identifies the case (JSON)."""

    @property
    @abstractmethod
    def parameters(self) -> dict[str, float]:
        """The constants of the equation, stored with the data."""

    def out_of_distribution(self) -> Mapping[str, Problem]:
        """Return problems of the same fields on the same points from other distributions, by what differs; or none."""
        return {}

    @classmethod
    @abstractmethod
    def from_settings(cls, settings: Mapping[str, Any]) -> Problem:
        """Return the case that `settings` describes."""
