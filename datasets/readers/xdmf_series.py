"""Which grids of an XDMF file are the frames of which run, and when they were."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple
from xml.etree.ElementTree import Element

import numpy as np

from surrogate.datasets.errors import expected
from surrogate.datasets.readers.xdmf_items import Items


class Series(NamedTuple):
    """The grids of one run, their times, and the names of fields that are the same in all of them."""

    frames: list[Element]
    times: np.ndarray | None
    still: frozenset[str]


def all_series(items: Items) -> list[Series]:
    """Return the temporal collections of a file, or if there are none its grids, each alone.

    Raises
    ------
    InputError
        No grids, spatial collections, or frames without time.
    """
    grids = items.root.findall("./Domain/Grid")
    collections = [grid for grid in grids if grid.get("GridType") == "Collection"]
    spatial = [grid for grid in items.root.iter("Grid") if grid.get("CollectionType", "Spatial") == "Spatial"]
    if any(grid.get("GridType") in ("Collection", "Tree") for grid in spatial):
        do = "Merge the pieces (in ParaView: Merge Blocks) and save them."
        raise expected(f"temporal collections in {str(items.path)!r}", "pieces of a grid", do)
    if not grids or any(grid.find("Grid") is None for grid in collections):
        raise expected(f"grids in {str(items.path)!r}", "none", "Export the results as well.")
    library = {str(grid.get("Name")): grid for grid in grids}
    if not collections:
        return [Series([_filled(items, grid, library)], None, frozenset()) for grid in grids]
    return [_series(items, collection, library) for collection in collections]


def _series(items: Items, collection: Element, library: dict[str, Element]) -> Series:
    frames = [_filled(items, items.referred(grid), library) for grid in collection.findall("Grid")]
    return Series(frames, _times(items, collection, frames), _still(frames))


def _filled(items: Items, grid: Element, library: dict[str, Element]) -> Element:
    """Return the grid with the points and cells that it includes from another one."""
    for include in (child for child in grid if child.tag.endswith("}include")):
        name = re.search(r"@Name\s*=\s*[\"']([^\"']*)[\"']", include.get("xpointer", ""))
        source = library.get(name[1]) if name else None
        if source is None:
            do = "Write points and cells into each grid."
            raise expected(f"a grid to include in {str(items.path)!r}", repr(include.get("xpointer")), do)
        whole = Element(grid.tag, grid.attrib)
        whole.extend([*grid, *(part for part in source if part.tag in ("Topology", "Geometry"))])
        return whole
    return grid


def _times(items: Items, collection: Element, frames: Sequence[Element]) -> np.ndarray:
    alone = [frame.find("Time") for frame in frames]
    if all(time is not None and "Value" in time.attrib for time in alone):
        return np.array([_number(items, time.attrib["Value"]) for time in alone if time is not None])
    time = collection.find("Time")
    item = None if time is None else time.find("DataItem")
    if time is None or item is None or time.get("TimeType") not in ("List", "HyperSlab"):
        raise expected(f"a time for each grid in {str(items.path)!r}", "none", "Add <Time Value=...>.")
    values = items.read(item).astype(np.float64).ravel()
    if time.get("TimeType") == "HyperSlab" and len(values) == 3:
        values = values[0] + values[1] * np.arange(len(frames))
    if len(values) != len(frames):
        raise expected(f"{len(frames)} times in {str(items.path)!r}", len(values), "Correct <Time>.")
    return values


def _number(items: Items, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise expected(f"times that are numbers in {str(items.path)!r}", repr(text[:40]), "Correct them.") from None


def _still(frames: Sequence[Element]) -> frozenset[str]:
    """Return the scalar fields that all frames take from the same place in another file."""
    places: Counter[tuple[str, str]] = Counter()
    for frame in frames:
        for attribute in frame.findall("Attribute"):
            item = attribute.find("DataItem") if attribute.get("AttributeType", "Scalar") == "Scalar" else None
            if item is not None and item.get("Format", "XML").lower() == "hdf":
                places[str(attribute.get("Name")), (item.text or "").strip()] += 1
    return frozenset(name for (name, _), count in places.items() if count == len(frames) > 1)
