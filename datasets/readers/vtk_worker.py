"""The process in which VTK reads, for `surrogate.datasets.readers.vtk_process`.

A request is a line of JSON: which function of `surrogate.datasets.readers.vtk_cases`, its arguments, how many seconds
it may take and how much memory. The answer is a line of JSON, with what is wrong, or with what was found and how many
bytes of arrays follow.
"""

from __future__ import annotations

import contextlib
import faulthandler
import io
import json
import os
import re
import sys
from pathlib import Path
from typing import Any, BinaryIO

import meshio
import numpy as np
import pyvista

from surrogate.datasets.errors import InputError
from surrogate.datasets.readers import vtk_cases
from surrogate.datasets.readers.damage import unreadable


def main() -> None:
    """Answer requests until there are no more."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what VTK prints goes nowhere
    for line in sys.stdin:
        _answer(json.loads(line), answers)


def _answer(request: dict[str, Any], answers: BinaryIO) -> None:
    arrays = io.BytesIO()
    _limit_memory(request["bytes"])
    faulthandler.dump_traceback_later(request["seconds"], exit=True)  # VTK lets no other thread of Python run
    try:
        found = _read(request["function"], Path(request["path"]), request["arguments"])
        answer = {"found": _packed(found, arrays) if isinstance(found, meshio.Mesh) else found}
    except InputError as error:
        answer = {"wrong": str(error)}
    faulthandler.cancel_dump_traceback_later()
    answers.write(json.dumps({**answer, "bytes": arrays.tell()}).encode() + b"\n" + arrays.getvalue())
    answers.flush()


def _read(function: str, path: Path, arguments: list[Any]) -> Any:
    try:
        with pyvista.VtkErrorCatcher(raise_errors=True):
            return getattr(vtk_cases, function)(path, *arguments)
    except InputError:
        raise
    except Exception as error:  # a damaged file makes its parser raise anything
        words = re.search(r"\(0x[0-9a-f]+\): (.+)", str(error))  # behind the place in the source
        raise unreadable("a readable simulation at", path, RuntimeError(words[1]) if words else error) from error


def _packed(mesh: meshio.Mesh, arrays: BinaryIO) -> dict[str, list[str]]:
    """Write the arrays of a mesh one after the other; return their names."""
    cells = [block.data for block in mesh.cells]
    in_cells = [values for blocks in mesh.cell_data.values() for values in blocks]
    for array in (mesh.points, *cells, *mesh.point_data.values(), *in_cells, *mesh.point_sets.values()):
        np.save(arrays, np.asarray(array), allow_pickle=False)
    kinds = [block.type for block in mesh.cells]
    return {"kinds": kinds, "nodes": [*mesh.point_data], "cells": [*mesh.cell_data], "sets": [*mesh.point_sets]}


def _limit_memory(room: int) -> None:
    """Let this process take so much more memory than it has now, where the system can be told so."""
    if sys.platform == "linux":
        import resource

        pages = int(Path("/proc/self/statm").read_text().split()[0])
        with contextlib.suppress(ValueError):  # it had less before
            most = resource.getrlimit(resource.RLIMIT_AS)[1]
            resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + room, most))


if __name__ == "__main__":
    main()
