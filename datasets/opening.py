"""Any file that we can read, as fields."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import xarray as xr

from surrogate.datasets.errors import InputError, expected
from surrogate.datasets.fields import check
from surrogate.datasets.formats import FORMATS, Format, format_of
from surrogate.datasets.readers.arrays import DimsChoice
from surrogate.datasets.readers.axes import GridChoice
from surrogate.datasets.readers.cf import renamed
from surrogate.datasets.readers.damage import unreadable


def open_dataset(
    path: str | Path,
    *,
    format: str | None = None,
    names: Mapping[str, str] | None = None,
    grid: GridChoice | None = None,
    times: Sequence[float] | None = None,
    dims: DimsChoice | None = None,
    correct: bool = False,
    checked: bool = True,
) -> xr.Dataset:
    """Open a file or folder as fields: ours, and all that `surrogate.datasets.formats.FORMATS` lists.

    The page on formats says what is read of each.

    Parameters
    ----------
    path
        The file or folder; its suffix and what is in it tell the format. A pattern such as ``"runs/*.vtu"`` opens
        meshes, one sample each, in the order of their names.
    format
        The name of the format, where it cannot be told.
    names
        New names for variables, as a mapping from the name in the file.
    grid
        For bare arrays (``.mat``, ``.npy``, ``.pt``), where the points are: a `Grid`, or its arguments other than the
        shape, such as ``{"periodic": True}``; default: closed axes through the points in the file, else nodes of the
        unit box. A periodic axis loses a last point that repeats the first.
    times
        For files without times in them: the first and the last of the frames, or all; default: 1, 2, ...
    dims
        For bare arrays, the axes of those whose shapes leave a choice, such as ``{"y": ("sample", "time", "x")}``.
    correct
        For files of PDEBench, correct coordinates that are known to be wrong; see `read_pdebench`.
    checked
        Refuse fields that break the convention. `surrogate.audit` opens them all the same, to say all that is wrong.

    Returns
    -------
    xarray.Dataset
        Fields that passed `surrogate.datasets.fields.check`, unless ``checked`` is false. Values are looked at where
        they are in memory, or take 64 MiB at most; of larger files when they are read to train or to be saved, or by
        ``check(fields)``.

    Raises
    ------
    InputError
        The file is missing, empty, damaged, of an unknown format, or breaks the convention.
    """
    given = {"names": names, "grid": grid, "times": times, "dims": dims, "correct": correct or None}
    options = {name: choice for name, choice in given.items() if choice is not None}
    path = Path(path)
    if any(sign in str(path) for sign in "*?[") and not path.exists():
        paths = sorted(Path(path.anchor or ".").glob(str(path.relative_to(path.anchor))))
        if not paths:
            raise expected(f"files that match {str(path)!r}", "none", "Check the path.")
        chosen = _format_of_all(paths, path, format)
        return _checked(chosen.read_many, paths, path, chosen, options, checked)
    if not path.exists():
        raise expected("an existing file", f"{str(path)!r}", "Check the path.")
    chosen = format_of(path, format)
    if path.is_file() and path.stat().st_size == 0 and not chosen.marker:
        raise expected(f"data in {str(path)!r}", "an empty file", "Make or copy it again.")
    return _checked(chosen.read, path, path, chosen, options, checked)


def _format_of_all(paths: Sequence[Path], pattern: Path, name: str | None) -> Format:
    """Return the one format of all files that match a pattern."""
    joined = [choice for choice in FORMATS if choice.read_many is not None and name in (None, choice.name)]
    if joined and name is not None:
        return joined[0]
    chosen = next((choice for choice in joined if choice.has(paths[0])), None)
    other = next((path for path in paths if chosen is None or not chosen.has(path)), None)
    if chosen is None or other is not None:
        kinds = chosen.name if chosen else " or ".join(choice.name for choice in FORMATS if choice.read_many)
        do = "Open other files one by one and join them (xarray.concat)."
        raise expected(f"only {kinds} files that match {str(pattern)!r}", f"{str(other)!r}", do)
    return chosen


def _checked(
    read: Any, source: Any, path: Path, chosen: Format, options: Mapping[str, Any], checked: bool
) -> xr.Dataset:
    """Return what ``read`` makes of the source, checked if asked; whatever is wrong is said with the path."""
    known = chosen.options | {"names"}
    if needless := sorted(options.keys() - known):
        wanted = f"options out of {', '.join(sorted(known))} for {str(path)!r}, which is {chosen.name}"
        raise expected(wanted, repr(needless[0]), "Leave it out.")
    taken = {name: choice for name, choice in options.items() if name in chosen.options}
    try:
        fields = read(source, **taken)
        try:
            named = renamed(fields, options["names"]) if options.keys() > taken.keys() else fields
            return _sound(named, path) if checked else named
        except (InputError, OSError):
            fields.close()  # or the file could not be made again while somebody looks at the error
            raise
    except InputError as error:
        if str(path) in str(error):
            raise
        raise InputError(f"{error} (In {str(path)!r}.)") from error
    except Exception as error:  # a file may say anything, and be damaged where it is read last
        raise unreadable("readable data in", path, error) from error


def _sound(fields: xr.Dataset, path: Path) -> xr.Dataset:
    try:
        return check(fields, values=None)
    except InputError as error:
        raise InputError(f"{error} (In {str(path)!r}; checked=False opens it as it is.)") from error
