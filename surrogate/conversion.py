"""Files of one format as files of another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from surrogate.datasets.errors import expected
from surrogate.datasets.opening import open_dataset
from surrogate.datasets.readers.arrays import DimsChoice
from surrogate.datasets.readers.axes import GridChoice
from surrogate.datasets.saving import writer_of
from surrogate.datasets.storage.watched import watched
from surrogate.datasets.storage.whole_files import refuse_existing
from surrogate.progress import bytes_bar


def convert(
    source: str | Path,
    target: str | Path,
    *,
    format: str | None = None,
    source_format: str | None = None,
    names: Mapping[str, str] | None = None,
    grid: GridChoice | None = None,
    times: Sequence[float] | None = None,
    dims: DimsChoice | None = None,
    correct: bool = False,
    overwrite: bool = False,
    progress: bool = True,
) -> None:
    """Read fields of any format that `open_dataset` knows and write them in any that `save_dataset` knows.

    The data may be larger than memory: they are copied a few MiB at a time, where the reader of their format leaves
    them in the file, and looked at on the way. The numbers stay what they are, bit for bit. The target appears whole or
    not at all: a conversion that is stopped, even killed, leaves nothing but a hidden file, which the next one removes,
    and begins again.

    Parameters
    ----------
    source
        A file, a folder, or a pattern such as ``"runs/*.vtu"``.
    target
        What to write; the suffix says in which format.
    format
        The format to write, where the suffix does not say it: ``"the_well"``.
    source_format
        The format to read, where it cannot be told.
    names, grid, times, dims, correct
        What the file does not say, or says wrong; see `open_dataset`.
    overwrite
        Replace the target if it exists.
    progress
        Show how far it is, and how fast.

    Raises
    ------
    InputError
        What `open_dataset` and `save_dataset` raise; a target that is (in) the source, or that somebody else is
        writing; values that are not finite.
    OSError
        The target cannot be written, or the disk is too small for it. Nothing is left behind.

    Examples
    --------
    >>> import surrogate as sg
    >>> sg.convert("PDEBench/1D_Burgers.hdf5", "burgers.h5")  # doctest: +SKIP
    >>> sg.convert("burgers.h5", "burgers.hdf5", format="the_well")  # doctest: +SKIP
    """
    writer = writer_of(target, format)
    refuse_existing(target, overwrite)
    _refuse_same(Path(source), Path(target))
    options: dict[str, Any] = {"names": names, "grid": grid, "times": times, "dims": dims, "correct": correct}
    with open_dataset(source, format=source_format, **options) as fields:
        total = sum(variable.nbytes for variable in fields.data_vars.values() if variable.dims)
        with bytes_bar("converting", total, show=progress) as advance:
            writer.write(watched(fields, advance), target, overwrite=overwrite)


def _refuse_same(source: Path, target: Path) -> None:
    """Raise `InputError` where one of the two is, or is in, the other."""
    one, other = source.resolve(), target.resolve()
    linked = source.exists() and target.exists() and source.samefile(target)
    within = other.is_relative_to(one) or (target.exists() and one.is_relative_to(other))
    matching = any(sign in str(source) for sign in "*?[") and other.match(str(one))
    if linked or within or matching:
        raise expected("a target that is not the source", f"{str(target)!r}", "Choose another path.")
