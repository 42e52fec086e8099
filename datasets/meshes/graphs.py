"""Meshes as graphs of PyTorch Geometric, and back."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch_geometric.data import Data

from surrogate.datasets.errors import expected
from surrogate.datasets.meshes.cells import KINDS
from surrogate.datasets.meshes.mesh import Mesh

_TAG = "tag_"
_INDEX = "_index"  # PyG adds the number of points before a graph to attributes of this name when it makes a batch


def to_graph(mesh: Mesh, values: Tensor | None = None, *, dtype: torch.dtype = torch.float32) -> Data:
    r"""Return the mesh as a graph whose edges go both ways along those of the cells.

    ``pos`` (N, d) holds the points, ``x`` (N, C) the values, ``edge_index`` (2, 2E) the edges and ``edge_attr``
    (2E, d + 1) the relative position :math:`x_j - x_i` of edge (j, i) and its length. Cells and tags follow as
    ``triangle_index`` (3, M), ``tag_inlet_index`` and so on: PyG's ``Batch`` joins them, too, so that a batch of meshes
    is a mesh.

    Raises
    ------
    InputError
        Values of another number of points.
    """
    if values is not None and (values.ndim != 2 or len(values) != mesh.n_points):
        raise expected(f"values ({mesh.n_points}, C)", tuple(values.shape), "Give one row for each point.")
    pos = torch.from_numpy(mesh.points.copy())
    edges = torch.from_numpy(np.concatenate([mesh.edges, mesh.edges[:, ::-1]]).T.copy())
    data = Data(x=values, edge_index=edges, edge_attr=edge_features(pos, edges).to(dtype), pos=pos.to(dtype))
    for kind, _, nodes in mesh.blocks:
        data[kind.name + _INDEX] = torch.from_numpy(nodes.T.copy())
    for name, nodes in mesh.tags.items():
        data[_TAG + name + _INDEX] = torch.from_numpy(nodes.T.copy())
    return data


def edge_features(pos: Tensor, edge_index: Tensor) -> Tensor:
    """Return for each edge from j to i the relative position and the length, ``(E, d + 1)``."""
    relative = pos[edge_index[0]] - pos[edge_index[1]]
    return torch.cat([relative, relative.norm(dim=1, keepdim=True)], dim=1)


def from_graph(data: Data, *, orient: bool = False) -> Mesh:
    """Return the mesh of a graph made by `to_graph`, or of one with PyG's ``face`` (3, M) or ``tetra`` (4, M).

    Cells of mixed kinds come back grouped by kind. With ``orient`` those that are inside out are turned.

    Raises
    ------
    InputError
        A graph without positions or without cells: edges alone do not tell which cells they bound.
    """
    if data.pos is None:
        raise expected("a graph with positions `pos`", "none", "Set data.pos.")
    names = {"face": "triangle", "tetra": "tetrahedron", **{name + _INDEX: name for name in KINDS}}
    cells = {kind: data[name].cpu().numpy().T for name, kind in names.items() if name in data}
    if not cells:
        raise expected("a graph with cells", f"only {list(data.keys())}", "Set data.face (3, M), or triangle_index.")
    tags = {
        name.removeprefix(_TAG).removesuffix(_INDEX): data[name].cpu().numpy().T
        for name in data.keys()  # noqa: SIM118 (Data iterates over pairs)
        if name.startswith(_TAG)
    }
    return Mesh(data.pos.cpu().numpy(), cells, tags, orient=orient)
