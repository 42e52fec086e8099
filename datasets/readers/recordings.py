"""Fields on a mesh at several times, as simulation codes write them: read frame by frame, when they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from functools import partial
from pathlib import Path

import meshio
import numpy as np
import xarray as xr

from surrogate.datasets.errors import InputError, expected
from surrogate.datasets.grids.grid import AXES
from surrogate.datasets.meshes.moving_mesh import MovingMesh
from surrogate.datasets.meshes.ugrid import describe_many
from surrogate.datasets.readers.cutting import cut
from surrogate.datasets.readers.damage import unreadable
from surrogate.datasets.readers.meshio_mesh import Values, mesh_of, shape_of, values_of
from surrogate.datasets.readers.stacked import StackedArray


class Recording:
    """One run of a simulation: a mesh, which may move, and fields at its times.

    Parameters
    ----------
    path
        The file, for messages.
    times
        Increasing times ``(T,)``.
    read
        Reads the frame of a number, as meshio does. What it raises means that the frame is damaged.
    still
        Fields that are known to be the same at all times: they get no time axis.
    rigid
        The mesh is known to be the same at all times; otherwise all are read to see.
    """

    def __init__(
        self,
        path: Path,
        times: Sequence[float] | np.ndarray,
        read: Callable[[int], meshio.Mesh],
        still: Collection[str] = (),
        *,
        rigid: bool = False,
    ) -> None:
        self.path, self.still = path, frozenset(still)
        self.times = np.array(times, dtype=np.float64)
        self._read = read
        self._last: tuple[int, Values] | None = None  # several fields of a frame are often asked for one by one
        if not len(self.times) or not np.isfinite(self.times).all() or not (np.diff(self.times) > 0).all():
            raise expected(f"increasing times in {str(path)!r}", self.times.tolist(), "Correct them.")
        first = self._file(0)
        self.mesh, self.first = mesh_of(first, path), values_of(first, path)
        self.moving = None if rigid else self._motion(shape_of(first, path).points)

    def values(self, frame: int) -> Values:
        """Return all fields of a frame.

        Raises
        ------
        InputError
            The frame cannot be read, or has not the fields of the first.
        """
        last = self._last
        if last is None or last[0] != frame:
            last = frame, values_of(self._file(frame), self.path)
            if layout(last[1]) != layout(self.first):
                wanted = f"the fields {sorted(self.first)} in {self._at(frame)}, as at the first"
                raise expected(wanted, sorted(last[1]), "Give all times the same fields.")
            self._last = last
        return last[1]

    def coordinates(self) -> dict[str, xr.Variable]:
        """Return the variables that describe the mesh, and its motion."""
        if self.moving is None:
            return self.mesh.coordinates()
        return MovingMesh(self.mesh, self.times, self.moving).coordinates()

    def _file(self, frame: int) -> meshio.Mesh:
        try:
            return cut(self._read(frame))
        except InputError:
            raise
        except (Exception, SystemExit) as error:  # a damaged file makes parsers raise anything
            raise unreadable(f"a readable mesh at {self.times[frame]:.6g} in", self.path, error) from error

    def _motion(self, start: np.ndarray) -> np.ndarray | None:
        """Return the points at all times, unless they stay where they are."""
        points, moving = [start], False
        for frame in range(1, len(self.times)):
            file = self._file(frame)
            now = shape_of(file, self.path)
            if now.points.shape != start.shape or not np.array_equal(now.cells, self.mesh.cells):
                do = "Interpolate the frames to one mesh, or open them apart."
                raise expected(f"the cells of the first time in {self._at(frame)}", "others", do)
            moving = moving or not np.array_equal(now.points, start)
            points.append(now.points if moving else start)
        return np.stack(points) if moving else None

    def _at(self, frame: int) -> str:
        return f"{str(self.path)!r} at time {self.times[frame]:.6g}"


def recordings_to_fields(recordings: Sequence[Recording]) -> xr.Dataset:
    """Return recordings as fields, one sample each; what is read is the mesh at all times and the first frame.

    Where all have the same mesh, or there is one recording only, samples have a dimension; otherwise they are joined
    along ``node`` and ``cell``.

    Raises
    ------
    InputError
        Recordings of other times or with other fields than the first, or what `MovingMesh` refuses.
    """
    first = recordings[0]
    for recording in recordings:
        if layout(recording.first) != layout(first.first) or recording.still != first.still:
            do = "Give all runs the same fields, or open them apart."
            wanted = f"the fields {sorted(first.first)} in {str(recording.path)!r}, as in the first"
            raise expected(wanted, sorted(recording.first), do)
        if not np.array_equal(recording.times, first.times):
            do = "Interpolate the runs to the same times, or open them apart."
            raise expected(f"the times of the first run in {str(recording.path)!r}", "others", do)
    at_rest = all(recording.moving is None for recording in recordings)
    shared = len(recordings) == 1 or (at_rest and all(recording.mesh == first.mesh for recording in recordings))
    coords = first.coordinates() if shared else _joined(recordings, at_rest)
    coords["time"] = xr.Variable(("time",), first.times, {"units": "1", "long_name": "time"})
    variables = {name: _variable(recordings, name, shared) for name in first.first}
    if at_rest and first.still >= first.first.keys():
        del coords["time"]
    return xr.Dataset(variables, coords=coords, attrs={"source": ", ".join({str(r.path): None for r in recordings})})


def layout(values: Values) -> dict[str, str]:
    """Return the dimension of each field."""
    return {name: dim for name, (dim, _) in values.items()}


def _variable(recordings: Sequence[Recording], name: str, shared: bool) -> xr.Variable:
    first = recordings[0]
    dim, values = first.first[name]
    attrs = {"units": "1", "long_name": name, "mesh": "mesh", "location": "node" if dim == "node" else "face"}
    frames = len(first.times)
    if shared:
        dims, shape = ("sample", "time", dim), (len(recordings), frames, len(values))
        array = StackedArray(partial(_of_one, recordings, name), dims, shape, values.dtype, frames=2)
    else:
        total = sum(len(recording.first[name][1]) for recording in recordings)
        array = StackedArray(partial(_of_all, recordings, name), ("time", dim), (frames, total), values.dtype, frames=1)
    variable = array.variable(attrs)
    return variable.isel(time=0) if name in first.still else variable


def _of_one(recordings: Sequence[Recording], name: str, sample: int, frame: int) -> np.ndarray:
    return recordings[sample].values(frame)[name][1]


def _of_all(recordings: Sequence[Recording], name: str, frame: int) -> np.ndarray:
    return np.concatenate([recording.values(frame)[name][1] for recording in recordings])


def _joined(recordings: Sequence[Recording], at_rest: bool) -> dict[str, xr.Variable]:
    coords = describe_many([recording.mesh for recording in recordings])
    if not at_rest:
        times = len(recordings[0].times)
        paths = [
            np.broadcast_to(r.mesh.points, (times, *r.mesh.points.shape)) if r.moving is None else r.moving
            for r in recordings
        ]
        for number, axis in enumerate(AXES[: recordings[0].mesh.dim]):
            joined = np.concatenate([path[:, :, number] for path in paths], axis=1)
            coords[axis] = xr.Variable(("time", "node"), joined, coords[axis].attrs)
    return coords
