"""Meshes in fields: the variables of UGRID 1.0, one mesh for all samples or one for each."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from surrogate.datasets.errors import expected
from surrogate.datasets.grids.grid import AXES
from surrogate.datasets.meshes.cells import KINDS
from surrogate.datasets.meshes.connectivity import stacked
from surrogate.datasets.meshes.mesh import Mesh
from surrogate.datasets.samples.ragged import counts, pointer

_ELEMENT = {1: "edge", 2: "face", 3: "volume"}
_COUNTED = ("node", "cell", "facet")


def describe(mesh: Mesh, units: str = "1") -> dict[str, xr.Variable]:
    """Return the coordinate variables that describe a mesh, to be given as ``coords`` of fields.

    ``mesh`` names the others: ``x``, ``y``, ``z`` over ``node``; ``cell_nodes`` over ``cell``, filled with -1 where
    kinds are mixed; tags of points as bits of ``node_tags``; tagged facets in ``facet_nodes``, with ``facet_tag``.

    Raises
    ------
    InputError
        More than 62 tags of points, or a name of a tag with other than letters, digits and ``_-.+@``.
    """
    element = _ELEMENT[mesh.cell_dim]
    topology: dict[str, Any] = {
        "cf_role": "mesh_topology",
        "long_name": "topology of the mesh",
        "topology_dimension": mesh.cell_dim,
        "node_dimension": "node",
        "node_coordinates": " ".join(AXES[: mesh.dim]),
        f"{element}_dimension": "cell",
        f"{element}_node_connectivity": "cell_nodes",
    }
    cells = {"cf_role": f"{element}_node_connectivity", "long_name": "nodes of each cell"}
    variables = {
        name: xr.Variable(("node",), mesh.points[:, i], _axis_attributes(name, units))
        for i, name in enumerate(AXES[: mesh.dim])
    }
    variables["cell_nodes"] = _connectivity(("cell", "cell_corner"), mesh.cells, cells)
    if len(mesh.blocks) > 1 and mesh.cell_dim == 3:
        topology["volume_shape_type"] = "cell_kind"
        variables["cell_kind"] = _cell_kinds(mesh)
    tags = _tags(mesh)
    if "facet_nodes" in tags:
        topology["boundary_node_connectivity"] = "facet_nodes"
    return {"mesh": xr.Variable((), np.int32(0), topology), **variables, **tags}


def describe_many(meshes: Sequence[Mesh], units: str = "1") -> dict[str, xr.Variable]:
    """Return the coordinate variables that describe one mesh for each sample: their union, and the counts.

    Fields over ``node`` and ``cell`` hold the values of the first sample, then of the second, and so on.
    """
    union = join(meshes)
    variables = describe(union, units)
    lengths = {
        "node": [mesh.n_points for mesh in meshes],
        "cell": [mesh.n_cells for mesh in meshes],
        "facet": [sum(len(tag) for tag in mesh.tags.values() if tag.ndim == 2) for mesh in meshes],
    }
    if "facet_nodes" in variables:
        variables |= _by_sample(variables, meshes)
    else:
        del lengths["facet"]
    return variables | {f"{dim}_count": count_variable(dim, values) for dim, values in lengths.items()}


def count_variable(dim: str, values: Sequence[int] | np.ndarray) -> xr.Variable:
    """Return the variable that says how many entries along ``dim`` each sample has."""
    attrs = {"sample_dimension": dim, "long_name": f"number of entries of each sample along {dim}"}
    return xr.Variable(("sample",), np.asarray(values, dtype=np.int64), attrs)


def node_numbers(dims: tuple[str, ...], values: np.ndarray, long_name: str) -> xr.Variable:
    """Return a variable of node numbers, counted over all samples."""
    return _connectivity(dims, values, {"long_name": long_name})


def join(meshes: Sequence[Mesh]) -> Mesh:
    """Return the meshes as one, which falls into pieces.

    Raises
    ------
    InputError
        No meshes, meshes of different dimension, or a tag of points here and facets there.
    """
    if len({(mesh.dim, mesh.cell_dim) for mesh in meshes}) != 1:
        raise expected("meshes of one dimension", sorted({(m.dim, m.cell_dim) for m in meshes}), "Separate them.")
    starts = pointer(np.array([mesh.n_points for mesh in meshes])).tolist()
    tags: dict[str, list[np.ndarray]] = {}
    for mesh, start in zip(meshes, starts, strict=False):
        for name, nodes in mesh.tags.items():
            tags.setdefault(name, []).append(_shifted(nodes, start))
    for name, parts in tags.items():
        if len({part.ndim for part in parts if len(part)}) > 1:
            raise expected(f"a tag {name!r} of points or of facets", "both", "Rename one.")
    cells = stacked([_shifted(mesh.cells, start) for mesh, start in zip(meshes, starts, strict=False)])
    joined = {name: _joined(parts) for name, parts in tags.items()}
    return Mesh(np.concatenate([mesh.points for mesh in meshes]), cells, joined, cell_dim=meshes[0].cell_dim)


def _joined(parts: Sequence[np.ndarray]) -> np.ndarray:
    """Return the points or facets of a tag; where no mesh has any, facets if they are called so in one of them."""
    filled = [part for part in parts if len(part)] or [max(parts, key=np.ndim)]
    return stacked(filled) if filled[0].ndim == 2 else np.concatenate(filled)


def read(fields: xr.Dataset, sample: int | None = None) -> Mesh:
    """Return the mesh of ``fields``; where it differs by sample, that of one sample. Others' UGRID names are followed.

    Raises
    ------
    InputError
        No mesh topology, a variable that it names is missing, moving nodes, counts that do not add up, no ``sample``
        where it is needed, or what `Mesh` refuses.
    """
    topology = find_topology(fields)
    if topology is None:
        raise expected("fields on a mesh", "no variable with cf_role='mesh_topology'", "Add mesh.coordinates().")
    dim = int(topology["topology_dimension"])
    axes = [_named(fields, name) for name in str(topology["node_coordinates"]).split()]
    if any(axis.ndim != 1 for axis in axes):
        raise expected("nodes that do not move", axes[0].dims, "Select one time, or use MovingMesh.from_fields.")
    cells = numbers_from_zero(_named(fields, str(topology.get(f"{_ELEMENT.get(dim)}_node_connectivity"))))
    lengths = counts(fields)
    parts = {name: slice(None) for name in _COUNTED}
    if lengths:
        parts = _parts(lengths, sample, fields.sizes["sample"])
    first = parts["node"].start or 0
    points = np.column_stack([axis.values[parts["node"]] for axis in axes])
    tags = _read_tags(fields, topology, parts)
    own = {name: _shifted(nodes, -first) for name, nodes in tags.items()}
    return Mesh(points, _shifted(cells[parts["cell"]], -first), own, cell_dim=dim)


def find_topology(fields: xr.Dataset) -> Mapping[str, Any] | None:
    """Return the attributes of the one variable that describes a mesh, or None."""
    found = [v.attrs for v in fields.variables.values() if v.attrs.get("cf_role") == "mesh_topology"]
    if len(found) > 1:
        raise expected("one mesh in the fields", len(found), "Select the variables of one of them.")
    return found[0] if found else None


def _parts(lengths: Mapping[str, np.ndarray], sample: int | None, samples: int) -> dict[str, slice]:
    if sample is None:
        return {name: slice(None) for name in _COUNTED}
    if not -samples <= sample < samples:
        raise expected(f"a sample from 0 to {samples - 1}", sample, "Correct `sample`.")
    parts = {}
    for name in _COUNTED:
        edges = pointer(lengths.get(name, np.zeros(samples, dtype=int)))
        parts[name] = slice(int(edges[sample % samples]), int(edges[sample % samples + 1]))
    return parts


def _named(fields: xr.Dataset, name: str) -> xr.Variable:
    if name not in fields.variables:
        raise expected(f"the variable {name!r} that the mesh topology names", "none", "Keep the coordinates.")
    return fields.variables[name]


def numbers_from_zero(variable: xr.Variable) -> np.ndarray:
    """Return node numbers from 0, with -1 for none, whether or not xarray has masked them."""
    values = variable.values
    if values.dtype.kind == "f":
        values = np.where(np.isnan(values), -1, values).astype(np.int64)
        fill = -1
    else:
        fill = variable.attrs.get("_FillValue", -1)
    return np.where(values == fill, -1, values - int(variable.attrs.get("start_index", 0))).astype(np.int64)


def _connectivity(dims: tuple[str, ...], values: np.ndarray, attrs: dict[str, Any]) -> xr.Variable:
    fill = {"_FillValue": np.int64(-1)} if (values < 0).any() else {}
    return xr.Variable(dims, values, attrs | {"start_index": np.int64(0)} | fill)


def _axis_attributes(name: str, units: str) -> dict[str, str]:
    attrs = {"units": units, "long_name": f"{name} coordinate"}
    if name in ("x", "y"):
        attrs["standard_name"] = f"projection_{name}_coordinate"  # readers of UGRID look for it
    return attrs


def _cell_kinds(mesh: Mesh) -> xr.Variable:
    kinds = np.empty(mesh.n_cells, dtype=np.int8)
    names = [name for name, kind in KINDS.items() if kind.dim == 3]
    for block in mesh.blocks:
        kinds[block.places] = names.index(block.kind.name)
    attrs = {"cf_role": "volume_shape_type", "flag_values": np.arange(len(names), dtype=np.int8)}
    return xr.Variable(("cell",), kinds, attrs | {"flag_meanings": " ".join(names)})


def _tags(mesh: Mesh) -> dict[str, xr.Variable]:
    """Return tags as CF flags: several may hold at a point, so they are bits; a facet is listed once for each."""
    for name in mesh.tags:
        if not re.fullmatch(r"[\w\-.+@]+", name):
            raise expected("a tag of letters, digits and _-.+@", repr(name), "Rename it, files take no other.")
    points = {name: nodes for name, nodes in mesh.tags.items() if nodes.ndim == 1}
    facets = {name: nodes for name, nodes in mesh.tags.items() if nodes.ndim == 2}
    variables = {}
    if points:
        if len(points) > 62:
            raise expected("at most 62 tags of points", len(points), "Tag facets.")
        masks = 1 << np.arange(len(points), dtype=np.int64)
        bits = np.zeros(mesh.n_points, dtype=np.int64)
        for mask, nodes in zip(masks, points.values(), strict=True):
            bits[nodes] |= mask
        attrs = {"flag_masks": masks, "flag_meanings": " ".join(points), "long_name": "tags of the points"}
        variables["node_tags"] = xr.Variable(("node",), bits, attrs)
    if facets:
        nodes = stacked(list(facets.values()))
        which = np.repeat(np.arange(len(facets)), [len(part) for part in facets.values()])
        attrs = {"flag_values": np.arange(len(facets)), "flag_meanings": " ".join(facets)}
        connectivity = {"cf_role": "boundary_node_connectivity", "long_name": "nodes of each tagged facet"}
        variables["facet_nodes"] = _connectivity(("facet", "facet_corner"), nodes, connectivity)
        variables["facet_tag"] = xr.Variable(("facet",), which, attrs | {"long_name": "tag of each facet"})
    return variables


def _by_sample(variables: Mapping[str, xr.Variable], meshes: Sequence[Mesh]) -> dict[str, xr.Variable]:
    """Return the tagged facets of a union, ordered by sample instead of by tag."""
    ends = pointer(np.array([mesh.n_points for mesh in meshes]))[1:]
    sample = np.searchsorted(ends, variables["facet_nodes"].values[:, 0], side="right")
    order = np.argsort(sample, kind="stable")
    return {name: variables[name].isel(facet=order) for name in ("facet_nodes", "facet_tag")}


def _read_tags(fields: xr.Dataset, topology: Mapping[str, Any], parts: Mapping[str, slice]) -> dict[str, np.ndarray]:
    tags = {}
    if "node_tags" in fields.variables:
        variable = fields.variables["node_tags"]
        first = parts["node"].start or 0
        bits = variable.values[parts["node"]].astype(np.int64)
        names = str(variable.attrs["flag_meanings"]).split()
        for mask, name in zip(np.atleast_1d(variable.attrs["flag_masks"]), names, strict=True):
            tags[name] = np.flatnonzero(bits & int(mask)) + first
    if "facet_tag" in fields.variables and "boundary_node_connectivity" in topology:
        nodes = numbers_from_zero(_named(fields, str(topology["boundary_node_connectivity"])))[parts["facet"]]
        variable = fields.variables["facet_tag"]
        which = variable.values[parts["facet"]]
        names = str(variable.attrs["flag_meanings"]).split()
        for value, name in zip(np.atleast_1d(variable.attrs["flag_values"]), names, strict=True):
            tags[name] = nodes[which == value]
    return tags


def _shifted(nodes: np.ndarray, by: int) -> np.ndarray:
    return np.where(nodes < 0, -1, nodes + by)
