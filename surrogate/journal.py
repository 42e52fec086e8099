"""How far a rollout into a file has come, so that it can go on after it was stopped."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor
from torch.utils import _pytree as pytree

from surrogate.datasets.errors import InputError, expected
from surrogate.datasets.storage.locks import hidden
from surrogate.datasets.storage.pickles import load_plain, save_plain
from surrogate.datasets.storage.whole_files import replacing

#: Seconds between two entries: a rollout that is killed loses at most the work of that time.
INTERVAL = 5.0


@dataclass
class Place:
    """Samples before ``first`` are done; the ``size`` samples from there on have taken ``step`` steps.

    ``carry`` holds the leaves of what their stepper carries (None: they start from their initial state); ``left`` the
    first step at which each field of each sample was outside the range of the stepper, ``(sample, channel)``.
    """

    size: int
    left: Tensor
    first: int = 0
    step: int = 0
    carry: list[Any] | None = field(default=None, repr=False)

    @property
    def rows(self) -> slice:
        """The samples that are on their way."""
        return slice(self.first, min(self.first + self.size, len(self.left)))

    def next_batch(self) -> None:
        """Go on to the samples after these."""
        self.first, self.step, self.carry = self.rows.stop, 0, None


class Journal:
    """The place of a rollout, in a file beside its frames that is whole or absent; who writes the frames writes it.

    Parameters
    ----------
    path
        The file.
    request
        What is computed: a hash or a word for each aspect that decides the frames.
    """

    def __init__(self, path: Path, request: dict[str, str]) -> None:
        self._path, self._request = path, request
        self._written = time.monotonic()

    @property
    def is_due(self) -> bool:
        """Whether the last entry is old."""
        return time.monotonic() - self._written > INTERVAL

    def write(self, place: Place) -> None:
        """Replace the entry by a new one."""
        with replacing(self._path) as part:
            save_plain({"request": self._request, "place": vars(place)}, part)
        self._written = time.monotonic()

    def read(self, *, overwrite: bool) -> Place | None:
        """Return the last entry; None if there is none, or one of another rollout that may be overwritten.

        Raises
        ------
        InputError
            The entry is of another rollout, or damaged.
        """
        if not self.exists():
            return None
        try:
            entry = load_plain(self._path, "the place of a stopped rollout in")
            request, place = dict(entry["request"]), Place(**entry["place"])
        except (InputError, LookupError, TypeError, ValueError) as error:
            what = f"the place of a stopped rollout in {str(self._path)!r}"
            raise expected(what, "a damaged file", "Delete it to start again.") from error
        differing = sorted(k for k in self._request if request.get(k) != self._request[k])
        if not differing:
            return place
        if overwrite:
            return None
        do = "Finish that one, choose another path, or pass overwrite=True to start again."
        raise expected(
            f"the rollout that was stopped beside {str(self._path)!r}", f"another {', '.join(differing)}", do
        )

    def exists(self) -> bool:
        """Return whether there is an entry."""
        return self._path.exists()

    def remove(self) -> None:
        """Delete the entry."""
        for file in (self._path, hidden(self._path, "part")):
            file.unlink(missing_ok=True)


def without_tensors(carry: Any) -> Any:
    """Return a carry with their class for its tensors: its shape, and the objects that are the same at each step."""
    return pytree.tree_map(lambda leaf: Tensor if isinstance(leaf, Tensor) else leaf, carry)


def leaves(carry: Any, initial: Any) -> list[Any] | None:
    """Return tensors and numbers of a carry, on the host; None if they do not tell all that is in it.

    What is neither is left out where it is the same object as `without_tensors` found in the ``initial`` carry.
    """
    values, own = pytree.tree_flatten(carry)
    first, shape = pytree.tree_flatten(initial)
    if own != shape:
        return None
    told = [isinstance(value, Tensor | int | float) for value in values]
    if not all(known or value is old for known, value, old in zip(told, values, first, strict=True)):
        return None
    kept = [value if known else None for known, value in zip(told, values, strict=True)]
    return [value.detach().to("cpu", copy=True) if isinstance(value, Tensor) else value for value in kept]


def with_leaves(initial: Any, values: list[Any]) -> Any:
    """Return the carry that has these `leaves`, on the devices of the ``initial`` one."""
    own, shape = pytree.tree_flatten(initial)
    return pytree.tree_unflatten([_restored(value, old) for value, old in zip(values, own, strict=True)], shape)


def _restored(value: Any, old: Any) -> Any:
    if isinstance(value, Tensor) and isinstance(old, Tensor):
        return value.to(old.device)
    return old if value is None else value
