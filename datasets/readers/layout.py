"""Which axis of an array is what, told from lengths."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from surrogate.datasets.errors import expected

Dims = tuple[str, ...]


def dims_of_all(
    arrays: Mapping[str, np.ndarray],
    space: Dims,
    sizes: Mapping[str, int],
    given: Mapping[str, Sequence[str]],
    source: str,
) -> dict[str, Dims]:
    """Return the dimensions of each array: ``sample`` and ``time`` where it has them, and all of ``space``.

    Parameters
    ----------
    arrays
        Arrays of one sample ``space``, of many ``(sample, *space)``, and with time behind or before the space.
    space
        Names of the axes of space.
    sizes
        Lengths that are known.
    given
        Dimensions of some arrays, in their order, in the words of the caller.
    source
        Name of the file, for messages.

    Raises
    ------
    InputError
        An array fits no order of dimensions, or more than one.
    """
    unknown = sorted(given.keys() - arrays.keys())
    if unknown:
        raise expected(f"`dims` of arrays out of {list(arrays)} in {source}", unknown, "Correct `dims`.")
    known, found = dict(sizes), {}
    for name, array in sorted(arrays.items(), key=lambda item: (item[0] not in given, -item[1].ndim)):
        found[name] = _given(name, array, given[name], space, known, source) if name in given else ()
        found[name] = found[name] or _told(name, array, space, known, source)
        known |= zip(found[name], array.shape, strict=True)
    return found


def _orders(space: Dims, samples: bool) -> list[Dims]:
    """Return what an array can be; one that moves, in a file with samples, has them."""
    many = [("sample", *space), ("sample", *space, "time"), ("sample", "time", *space)]
    return [space, *many] if samples else [space, *many, (*space, "time"), ("time", *space)]


def _told(name: str, array: np.ndarray, space: Dims, known: Mapping[str, int], source: str) -> Dims:
    orders = [order for order in _orders(space, "sample" in known) if _fits(order, array.shape, known)]
    surest = max((sum(dim in known for dim in order) for order in orders), default=0)
    likely = [order for order in orders if sum(dim in known for dim in order) == surest]
    if not likely:
        do = "Correct the file, or say what its axes are with `dims`."
        raise expected(f"{name!r} in {source} over {', '.join(space)} with lengths {dict(known)}", array.shape, do)
    if len(likely) > 1:
        do = f'Say which, such as `dims={{"{name}": {likely[0]}}}`.'
        raise expected(f"one order of axes that fits {name!r} in {source}", " or ".join(map(str, likely)), do)
    return likely[0]


def _given(
    name: str, array: np.ndarray, dims: Sequence[str], space: Dims, known: Mapping[str, int], source: str
) -> Dims:
    order = tuple(dims)
    if set(order) - {"sample", "time"} != set(space) or not _fits(order, array.shape, known):
        do = "Name each axis once: sample, time, and those of space."
        raise expected(f"`dims` that fit {name!r} of shape {array.shape} in {source}", order, do)
    return order


def _fits(order: Dims, shape: tuple[int, ...], known: Mapping[str, int]) -> bool:
    alike = len(order) == len(shape) == len(set(order))
    return alike and all(known.get(dim, size) == size for dim, size in zip(order, shape, strict=True))
