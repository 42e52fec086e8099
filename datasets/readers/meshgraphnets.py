"""Trajectories on meshes, a group for each, as those of MeshGraphNets (arXiv:2010.03409) are converted to HDF5."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import h5py
import numpy as np
import xarray as xr

from surrogate.datasets.errors import InputError, expected
from surrogate.datasets.fields import check
from surrogate.datasets.meshes.mesh import Mesh
from surrogate.datasets.meshes.ugrid import describe_many
from surrogate.datasets.readers.axes import time_axis
from surrogate.datasets.readers.hdf5 import dataset_in, looks_like, number_in, opened, own_group, vector_in
from surrogate.datasets.readers.hdf5_claims import refuse_references
from surrogate.datasets.readers.lazy import JoinedArray, LazyArray, StoredArray, lazy_dataset
from surrogate.datasets.readers.meshio_mesh import component_names

POSITIONS = ("mesh_pos", "pos")
#: What is in a group besides fields.
STRUCTURE = {*POSITIONS, "time", "cells", "node_type", "faces", "triangles", "edges", "edge_index", "edge_attr"}
#: Kinds of nodes in the data of the paper; those of kind 0 are inside.
NODE_TYPES = {1: "obstacle", 2: "airfoil", 3: "handle", 4: "inflow", 5: "outflow", 6: "wall"}
#: Cells by dimension of the points and number of corners.
CELLS = {(2, 3): "triangle", (2, 4): "quad", (3, 3): "triangle", (3, 4): "tetrahedron", (3, 8): "hexahedron"}
STEPS = ("dt", "time_step", "time_interval")


def is_meshgraphnets(path: Path) -> bool:
    """Return whether a file has a group with positions, cells and node types for each trajectory."""
    return looks_like(path, lambda file: _positions(own_group(file, next(iter(file), None))) is not None)


def read_meshgraphnets(path: Path, *, times: Sequence[float] | None = None) -> xr.Dataset:
    """Read trajectories on meshes, lazily but for the meshes.

    Each group has ``mesh_pos`` or ``pos``, ``cells``, ``node_type`` and fields ``(time, node, component)``, or
    ``(node, component)`` where they do not move; what is the same at all times may be stored for each. Vectors become
    ``velocity_x``, ``velocity_y``, ... Node types become tags of points: ``inflow``, ``outflow``, ``wall``, ... Where
    all trajectories have the same mesh they are samples on it, otherwise they are joined along ``node`` and ``cell``.

    Parameters
    ----------
    path
        The file.
    times
        The first and the last of the frames, or all; default: the array ``time`` of each group, else the attribute
        ``dt`` of the file, else 1, 2, ...

    Raises
    ------
    InputError
        Truncated, without cells, with positions that move, fields that do not fit the nodes, trajectories of different
        length, or a wrong mesh.
    """
    with opened(path) as file:
        refuse_references(file)
        trajectories = sorted(file, key=lambda name: (len(name), name) if name.isdecimal() else (0, name))
        groups = [group for name in trajectories if (group := own_group(file, name)) is not None]
        meshes = [_mesh(group) for group in groups]
        shared = all(mesh == meshes[0] for mesh in meshes)
        fields = _fields(groups, [mesh.n_points for mesh in meshes], "sample" if shared else "node")
        frames = next((_frames(array) for array in fields.values() if "time" in array.dims), None)
        coords = meshes[0].coordinates() if shared else describe_many(meshes)
        coords |= time_axis(frames, _stored_times(groups, frames), times, path.name)
    located = {"units": "1", "mesh": "mesh", "location": "node"}
    attributes = {name: {"long_name": name.replace("_", " ")} | located for name in fields}
    return check(lazy_dataset(fields, attributes, {}, coords, path.name), values=False)


def _positions(group: h5py.Group | None) -> str | None:
    """Return the name of the positions in a group that has cells and node types as well."""
    if group is None or not {"cells", "node_type"} <= group.keys():
        return None
    return next((name for name in POSITIONS if name in group), None)


def _mesh(group: h5py.Group) -> Mesh:
    where = f"trajectory {group.name.lstrip('/')!r} of {group.file.filename!r}"
    name = _positions(group)
    if name is None:
        raise expected(f"{' or '.join(POSITIONS)}, cells and node_type in {where}", sorted(group), "Add them.")
    points, cells = _still(group, name, 2), _still(group, "cells", 2)
    types = _still(group, "node_type", 2 if group["node_type"].shape[-1] == 1 else 1).reshape(-1)
    kind = CELLS.get((points.shape[1], cells.shape[1]))
    if kind is None or len(types) != len(points):
        got = f"shapes {points.shape}, {cells.shape} and {types.shape}"
        raise expected(f"positions (n, 2 or 3), cells (m, corners) and n types in {where}", got, "Correct the file.")
    tags = {NODE_TYPES.get(int(t), f"type_{int(t)}"): np.flatnonzero(types == t) for t in np.unique(types) if t != 0}
    try:
        return Mesh(points, {kind: cells.astype(np.int64)}, tags, orient=True)
    except InputError as error:
        raise InputError(f"{error} (In {where}.)") from error


def _still(group: h5py.Group, name: str, ndim: int) -> np.ndarray:
    """Return what is the same at all times, whether or not it is stored for each."""
    dataset = dataset_in(group, name)
    if dataset.ndim == ndim:
        return np.asarray(dataset[()])
    where = f"{dataset.name.lstrip('/')!r} of {group.file.filename!r}"
    if dataset.ndim != ndim + 1:
        raise expected(f"an array of rank {ndim}, or {ndim + 1} with times, in {where}", dataset.shape, "Correct it.")
    first = np.asarray(dataset[0])
    if not np.array_equal(first, dataset[-1]):
        do = "Store where the nodes are at first, and their way as a field."
        raise expected(f"the same at all times in {where}", "other values at the last", do)
    return first


def _fields(groups: Sequence[h5py.Group], nodes: Sequence[int], along: str) -> dict[str, JoinedArray]:
    """Return the components of all fields, joined over the trajectories."""
    first = {name for name in groups[0] if name not in STRUCTURE}
    parts: dict[str, list[StoredArray]] = {}
    for group, n in zip(groups, nodes, strict=True):
        found = {name for name in group if name not in STRUCTURE}
        if found != first or not found:
            wanted = f"the fields {sorted(first)} of the first trajectory in {group.name.lstrip('/')!r}"
            raise expected(wanted if first else "fields besides the mesh", sorted(found), "Open another file.")
        for name in sorted(found):
            dataset = dataset_in(group, name)
            axes = _axes(dataset, n)
            for label, component in _components(name, dataset.shape[len(axes) :]):
                parts.setdefault(label, []).append(StoredArray(dataset, [*axes, *component]))
    for arrays in parts.values():
        _refuse_other_lengths(arrays)
    return {label: JoinedArray(arrays, along) for label, arrays in parts.items()}


def _refuse_other_lengths(arrays: Sequence[StoredArray]) -> None:
    first = arrays[0]
    for array in arrays:
        if "time" in first.dims and "time" in array.dims and _frames(array) != _frames(first):
            wanted = f"{_frames(first)} frames, as in the first trajectory, in {array.name.lstrip('/')!r}"
            do = "Cut all to one length, or store those of each length in a file of their own."
            raise expected(f"{wanted} of {str(array.file.path)!r}", _frames(array), do)


def _frames(array: LazyArray) -> int:
    return array.shape[array.dims.index("time")]


def _axes(dataset: h5py.Dataset, nodes: int) -> list[str]:
    shape = dataset.shape
    if shape[0] == nodes and len(shape) <= 2:
        return ["node"]
    if len(shape) in (2, 3) and shape[1] == nodes:
        return ["time", "node"]
    where = f"{dataset.name.lstrip('/')!r} of {dataset.file.filename!r}"
    raise expected(f"{nodes} nodes, as in the mesh, in (time, node, component) of {where}", shape, "Correct the file.")


def _components(name: str, shape: tuple[int, ...]) -> list[tuple[str, list[int]]]:
    if shape in ((), (1,)):
        return [(name, [0] * len(shape))]
    return [(f"{name}_{ending}", [number]) for number, ending in enumerate(component_names(shape[0]))]


def _stored_times(groups: Sequence[h5py.Group], frames: int | None) -> np.ndarray | None:
    """Return the times in the trajectories, or those that follow from the attributes of the file or the first one."""
    if frames is None:
        return None
    found = [vector_in(group, "time", frames) for group in groups if "time" in group]
    if found and (len(found) < len(groups) or np.ptp(found, axis=0).any()):
        do = "Open them one by one."
        raise expected(f"the same times in all trajectories of {groups[0].file.filename!r}", "others in some", do)
    if found:
        return found[0]
    steps = [number_in(owner.attrs, name) for owner in (groups[0].file, groups[0]) for name in STEPS]
    step = next((step for step in steps if step is not None), None)
    return None if step is None else np.arange(frames) * step
