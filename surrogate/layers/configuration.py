"""How networks are set up: as in the literature, from data, and by options with defaults."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from surrogate.datasets.errors import expected

if TYPE_CHECKING:
    import xarray as xr

Network = TypeVar("Network", bound="Configured")


class Configured(ABC):
    """A class of networks whose constructor arguments are read from the literature or from prepared data.

    Every constructor argument is kept as an attribute of the same name, so that the network can be built again.

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

    @classmethod
    def for_data(cls: type[Network], data: xr.DataTree | xr.Dataset, **network: Any) -> Network:
        """Return the network for prepared data.

        Parameters
        ----------
        data
            What `surrogate.prepare` returned, or one of its parts.
        network
            Further constructor arguments; they go before those read from the data.

        Raises
        ------
        InputError
            The data are not of the kind that the network is for.
        """
        return cls(**cls.sizes_for(data) | network)

    @classmethod
    @abstractmethod
    def sizes_for(cls, data: xr.DataTree | xr.Dataset) -> dict[str, Any]:
        """Return the constructor arguments that prepared data decide: see `for_data`."""


def with_defaults(options: Mapping[str, Any] | None, defaults: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options, completed by the defaults; raise `InputError` for a name that is not among these."""
    unknown = sorted(set(options or {}) - set(defaults))
    if unknown:
        raise expected(f"options out of {', '.join(defaults)}", ", ".join(unknown), "Correct the name.")
    return {**defaults, **(options or {})}
