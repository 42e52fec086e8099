"""Data sets of PyTorch Geometric: lists of graphs whose points have positions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import xarray as xr
from torch_geometric.data import Data
from torch_geometric.data.data import DataEdgeAttr, DataTensorAttr
from torch_geometric.data.storage import GlobalStorage

from surrogate.datasets.errors import expected
from surrogate.datasets.fields import check
from surrogate.datasets.grids.grid import AXES
from surrogate.datasets.meshes.cells import KINDS
from surrogate.datasets.meshes.graphs import from_graph
from surrogate.datasets.meshes.ugrid import count_variable, describe_many
from surrogate.datasets.readers.damage import unreadable
from surrogate.datasets.readers.pt import to_array
from surrogate.datasets.storage.pickles import load_plain

#: What graphs call their channels.
NAMES = {"x": "input", "y": "output"}
#: Attributes that say how points are connected.
_CELLS = {"face", "tetra", *(f"{name}_index" for name in KINDS)}

Samples = dict[str, list[np.ndarray]]


def read_pyg(path: Path) -> xr.Dataset:
    """Read a list of `torch_geometric.data.Data`, or what an ``InMemoryDataset`` stores, one graph a sample.

    ``pos`` (N, d) says where the points are. ``x`` and ``y`` become ``input`` and ``output``, with ``_0``, ``_1``, ...
    for several channels, and other attributes with a row for each point likewise; what has one row for a graph becomes
    parameters. Triangles ``face``, ``tetra`` and the cells that `surrogate.datasets.to_graph` writes make a mesh,
    without them the points are a cloud. Where all graphs have the same points there is one for all samples. Other edges
    are left out: `surrogate.datasets.radius_graph` and `nearest_graph` make them again.

    Only tensors and the storage classes of PyTorch Geometric are unpickled (``weights_only=True``): nothing in the file
    can run.

    Raises
    ------
    InputError
        Other objects in the file, graphs without positions, of different attributes, or what `Mesh` refuses.
    """
    graphs = _graphs(path)
    _refuse_others(graphs, path)
    positions = [graph["pos"] for graph in graphs]
    lengths = [len(points) for points in positions]
    meshes = [from_graph(graph, orient=True) for graph in graphs] if _CELLS & set(graphs[0].keys()) else None
    if meshes is not None:
        shared = all(mesh == meshes[0] for mesh in meshes)
        coords = meshes[0].coordinates() if shared else describe_many(meshes)
    else:
        shared = all(torch.equal(points, positions[0]) for points in positions)
        coords = _cloud(positions[:1] if shared else positions)
        coords |= {} if shared else {"node_count": count_variable("node", lengths)}
    variables: dict[str, xr.Variable] = {}
    for key in sorted(set(graphs[0].keys()) - {"pos"}):
        if not (key.endswith("_index") or key.startswith("edge_") or key in _CELLS):
            variables |= _variables(key, [graph[key] for graph in graphs], lengths, shared)
    if not any("node" in variable.dims for variable in variables.values()):
        raise expected(f"values at the points of {str(path)!r}", sorted(graphs[0].keys()), "Store x or y (N, C).")
    for name, variable in variables.items():
        variable.attrs = {"units": "1", "long_name": name}
    return check(xr.Dataset(variables, coords=coords, attrs={"source": path.name}), values=False)


def _graphs(path: Path) -> list[Any]:
    with torch.serialization.safe_globals([Data, GlobalStorage, DataEdgeAttr, DataTensorAttr]):
        content = load_plain(path, "graphs of PyTorch Geometric at")
    if isinstance(content, tuple) and len(content) in (2, 3):
        try:
            return _separated(content[0], content[1])
        except Exception as error:  # slices that do not fit make anything
            raise unreadable("graphs joined by PyTorch Geometric at", path, error) from error
    return list(content) if isinstance(content, list) else [content]


def _separated(joined: Data | Mapping[str, Any], slices: Mapping[str, Any] | None) -> list[Data]:
    """Return the graphs that an ``InMemoryDataset`` has joined."""
    whole = joined if isinstance(joined, Data) else Data.from_dict(dict(joined))
    if slices is None:
        return [whole]
    count = len(next(iter(slices.values()))) - 1
    graphs = [Data() for _ in range(count)]
    for key, ends in slices.items():
        value = whole[key]
        dim = whole.__cat_dim__(key, value) if isinstance(value, torch.Tensor) else 0
        for graph, start, end in zip(graphs, ends[:-1], ends[1:], strict=True):
            if isinstance(value, torch.Tensor):
                graph[key] = value.narrow(dim, int(start), int(end - start))
            else:
                graph[key] = value[int(start) : int(end)]
    return graphs


def _refuse_others(graphs: Sequence[Any], path: Path) -> None:
    if not graphs:
        raise expected(f"graphs in {str(path)!r}", "an empty list", "Store some.")
    for number, graph in enumerate(graphs):
        if type(graph) is not Data:
            got = f"{type(graph).__name__} at place {number}"
            raise expected(f"torch_geometric.data.Data in {str(path)!r}", got, "Convert it.")
        pos = graph.get("pos")
        if not isinstance(pos, torch.Tensor) or pos.ndim != 2 or not 1 <= pos.shape[1] <= 3 or not len(pos):
            got = str(tuple(pos.shape)) if isinstance(pos, torch.Tensor) else "none"
            do = "Set data.pos (N, d) with d from 1 to 3."
            raise expected(f"positions of points in graph {number} of {str(path)!r}", got, do)
        if set(graph.keys()) != set(graphs[0].keys()) or pos.shape[1] != graphs[0]["pos"].shape[1]:
            do = "Give all graphs the same attributes."
            raise expected(f"{sorted(graphs[0].keys())} in graph {number} of {str(path)!r}", sorted(graph.keys()), do)
        for key, value in graph.items():
            if not isinstance(value, torch.Tensor) or value.is_complex() or value.layout != torch.strided:
                got = type(value).__name__ if not isinstance(value, torch.Tensor) else f"{value.dtype} {value.layout}"
                do = "Store real, dense tensors."
                raise expected(f"a tensor {key!r} in graph {number} of {str(path)!r}", got, do)


def _cloud(positions: Sequence[torch.Tensor]) -> dict[str, xr.Variable]:
    points = torch.cat(list(positions)).double().numpy()
    return {
        axis: xr.Variable(("node",), points[:, i], {"units": "1", "long_name": f"{axis} coordinate"})
        for i, axis in enumerate(AXES[: points.shape[1]])
    }


def _variables(
    key: str, values: Sequence[torch.Tensor], lengths: Sequence[int], shared: bool
) -> dict[str, xr.Variable]:
    """Return an attribute of all graphs as fields of one channel each, or as parameters."""
    at_points = all(value.ndim and len(value) == length for value, length in zip(values, lengths, strict=True))
    rows = [
        to_array(value).reshape(length if at_points else 1, -1) for value, length in zip(values, lengths, strict=True)
    ]
    if len({row.shape[1] for row in rows}) > 1:
        shapes = sorted({tuple(value.shape) for value in values})
        raise expected(f"as many channels of {key!r} in all graphs", shapes, "Store them alike.")
    name = NAMES.get(key, key)
    names = [name] if rows[0].shape[1] == 1 else [f"{name}_{number}" for number in range(rows[0].shape[1])]
    if not at_points:
        table = np.concatenate(rows)
        return {name: xr.Variable(("sample",), column) for name, column in zip(names, table.T, strict=True)}
    dims = ["sample", "node"] if shared else ["node"]
    joined = np.stack(rows) if shared else np.concatenate(rows)
    return {name: xr.Variable(dims, joined[..., number]) for number, name in enumerate(names)}
