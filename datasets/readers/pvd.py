"""PVD collections of ParaView: one VTU file for each time."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

import meshio
import xarray as xr

from surrogate.datasets.errors import expected
from surrogate.datasets.fields import check
from surrogate.datasets.notes import Notes
from surrogate.datasets.readers.companions import companion
from surrogate.datasets.readers.damage import unreadable
from surrogate.datasets.readers.meshio_files import read_meshio
from surrogate.datasets.readers.recordings import Recording, recordings_to_fields

#: What the collections that we write call their groups: their parts are samples.
SAMPLES = "sample"


class _Entry(NamedTuple):
    part: int
    time: float
    file: Path


def read_pvd(path: Path) -> xr.Dataset:
    """Return the meshes and fields of a collection over time; the files are read when their values are.

    Of a mesh that moves the coordinates of the nodes have ``time``. Several parts at one time are samples in the
    collections that we write.

    Raises
    ------
    InputError
        Not such a collection, files that are missing or outside of its folder, parts of a mesh that was cut for several
        processes, cells that change in time.
    """
    return read_pvds([path])


def read_pvds(paths: Sequence[Path]) -> xr.Dataset:
    """Return several collections, one sample each; see `read_pvd`."""
    found = [_recordings(path) for path in paths]
    notes = found[0][1]
    return check(
        notes.added_to(recordings_to_fields([recording for runs, _ in found for recording in runs])), values=False
    )


def _recordings(path: Path) -> tuple[list[Recording], Notes]:
    try:
        root = ElementTree.parse(path).getroot()
        sets = root.findall("./Collection/DataSet")
        notes = Notes.read(root.findtext("./Information"))
        found = [(int(s.get("part", "0")), float(s.get("timestep", "0")), s.attrib["file"]) for s in sets]
    except Exception as error:  # a damaged file makes its parser raise anything
        raise unreadable("a readable collection at", path, error) from error
    entries = sorted(_Entry(part, time, companion(path, file)) for part, time, file in found)
    if not entries:
        raise expected(f"files in the collection {str(path)!r}", "none", "Export the results as well.")
    others = [entry.file.name for entry in entries if entry.file.suffix != ".vtu"]
    if others:
        do = "Save them as .vtu, parallel pieces merged (in ParaView: Merge Blocks)."
        raise expected(f"only .vtu files in {str(path)!r}", repr(others[0]), do)
    parts = sorted({entry.part for entry in entries})
    if len(parts) > 1 and any(s.get("group") != SAMPLES for s in sets):
        do = "Merge the parts of each time (in ParaView: Merge Blocks)."
        raise expected(f"one file for each time in {str(path)!r}", f"{len(parts)} parts", do)
    return [_recording(path, [entry for entry in entries if entry.part == part], notes) for part in parts], notes


def _recording(path: Path, entries: Sequence[_Entry], notes: Notes) -> Recording:
    read = partial(_read_frame, [entry.file for entry in entries])
    return Recording(path, [entry.time for entry in entries], read, notes.still)


def _read_frame(files: Sequence[Path], frame: int) -> meshio.Mesh:
    return read_meshio(files[frame])
