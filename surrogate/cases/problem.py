"""What steady and time-dependent cases share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

from surrogate.datasets.errors import expected


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

    @classmethod
    def own_values(cls, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Return the settings without the name of the case; raise `InputError` where they are of another one."""
        values = dict(settings)
        if values.pop("case", None) != cls.__name__:
            got = settings.get("case")
            raise expected(f"settings of the case {cls.__name__}", got, "Read them with their own case.")
        return values
