"""VTK in a process of its own, since a damaged file may crash it, keep it forever or make it take all memory."""

from __future__ import annotations

import atexit
import io
import json
import os
import subprocess
import sys
import threading
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import meshio
import numpy as np

from surrogate.datasets.errors import InputError, expected

#: What a case may take: so many seconds and bytes, and more for each byte that it has.
_SECONDS, _BYTES_A_SECOND = 6.0, 2**20
_ROOM, _ROOM_A_BYTE = 2**28, 32

_lock = threading.Lock()
_running: dict[int, subprocess.Popen[bytes]] = {}  # by the process that has started it


def ask(function: str, path: Path, *arguments: Any, size: int) -> Any:
    """Return what a function of `surrogate.datasets.readers.vtk_cases` makes of a case that has ``size`` bytes.

    Raises
    ------
    InputError
        PyVista is not installed; the case cannot be read, or VTK did not survive it.
    """
    if find_spec("pyvista") is None:
        do = "Run: pip install surrogate-pde[simulation]"
        raise expected(f"PyVista, to read {str(path)!r}", "none installed", do)
    limits = {"seconds": _SECONDS + size / _BYTES_A_SECOND, "bytes": _ROOM + _ROOM_A_BYTE * size}
    request = {"function": function, "path": str(path), "arguments": arguments, **limits}
    with _lock:
        answer, arrays = _exchange(json.dumps(request).encode() + b"\n")
    if answer is None:
        got = "what makes VTK crash, or take more time or memory than its size lets one expect"
        raise expected(f"a readable simulation at {str(path)!r}", got, "Make or copy it again.")
    if "wrong" in answer:
        raise InputError(answer["wrong"])
    found = answer["found"]
    return _unpacked(found, io.BytesIO(arrays)) if isinstance(found, dict) else found


def bytes_in(folder: Path) -> int:
    """Return the size of all files in a folder and below."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def _exchange(request: bytes) -> tuple[dict[str, Any] | None, bytes]:
    """Return the answer and the arrays behind it; None where the process has died."""
    process = _process()
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(request)
        process.stdin.flush()
        line = process.stdout.readline()
        answer = json.loads(line) if line else None
        arrays = process.stdout.read(answer["bytes"]) if answer else b""
    except BrokenPipeError:
        answer, arrays = None, b""
    except BaseException:
        _stop()  # or its answer would be taken for that to the next request
        raise
    if answer is None:
        _stop()
    return answer, arrays


def _process() -> subprocess.Popen[bytes]:
    """Return the process, started if need be."""
    if os.getpid() not in _running:
        command = [sys.executable, "-m", "surrogate.datasets.readers.vtk_worker"]
        paths = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        _running[os.getpid()] = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, **paths},
            start_new_session=True,  # Ctrl-C is for us
        )
    return _running[os.getpid()]


@atexit.register
def _stop() -> None:
    process = _running.pop(os.getpid(), None)
    if process is not None:
        process.kill()
        process.communicate()


def _unpacked(names: dict[str, list[str]], arrays: io.BytesIO) -> meshio.Mesh:
    def following(count: int) -> list[np.ndarray]:
        return [np.load(arrays, allow_pickle=False) for _ in range(count)]

    kinds = names["kinds"]
    (points,), cells = following(1), following(len(kinds))
    nodes = dict(zip(names["nodes"], following(len(names["nodes"])), strict=True))
    in_cells = {name: following(len(kinds)) for name in names["cells"]}
    sets = dict(zip(names["sets"], following(len(names["sets"])), strict=True))
    return meshio.Mesh(points, list(zip(kinds, cells, strict=True)), nodes, in_cells, point_sets=sets)
