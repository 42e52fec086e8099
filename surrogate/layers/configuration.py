"""Configurations of networks: those of the literature, and options with defaults."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, TypeVar

from surrogate.datasets.errors import expected

Network = TypeVar("Network", bound="Published")


class Published:
    """A class of networks of which papers used certain configurations.

    Attributes
    ----------
    PUBLISHED
        For each configuration of the literature its ``network`` and ``training`` arguments.
    """

    PUBLISHED: ClassVar[Mapping[str, Mapping[str, Mapping[str, Any]]]] = {}

    @classmethod
    def published(cls: type[Network], name: str) -> Network:
        """Return the network in the configuration ``name`` of its paper: a key of ``PUBLISHED``."""
        if name not in cls.PUBLISHED:
            raise expected(f"a configuration out of {', '.join(cls.PUBLISHED)}", repr(name), "Correct the name.")
        return cls(**cls.PUBLISHED[name]["network"])


def with_defaults(options: Mapping[str, Any] | None, defaults: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options, completed by the defaults; raise `InputError` for a name that is not among these."""
    unknown = sorted(set(options or {}) - set(defaults))
    if unknown:
        raise expected(f"options out of {', '.join(defaults)}", ", ".join(unknown), "Correct the name.")
    return {**defaults, **(options or {})}
